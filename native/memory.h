// Working memory of kernels: aligned to cache lines, freed at the end of its scope.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hornbook {

constexpr int64_t cache_line = 64;

// Memory aligned to a cache line. Large blocks ask for huge pages: a matrix-vector product touches a new 4 KB page every
// quarter of a microsecond otherwise. Throws std::bad_alloc.
void* allocate(int64_t bytes);
void release(void* block) noexcept;

// One piece of memory for each thread of a parallel_for, allocated before it starts: nothing inside can fail.
class Scratch {
public:
    explicit Scratch(int64_t bytes_each, int slots = 1);
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    template <class T>
    T* get(int slot = 0) const {
        return reinterpret_cast<T*>(block_ + slot * stride_);
    }

private:
    int64_t stride_;
    char* block_;
};

}  // namespace hornbook
