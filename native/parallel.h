// The one thread pool.
//
// The caller works too. Workers spin for some tens of microseconds after a job and then sleep, so the calls of a decode step
// find them awake and an idle program costs nothing. A second thread that calls while the pool is busy does its own work
// alone. After fork() the child makes a pool of its own when it first needs one.
#pragma once

#include <cstdint>

namespace hornbook {

constexpr int max_threads = 256;

// How many threads a job may use from now on, the caller counted. 1 until it is called.
void set_thread_count(int count);
int thread_count();

using TaskBody = void (*)(void* context, int64_t task, int slot);

// Calls body(context, task, slot) for each task in [0, n_tasks), in any order, each once. Tasks running at the same time have
// different slots in [0, slots). The body must not throw. Nested calls run in their caller.
void run_tasks(int64_t n_tasks, int slots, TaskBody body, void* context);

template <class Body>
inline __attribute__((always_inline)) void parallel_for(int64_t n_tasks, int slots, const Body& body) {
    const auto call = [](void* context, int64_t task, int slot) { (*static_cast<const Body*>(context))(task, slot); };
    run_tasks(n_tasks, slots, call, const_cast<Body*>(&body));
}

template <class Body>
inline __attribute__((always_inline)) void parallel_for(int64_t n_tasks, const Body& body) {
    parallel_for(n_tasks, thread_count(), [&body](int64_t task, int) { body(task); });
}

}  // namespace hornbook
