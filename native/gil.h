// Running a kernel without Python's lock, so that other threads go on.
#pragma once

#include <Python.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace hornbook::python {

// A thread that asks for the lock while the interpreter shuts down is ended by Python in the middle of C++ code, which aborts
// the process. So from the moment the interpreter exits, threads that come back from a kernel wait for the end here instead,
// and exiting waits for those that are just taking the lock.
class Shutdown {
public:
    static bool begun() { return begun_; }

    // Called by atexit, with the lock held.
    static void begin() {
        begun_ = true;
        Py_BEGIN_ALLOW_THREADS;
        while (returning_ > 0) std::this_thread::sleep_for(std::chrono::microseconds(100));
        Py_END_ALLOW_THREADS;
    }

    static void return_to_python(PyThreadState* state) {
        ++returning_;
        if (begun_) {
            --returning_;
            for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
        }
        PyEval_RestoreThread(state);
        --returning_;
    }

private:
    static inline std::atomic<bool> begun_{false};
    static inline std::atomic<int> returning_{0};
};

class WithoutLock {
public:
    WithoutLock() : state_(Shutdown::begun() ? nullptr : PyEval_SaveThread()) {}
    ~WithoutLock() {
        if (state_ != nullptr) Shutdown::return_to_python(state_);
    }
    WithoutLock(const WithoutLock&) = delete;
    WithoutLock& operator=(const WithoutLock&) = delete;

private:
    PyThreadState* state_;
};

}  // namespace hornbook::python
