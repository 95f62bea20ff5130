#include "cpu.h"

#include <cstdlib>
#include <stdexcept>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace hornbook {

// Each variant.cc defines its table in its own namespace; CMake says which are in this build.
#define HORNBOOK_DECLARE(variant) \
    namespace variant {           \
    extern const Kernels table;   \
    }
HORNBOOK_DECLARE(generic)
#if defined(HORNBOOK_HAS_AVX2)
HORNBOOK_DECLARE(avx2)
#endif
#if defined(HORNBOOK_HAS_AVX512)
HORNBOOK_DECLARE(avx512)
#endif
#if defined(HORNBOOK_HAS_NEON)
HORNBOOK_DECLARE(neon)
#endif

namespace {

#if defined(__x86_64__)
// A bit of register ECX of a CPUID leaf, for what not every compiler has a name for.
bool has_feature(unsigned leaf, int bit) {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid_count(leaf, 0, &eax, &ebx, &ecx, &edx) != 0 && (ecx >> bit & 1) != 0;
}

bool has_f16c() { return has_feature(1, 29); }
bool has_avx512_vnni() { return has_feature(7, 11); }
#endif

// The tables that this processor can run, the best first. The compiler's checks include that the system saves the registers.
std::vector<const Kernels*> runnable() {
    std::vector<const Kernels*> tables;
#if defined(HORNBOOK_HAS_AVX512)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && has_avx512_vnni())
        tables.push_back(&avx512::table);
#endif
#if defined(HORNBOOK_HAS_AVX2)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c())
        tables.push_back(&avx2::table);
#endif
#if defined(HORNBOOK_HAS_NEON)
    tables.push_back(&neon::table);  // part of every arm64 processor
#endif
    tables.push_back(&generic::table);
    return tables;
}

const Kernels& chosen() {
    const char* wanted = std::getenv("HORNBOOK_ISA");
    if (wanted == nullptr || *wanted == '\0') return *runnable().front();
    if (const Kernels* named = kernels_named(wanted)) return *named;
    std::string names;
    for (const std::string& name : available_instruction_sets()) names += (names.empty() ? "" : ", ") + name;
    throw std::invalid_argument("HORNBOOK_ISA: expected one of " + names + " on this machine, got '" + wanted + "'");
}

}  // namespace

std::vector<std::string> available_instruction_sets() {
    std::vector<std::string> names;
    for (const Kernels* table : runnable()) names.emplace_back(table->name);
    return names;
}

const Kernels* kernels_named(const std::string& name) {
    for (const Kernels* table : runnable())
        if (name == table->name) return table;
    return nullptr;
}

const Kernels& kernels() {
    static const Kernels& active = chosen();
    return active;
}

}  // namespace hornbook
