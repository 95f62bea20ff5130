// What the native tests share: counted checks, and memory between pages that may not be touched.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace hornbook {

inline long checks = 0, failures = 0;

inline void check(bool good, const char* what, int64_t size) {
    ++checks;
    if (good) return;
    ++failures;
    if (failures < 20) std::printf("failed: %s, size %lld\n", what, static_cast<long long>(size));
}

// ---- memory between guard pages ---------------------------------------------------------------------------------------------

// Where a buffer lies between its guard pages: so many bytes after the first, or flush with the second.
constexpr int64_t flush_end = -1;
inline int64_t placement = flush_end;

template <class T>
class Guarded {
public:
    explicit Guarded(int64_t count) : count_(count), page_(sysconf(_SC_PAGESIZE)) {
        const int64_t bytes = count * static_cast<int64_t>(sizeof(T)), inner = (bytes + 64 + page_) / page_ * page_;
        size_ = inner + 2 * page_;
        block_ = static_cast<char*>(mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        if (block_ == MAP_FAILED || mprotect(block_ + page_, inner, PROT_READ | PROT_WRITE) != 0) std::abort();
        int64_t offset = placement == flush_end ? inner - bytes : placement;
#if defined(HORNBOOK_SANITIZED)
        offset -= offset % (sizeof(T) == 8 ? 8 : 4);  // the processor does not mind misaligned floats, the sanitizer would
#endif
        data_ = reinterpret_cast<T*>(block_ + page_ + offset);
    }
    ~Guarded() { munmap(block_, size_); }
    Guarded(const Guarded&) = delete;
    Guarded& operator=(const Guarded&) = delete;

    operator T*() const { return data_; }
    int64_t count() const { return count_; }
    std::vector<char> bytes() const {
        const char* begin = reinterpret_cast<const char*>(data_);
        return {begin, begin + count_ * static_cast<int64_t>(sizeof(T))};
    }

private:
    int64_t count_, page_, size_;
    char* block_;
    T* data_;
};

}  // namespace hornbook
