// Byte pair encoding of UTF-8: words, a memory of words seen, and merges by rank. See bpe.cc for how.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "memory.h"
#include "words.h"

namespace hornbook {

// Ids that come one after the other. Unlike a std::vector it leaves room unfilled, so that a few too many can be written at once.
class IdList {
public:
    int64_t size() const { return size_; }
    const int32_t* data() const { return ids_.get(); }

    // Room for `count` more ids behind those there are; keep(n) says how many of them have been written.
    int32_t* room(int64_t count) {
        if (size_ + count > capacity_) grow(count);
        return ids_.get() + size_;
    }
    void keep(int64_t count) { size_ += count; }
    void clear() { size_ = 0; }
    Block<int32_t> take() { return std::exchange(*this, {}).ids_; }
    void append(const IdList& others);

private:
    void grow(int64_t count);

    Block<int32_t> ids_;
    int64_t size_ = 0, capacity_ = 0;
};

struct Merge {
    int32_t left, right, merged;
};

// Which pairs of ids merge, in which order: the row of a merge is its rank, the lowest is merged first.
class MergeTable {
public:
    // The rank of a merge in the upper half and the id that it makes in the lower one, so that the least of some is the next.
    using Ranked = uint64_t;
    static constexpr Ranked none = UINT64_MAX;

    // Throws std::invalid_argument if a pair is given twice. Bytes begin as byte_ids.
    MergeTable(std::vector<Merge> merges, const std::array<int32_t, 256>& byte_ids);

    Ranked find(int32_t left, int32_t right) const {
        const uint64_t hash = hash_of(left, right);
        if (!is_likely(hash)) return none;
        for (uint64_t at = hash >> shift_;; at = (at + 1) & mask_) {
            const Slot& slot = slots_[at];
            if (slot.ranked == none || (slot.left == left && slot.right == right)) return slot.ranked;
        }
    }
    Ranked find_bytes(unsigned char left, unsigned char right) const { return of_bytes_[left << 8 | right]; }
    int32_t byte_id(unsigned char byte) const { return byte_ids_[byte]; }
    // Whether any token has these two bytes side by side. Where not, no merge reaches across, and a word may be cut.
    bool joins(unsigned char left, unsigned char right) const { return joined_[left << 8 | right]; }
    const Merge& operator[](uint32_t rank) const { return merges_[rank]; }

private:
    // All that a search needs in one place: what it looks for is seldom in a cache.
    struct Slot {
        int32_t left, right;
        Ranked ranked;
    };

    static uint64_t hash_of(int32_t left, int32_t right) {
        const uint64_t pair = static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
        return pair * 0x9E3779B97F4A7C15u;
    }
    // Eight bits a slot, small enough to stay in a cache, tell nine of ten pairs that do not merge.
    uint64_t bit_of(uint64_t hash) const { return hash >> (shift_ - 3); }
    bool is_likely(uint64_t hash) const { return filter_[bit_of(hash) / 64] >> bit_of(hash) % 64 & 1; }

    void insert(Slot slot);
    void find_joined_bytes();

    std::vector<Merge> merges_;
    std::vector<uint8_t> joined_ = std::vector<uint8_t>(1 << 16);
    std::array<int32_t, 256> byte_ids_;
    Block<Slot> slots_;             // at the hash of the pair or behind it
    std::vector<uint64_t> filter_;  // has the bits of all pairs that merge
    std::vector<Ranked> of_bytes_;
    uint64_t mask_;
    int shift_;
};

// Text to ids. One encoder may be used by any number of threads at once, and after fork().
class BytePairEncoder {
public:
    // No pattern: the whole text is one word. `whole_words`, if not empty, are the bytes of each id, and a word that is one of them
    // is not merged.
    BytePairEncoder(MergeTable merges, std::optional<WordPattern> pattern, CharacterTable characters,
                    const std::vector<std::string>& whole_words);
    ~BytePairEncoder();

    // Appends the ids of `size` bytes.
    void encode(IdList& ids, const char* text, int64_t size) const;

    // A place behind `at` where the text can be cut so that its parts have the ids of the whole: behind a run of letters, where every
    // pattern ends a word. No pattern, or no such place: the end.
    int64_t cut_after(const char* text, int64_t size, int64_t at) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// The ids of many texts, one after the other, counts[i] of them from text i.
struct BatchIds {
    IdList ids;
    std::vector<int64_t> counts;
};

// Shares the texts out to all threads; a long one is cut (see cut_after).
BatchIds encode_batch(const BytePairEncoder& encoder, const std::vector<std::string_view>& texts);

}  // namespace hornbook
