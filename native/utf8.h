// Text as Python keeps it, in units of 1, 2 or 4 bytes a character, to UTF-8.
#pragma once

#include <cstdint>

namespace hornbook {

// Writes `size` code points as UTF-8, at most 4 bytes each (2 for units of 8 bits, 3 for 16). Returns the end of what is written;
// null if there is half of a surrogate pair, which has no UTF-8.
template <class Unit>
char* to_utf8(char* out, const Unit* text, int64_t size) {
    constexpr int64_t block = 16;  // most text is ASCII: looked at and copied without a branch for each character
    const Unit* const end = text + size;
    const auto put = [&out](uint32_t byte) { *out++ = static_cast<char>(byte); };
    while (text < end) {
        if (end - text >= block) {
            Unit all = 0;
            for (int64_t i = 0; i < block; ++i) all = static_cast<Unit>(all | text[i]);
            if (all < 0x80) {
                for (int64_t i = 0; i < block; ++i) out[i] = static_cast<char>(text[i]);
                out += block;
                text += block;
                continue;
            }
        }
        const Unit* const stop = end - text < block ? end : text + block;
        for (; text < stop; ++text) {
            const uint32_t code = *text;
            if (code < 0x80) {
                put(code);
            } else if (code < 0x800) {
                put(0xC0 | code >> 6);
                put(0x80 | (code & 0x3F));
            } else if (code < 0x10000) {
                if (code >= 0xD800 && code < 0xE000) return nullptr;
                put(0xE0 | code >> 12);
                put(0x80 | (code >> 6 & 0x3F));
                put(0x80 | (code & 0x3F));
            } else {
                put(0xF0 | code >> 18);
                put(0x80 | (code >> 12 & 0x3F));
                put(0x80 | (code >> 6 & 0x3F));
                put(0x80 | (code & 0x3F));
            }
        }
    }
    return out;
}

}  // namespace hornbook
