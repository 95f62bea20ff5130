#include "parallel.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <new>
#include <thread>

namespace hornbook {

namespace {

// Long enough to bridge the Python code between two kernels of a decode step, short enough not to be noticed.
constexpr auto spin_time = std::chrono::microseconds(50);

inline void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Spins until ready() or the spin time is over; says whether it is ready.
template <class Ready>
bool spin_until(const Ready& ready) {
    const auto deadline = std::chrono::steady_clock::now() + spin_time;
    do {
        for (int i = 0; i < 64; ++i) {
            if (ready()) return true;
            pause();
        }
    } while (std::chrono::steady_clock::now() < deadline);
    return ready();
}

struct Job {
    TaskBody body;
    void* context;
    int64_t n_tasks;
    int slots;
};

// A job is published by opening the gate. Workers join by adding 1 to the gate, and leave by taking it away; the caller closes
// the gate when no task is left and waits until the count is 0. A worker that sleeps through a job is never waited for.
class Pool {
public:
    // One caller at a time; false if another one is at work.
    bool try_enter() { return !busy_.exchange(true, std::memory_order_acquire); }
    void leave() { busy_.store(false, std::memory_order_release); }

    void run(const Job& job) {
        grow(job.slots - 1);
        job_ = job;
        next_task_.store(0, std::memory_order_relaxed);
        gate_.fetch_and(~closed, std::memory_order_release);
        generation_.fetch_add(1, std::memory_order_release);
        generation_.notify_all();
        work(0);
        gate_.fetch_or(closed, std::memory_order_relaxed);
        const auto all_left = [this] { return gate_.load(std::memory_order_acquire) == closed; };
        while (!spin_until(all_left)) std::this_thread::yield();
    }

private:
    static constexpr uint32_t closed = 1u << 31;

    void grow(int wanted) {
        while (n_workers_ < wanted) {
            try {
                std::thread([this, slot = n_workers_ + 1] { serve(slot); }).detach();
            } catch (const std::exception&) {
                return;  // the system gives no more threads: those that there are do the work
            }
            ++n_workers_;
        }
    }

    void work(int slot) {
        for (;;) {
            const int64_t task = next_task_.fetch_add(1, std::memory_order_relaxed);
            if (task >= job_.n_tasks) return;
            job_.body(job_.context, task, slot);
        }
    }

    [[noreturn]] void serve(int slot) {
        uint32_t seen = 0;
        for (;;) {
            const auto called = [&] { return generation_.load(std::memory_order_acquire) != seen; };
            if (!spin_until(called)) generation_.wait(seen, std::memory_order_acquire);
            seen = generation_.load(std::memory_order_acquire);
            const bool open = (gate_.fetch_add(1, std::memory_order_acquire) & closed) == 0;
            if (open && slot < job_.slots) work(slot);
            gate_.fetch_sub(1, std::memory_order_release);
        }
    }

    std::atomic<bool> busy_{false};
    Job job_{};
    int n_workers_ = 0;
    // Written by all threads, each on its own cache line.
    alignas(64) std::atomic<int64_t> next_task_{0};
    alignas(64) std::atomic<uint32_t> gate_{closed};
    alignas(64) std::atomic<uint32_t> generation_{0};
};

std::atomic<int> configured_threads{1};

// Never destroyed: detached workers may outlive the end of main.
std::atomic<Pool*> the_pool{nullptr};
std::mutex pool_creation;

// The child of a fork has none of the workers: it drops the pool, whose memory stays with the lost threads.
void drop_pool() {
    the_pool.store(nullptr);
    pool_creation.unlock();
}

Pool& pool() {
    if (Pool* existing = the_pool.load(std::memory_order_acquire)) return *existing;
    const std::lock_guard<std::mutex> lock(pool_creation);
    if (the_pool.load() == nullptr) {
        static const int registered = pthread_atfork([] { pool_creation.lock(); }, [] { pool_creation.unlock(); }, drop_pool);
        (void)registered;
        the_pool.store(new Pool, std::memory_order_release);
    }
    return *the_pool.load();
}

}  // namespace

void set_thread_count(int count) { configured_threads = count < 1 ? 1 : count > max_threads ? max_threads : count; }

int thread_count() { return configured_threads; }

void run_tasks(int64_t n_tasks, int slots, TaskBody body, void* context) {
    if (n_tasks > 1 && slots > 1) {
        Pool& shared = pool();
        if (shared.try_enter()) {
            shared.run({body, context, n_tasks, slots});
            return shared.leave();
        }
    }
    for (int64_t task = 0; task < n_tasks; ++task) body(context, task, 0);
}

}  // namespace hornbook
