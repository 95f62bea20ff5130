// Characters as a tokenizer sees them: letters, numbers, white space, and the rest. Reads UTF-8.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace hornbook {

enum class CharacterClass : uint8_t { other, letter, number, space };

// Code points from `first` to `last`.
struct CodeRange {
    int32_t first, last;
};

// Which class each code point is in: a table of pages of 128, equal ones kept once. 40 KB, of which a text touches a few lines.
class CharacterTable {
public:
    CharacterTable(const std::vector<CodeRange>& letters, const std::vector<CodeRange>& numbers, const std::vector<CodeRange>& spaces);

    // The class of a byte below 0x80.
    CharacterClass ascii(unsigned char byte) const { return pages_[byte]; }
    CharacterClass of(uint32_t code) const { return code < code_points ? pages_[page_[code / page_size] + code % page_size] : CharacterClass::other; }

private:
    static constexpr uint32_t code_points = 0x110000, page_size = 128;
    std::array<uint16_t, code_points / page_size> page_;  // where the page begins in pages_
    std::vector<CharacterClass> pages_;                   // ASCII first
};

// A character of UTF-8.
struct Character {
    uint32_t code;
    int length;  // in bytes
};

// The character at `at`, which must lie before `end`. What is no UTF-8 is taken byte by byte, as characters of class other; the
// result never reaches past `end`.
inline Character character_at(const unsigned char* at, const unsigned char* end) {
    constexpr uint32_t none = 0x110000;
    const auto follows = [&](int i) { return (at[i] & 0xC0) == 0x80; };
    const auto low = [&](int i) { return static_cast<uint32_t>(at[i] & 0x3F); };
    const uint32_t lead = at[0];
    const int64_t left = end - at;
    if (lead < 0x80) return {lead, 1};
    if (lead >= 0xC2 && lead < 0xE0 && left >= 2 && follows(1)) return {(lead & 0x1F) << 6 | low(1), 2};
    if (lead >= 0xE0 && lead < 0xF0 && left >= 3 && follows(1) && follows(2)) return {(lead & 0x0F) << 12 | low(1) << 6 | low(2), 3};
    if (lead >= 0xF0 && lead < 0xF5 && left >= 4 && follows(1) && follows(2) && follows(3))
        return {(lead & 0x07) << 18 | low(1) << 12 | low(2) << 6 | low(3), 4};
    return {none, 1};
}

}  // namespace hornbook
