// Vectors of float, one wrapper for every instruction set.
//
// Each family file is compiled once per variant (generic, avx2, avx512, neon) with that variant's compiler flags and
// HORNBOOK_VARIANT naming its namespace, so the same source becomes four sets of functions that never collide.
// The compiler's vector types give + - * / and comparisons; only what they lack is written with intrinsics here.
//
// Nothing in this file may become a symbol that two variants share: a weak copy compiled for AVX2 could be the one the
// linker keeps, and the baseline would run it. Hence everything is in the variant's namespace and forced inline.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

#define HORNBOOK_INLINE inline __attribute__((always_inline))

namespace hornbook::HORNBOOK_VARIANT {

// lanes: floats in one register.
// tile_rows x tile_panels: how many rows times how many panels of 16 columns one matrix tile keeps in registers. A tile needs
//   rows * panels * 16 / lanes accumulators, the right-hand row itself and one broadcast. FMA has a latency of 4 cycles and
//   two issue each cycle, so at least 8 accumulators (10 on Zen 3, whose adds queue) must be in flight:
//   SSE2    2 x 1 panel  =  8 of 16 registers (multiply and add apart: one more for the product)
//   NEON    5 x 1 panel  = 20 of 32
//   AVX2    6 x 1 panel  = 12 of 16
//   AVX-512 14 x 2 panels = 28 of 32
// stream_panels: panels that a matrix-vector product walks side by side; one row needs them to have enough sums in flight.
#if defined(__AVX512F__)
constexpr int lanes = 16, tile_rows = 14, tile_panels = 2, stream_panels = 4;
#elif defined(__AVX2__)
constexpr int lanes = 8, tile_rows = 6, tile_panels = 1, stream_panels = 4;
#elif defined(__ARM_NEON) && defined(__aarch64__)
constexpr int lanes = 4, tile_rows = 5, tile_panels = 1, stream_panels = 2;
#else
constexpr int lanes = 4, tile_rows = 2, tile_panels = 1, stream_panels = 2;
#endif

#if defined(__AVX512F__)
// Some intrinsics are written with this mask: GCC 12 takes the undefined operand of their plain form for a mistake of ours.
constexpr __mmask16 all_lanes = 0xffff;
#endif

typedef float Vec __attribute__((vector_size(4 * lanes)));
typedef int32_t IntVec __attribute__((vector_size(4 * lanes)));      // also the type of a comparison: 0 or -1 in each lane
typedef int16_t PairVec __attribute__((vector_size(4 * lanes)));     // 2 * lanes int16: one pair for each lane

// ---- between memory and registers: any alignment -----------------------------------------------------------------

HORNBOOK_INLINE Vec load(const float* from) {
    Vec v;
    std::memcpy(&v, from, sizeof v);
    return v;
}

HORNBOOK_INLINE void store(float* to, Vec v) { std::memcpy(to, &v, sizeof v); }

// The first `count` lanes; the others are 0 and their memory is not touched.
HORNBOOK_INLINE Vec load_first(const float* from, int64_t count) {
    float lane[lanes] = {};
    std::memcpy(lane, from, sizeof(float) * static_cast<size_t>(count));
    return load(lane);
}

HORNBOOK_INLINE void store_first(float* to, Vec v, int64_t count) {
    std::memcpy(to, &v, sizeof(float) * static_cast<size_t>(count));
}

HORNBOOK_INLINE Vec splat(float value) {
#if defined(__AVX512F__)
    return (Vec)_mm512_set1_ps(value);
#elif defined(__AVX2__)
    return (Vec)_mm256_set1_ps(value);
#elif defined(__SSE2__)
    return (Vec)_mm_set1_ps(value);
#elif defined(__ARM_NEON) && defined(__aarch64__)
    return (Vec)vdupq_n_f32(value);
#else
    return Vec{value, value, value, value};
#endif
}

HORNBOOK_INLINE IntVec splat_int(int32_t value) {
    IntVec v = {};
    return v + value;
}

// ---- arithmetic -----------------------------------------------------------------------------------------------------

// a * b + c: rounded once where the machine has it, twice on the baseline.
HORNBOOK_INLINE Vec multiply_add(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
    return (Vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
    return (Vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__ARM_NEON) && defined(__aarch64__)
    return (Vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

HORNBOOK_INLINE Vec square_root(Vec v) {
#if defined(__AVX512F__)
    return (Vec)_mm512_maskz_sqrt_ps(all_lanes, (__m512)v);
#elif defined(__AVX2__)
    return (Vec)_mm256_sqrt_ps((__m256)v);
#elif defined(__SSE2__)
    return (Vec)_mm_sqrt_ps((__m128)v);
#elif defined(__ARM_NEON) && defined(__aarch64__)
    return (Vec)vsqrtq_f32((float32x4_t)v);
#else
    for (int i = 0; i < lanes; ++i) v[i] = __builtin_sqrtf(v[i]);
    return v;
#endif
}

HORNBOOK_INLINE Vec choose(IntVec mask, Vec yes, Vec no) { return mask ? yes : no; }

// The larger one; b where either is NaN.
HORNBOOK_INLINE Vec larger(Vec a, Vec b) { return a > b ? a : b; }

HORNBOOK_INLINE IntVec bits_of(Vec v) { return (IntVec)v; }
HORNBOOK_INLINE Vec from_bits(IntVec v) { return (Vec)v; }
HORNBOOK_INLINE Vec magnitude(Vec v) { return from_bits(bits_of(v) & 0x7fffffff); }
HORNBOOK_INLINE Vec with_sign_of(Vec size, Vec sign) {
    return from_bits(bits_of(size) | (bits_of(sign) & splat_int(INT32_MIN)));
}

HORNBOOK_INLINE Vec to_float(IntVec v) { return __builtin_convertvector(v, Vec); }
HORNBOOK_INLINE IntVec to_int(Vec v) { return __builtin_convertvector(v, IntVec); }

// To the nearest whole number, ties to even, for |v| < 2^22: adding 1.5 * 2^23 leaves no bits for a fraction.
HORNBOOK_INLINE Vec round_to_even(Vec v) {
    const Vec magic = splat(12582912.0f);
    return (v + magic) - magic;
}

// ---- across the lanes, always in the same order: halves are folded together -----------------------------------------

HORNBOOK_INLINE float sum_of_lanes(Vec v) {
    float lane[lanes];
    store(lane, v);
#pragma GCC unroll 8
    for (int half = lanes / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
    return lane[0];
}

HORNBOOK_INLINE float largest_lane(Vec v) {
    float lane[lanes];
    store(lane, v);
#pragma GCC unroll 8
    for (int half = lanes / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) lane[i] = lane[i] > lane[i + half] ? lane[i] : lane[i + half];
    return lane[0];
}

// ---- storage types: bfloat16 is the upper half of a float32, float16 is IEEE binary16 -------------------------------

struct BFloat16 {
    uint16_t bits;
};
struct Float16 {
    uint16_t bits;
};

HORNBOOK_INLINE Vec load(const BFloat16* from) {
#if defined(__AVX512F__)
    const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return (Vec)((IntVec)_mm512_maskz_cvtepu16_epi32(all_lanes, half) << 16);
#elif defined(__AVX2__)
    const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return (Vec)((IntVec)_mm256_cvtepu16_epi32(half) << 16);
#else
    typedef uint16_t Half __attribute__((vector_size(2 * lanes)));
    typedef uint32_t Whole __attribute__((vector_size(4 * lanes)));
    Half half;
    std::memcpy(&half, from, sizeof half);
    return (Vec)(__builtin_convertvector(half, Whole) << 16);
#endif
}

// Nearest, ties to even; a NaN stays one (its upper half could be all zeros, hence the quiet bit).
HORNBOOK_INLINE BFloat16 to_bfloat16(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<uint16_t>((bits >> 16) | 0x40u)};
    return {static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

// binary16 -> binary32. Shifting the 15 low bits up by 13 puts exponent and fraction in place with an exponent that is
// 112 too small; multiplying by 2^112 repairs it, denormals included. Infinity and NaN need the exponent filled up.
HORNBOOK_INLINE float from_float16(Float16 value) {
    const uint32_t sign = (value.bits & 0x8000u) << 16, rest = static_cast<uint32_t>(value.bits & 0x7fffu) << 13;
    float size;
    std::memcpy(&size, &rest, sizeof size);
    size *= 0x1p112f;
    uint32_t bits;
    std::memcpy(&bits, &size, sizeof bits);
    bits |= sign | (rest >= 0x0f800000u ? 0x7f800000u : 0u);
    std::memcpy(&size, &bits, sizeof size);
    return size;
}

// binary32 -> binary16, nearest with ties to even: adding a power of two whose last bit is the last bit that binary16 keeps
// lets the processor do the rounding.
HORNBOOK_INLINE Float16 to_float16(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    const uint32_t sign = (bits >> 16) & 0x8000u, size = bits & 0x7fffffffu;
    if (size > 0x7f800000u) return {static_cast<uint16_t>(sign | 0x7e00u)};
    if (size >= 0x477ff000u) return {static_cast<uint16_t>(sign | 0x7c00u)};  // 65520 and more: infinity
    const uint32_t exponent = size < 0x38800000u ? 0x38800000u : size & 0x7f800000u;  // at least 2^-14, the smallest normal
    const uint32_t ruler_bits = exponent + (13u << 23);
    float ruler, magnitude;
    std::memcpy(&ruler, &ruler_bits, sizeof ruler);
    std::memcpy(&magnitude, &size, sizeof magnitude);
    const float sum = magnitude + ruler;
    uint32_t rounded;
    std::memcpy(&rounded, &sum, sizeof rounded);
    const uint32_t half_exponent = (exponent - 0x38800000u) >> 13;
    return {static_cast<uint16_t>(sign | (half_exponent + (rounded - ruler_bits)))};
}

HORNBOOK_INLINE Vec load(const Float16* from) {
#if defined(__AVX512F__)
    return (Vec)_mm512_maskz_cvtph_ps(all_lanes, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
#elif defined(__F16C__)
    return (Vec)_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
#elif defined(__ARM_NEON) && defined(__aarch64__)
    return (Vec)vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(&from->bits)));
#else
    Vec v;
    for (int i = 0; i < lanes; ++i) v[i] = from_float16(from[i]);
    return v;
#endif
}

// ---- integers: int8 weights times int16 activations -----------------------------------------------------------------

// 2 * lanes int8, sign-extended.
HORNBOOK_INLINE PairVec load_pairs(const int8_t* from) {
#if defined(__AVX512BW__)
    return (PairVec)_mm512_maskz_cvtepi8_epi16(~__mmask32{0}, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
#elif defined(__AVX2__)
    return (PairVec)_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
#elif defined(__SSE2__)
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
    return (PairVec)_mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8);
#else
    typedef int8_t Bytes __attribute__((vector_size(2 * lanes)));
    Bytes bytes;
    std::memcpy(&bytes, from, sizeof bytes);
    return __builtin_convertvector(bytes, PairVec);
#endif
}

HORNBOOK_INLINE PairVec load_pairs(const int16_t* from) {
    PairVec v;
    std::memcpy(&v, from, sizeof v);
    return v;
}

// The same pair of int16, kept in the bits of a float, for every lane.
HORNBOOK_INLINE PairVec splat_pair(float pair) { return (PairVec)splat(pair); }

// sum[i] + a[2i] * b[2i] + a[2i+1] * b[2i+1], exact in int32.
HORNBOOK_INLINE IntVec add_pair_products(IntVec sum, PairVec a, PairVec b) {
#if defined(__AVX512VNNI__)
    return (IntVec)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
#elif defined(__AVX2__) && !defined(__AVX512F__)
    return sum + (IntVec)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__) && !defined(__AVX512F__)
    return sum + (IntVec)_mm_madd_epi16((__m128i)a, (__m128i)b);
#elif defined(__ARM_NEON) && defined(__aarch64__)
    const int32x4_t low = vmull_s16(vget_low_s16((int16x8_t)a), vget_low_s16((int16x8_t)b));
    const int32x4_t high = vmull_high_s16((int16x8_t)a, (int16x8_t)b);
    return sum + (IntVec)vpaddq_s32(low, high);
#else
    for (int i = 0; i < lanes; ++i) sum[i] += a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1];
    return sum;
#endif
}

}  // namespace hornbook::HORNBOOK_VARIANT
