// Working memory of kernels: aligned to cache lines, freed at the end of its scope.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace hornbook {

constexpr int64_t cache_line = 64;

// Memory aligned to a cache line. Large blocks ask for huge pages: a matrix-vector product touches a new 4 KB page every
// quarter of a microsecond otherwise. Throws std::bad_alloc.
void* allocate(int64_t bytes);
void release(void* block) noexcept;

// An array in such memory, of what needs no destructor.
template <class T>
struct Release {
    void operator()(T* block) const noexcept { release(block); }
};
template <class T>
using Block = std::unique_ptr<T[], Release<T>>;

template <class T>
Block<T> make_block(uint64_t count, const T& value) {
    Block<T> block(static_cast<T*>(allocate(static_cast<int64_t>(count * sizeof(T)))));
    std::uninitialized_fill_n(block.get(), count, value);
    return block;
}

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
