#include "memory.h"

#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace hornbook {

namespace {
constexpr int64_t huge_page = 2 << 20;

int64_t round_up(int64_t bytes, int64_t unit) { return (bytes + unit - 1) / unit * unit; }
}  // namespace

void* allocate(int64_t bytes) {
    const int64_t alignment = bytes >= huge_page ? huge_page : cache_line;
    const int64_t size = round_up(bytes > 0 ? bytes : 1, alignment == huge_page ? 4096 : cache_line);
    void* block = nullptr;
    if (posix_memalign(&block, static_cast<size_t>(alignment), static_cast<size_t>(size)) != 0) throw std::bad_alloc();
#if defined(__linux__)
    if (alignment == huge_page) madvise(block, static_cast<size_t>(size), MADV_HUGEPAGE);
#endif
    return block;
}

void release(void* block) noexcept { std::free(block); }

Scratch::Scratch(int64_t bytes_each, int slots)
    : stride_(round_up(bytes_each, cache_line)), block_(static_cast<char*>(allocate(stride_ * slots))) {}

Scratch::~Scratch() { release(block_); }

}  // namespace hornbook
