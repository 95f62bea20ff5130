// A memory of words that were encoded before. Most of a text is words that come again.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "memory.h"

namespace hornbook {

// Up to 15 bytes, how many they are and a mark, in two numbers: what nearly all words of prose fit into, and any one character.
struct WordKey {
    uint64_t low, high;

    static constexpr int64_t longest = 15, readable = 16;

    WordKey() = default;

    // Reads 16 bytes where the text has so many, whatever n is.
    WordKey(const unsigned char* word, int64_t n, const unsigned char* text_end, bool is_marked = false) {
        unsigned char copy[readable] = {};
        if (text_end - word < readable) word = static_cast<const unsigned char*>(std::memcpy(copy, word, static_cast<size_t>(n)));
        std::memcpy(&low, word, 8);
        std::memcpy(&high, word + 8, 8);
        low &= masks[n].low;
        high = (high & masks[n].high) | static_cast<uint64_t>(n) << 56 | static_cast<uint64_t>(is_marked) << 63;
    }
    bool operator==(const WordKey&) const = default;
    uint64_t hash() const {
        const uint64_t a = low * 0x9E3779B97F4A7C15u;
        return ((a ^ a >> 32) + high) * 0xC2B2AE3D27D4EB4Fu;
    }

private:
    struct Mask {
        uint64_t low, high;
    };
    static constexpr std::array<Mask, longest + 1> masks = [] {
        std::array<Mask, longest + 1> masks{};
        for (int n = 0; n <= longest; ++n)
            masks[n] = {n >= 8 ? ~uint64_t{0} : (uint64_t{1} << 8 * n) - 1, n > 8 ? (uint64_t{1} << 8 * (n - 8)) - 1 : 0};
        return masks;
    }();
};

// A word and its ids, then no_id. Zeros are an empty entry: no word has a length of 0.
struct WordEntry {
    static constexpr int most_ids = 4;
    static constexpr int32_t no_id = -1;

    WordKey word;
    int32_t ids[most_ids];

    // Writes most_ids numbers, the ids first, and returns how many ids they are.
    int64_t copy(int32_t* to) const {
        std::memcpy(to, ids, sizeof ids);
        return 1 + (ids[1] >= 0) + (ids[2] >= 0) + (ids[3] >= 0);
    }
};

// What one thread remembers: for each hash the last two words that had it, side by side in a cache line; the newer of them first.
class WordMemory {
public:
    struct alignas(cache_line) Pair {
        WordEntry entries[2];
    };
    static_assert(sizeof(Pair) == cache_line);

    static WordMemory* make() { return static_cast<WordMemory*>(std::memset(allocate(sizeof(WordMemory)), 0, sizeof(WordMemory))); }

    Pair& pair(const WordKey& key) { return pairs_[key.hash() >> (64 - log_pairs)]; }

private:
    static constexpr int log_pairs = 15;

    Pair pairs_[size_t{1} << log_pairs];
};
static_assert(sizeof(WordMemory) == 2 << 20);  // a huge page

}  // namespace hornbook
