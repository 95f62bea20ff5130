// Where words end: the patterns that tokenizers split text by, as hand-made scanners.
//
// The patterns are regular expressions; src/hornbook/tokenizer/unicode/patterns.py has them, and a twin of this file.
// Each alternative is a few lines here; every character is looked at once or twice, whatever the text.
#pragma once

#include <bit>
#include <cstring>

#include "characters.h"

namespace hornbook {

enum class WordPattern { gpt2, llama3, qwen2 };

// Cuts UTF-8 into words from left to right.
template <WordPattern pattern>
class WordScanner {
public:
    using Byte = unsigned char;

    WordScanner(const CharacterTable& table, const Byte* end) : table_(table), end_(end) {}

    // The end of the word that begins at `at`, which lies before the end of the text.
    const Byte* next(const Byte* at) const {
        if (*at == '\'')
            if (const Byte* stop = after_contraction(at)) return stop;
        if constexpr (pattern == WordPattern::gpt2) return next_gpt2(at);
        return next_llama3(at);
    }

private:
    struct Step {
        CharacterClass kind;
        const Byte* after;
    };

    Step step(const Byte* at) const {
        if (*at < 0x80) return {table_.ascii(*at), at + 1};
        const Character c = character_at(at, end_);
        return {table_.of(c.code), at + c.length};
    }

    // The end of the characters of one kind that begin at `at`.
    const Byte* run(CharacterClass kind, const Byte* at) const {
        if (kind == CharacterClass::letter) at = after_ascii_letters(at);
        while (at < end_) {
            const Step s = step(at);
            if (s.kind != kind) break;
            at = s.after;
        }
        return at;
    }

    // Letters are most of what there is: eight bytes at a time, without a branch for each.
    const Byte* after_ascii_letters(const Byte* at) const {
        constexpr uint64_t ones = 0x0101010101010101u, high = 0x80 * ones;
        while (end_ - at >= 8) {
            uint64_t bytes;
            std::memcpy(&bytes, at, sizeof bytes);
            const uint64_t low = (bytes | 0x20 * ones) & ~high;
            const uint64_t from_a = low + (0x80 - 'a') * ones, past_z = low + (0x7F - 'z') * ones;  // the high bit of each byte
            const uint64_t others = ~(from_a & ~past_z & ~bytes) & high;
            if (others != 0) return at + std::countr_zero(others) / 8;
            at += 8;
        }
        return at;
    }

    // The end of at most three numbers.
    const Byte* after_three_numbers(const Byte* at) const {
        for (int i = 0; i < 3 && at < end_; ++i) {
            const Step s = step(at);
            if (s.kind != CharacterClass::number) break;
            at = s.after;
        }
        return at;
    }

    static bool is_newline(Byte b) { return b == '\n' || b == '\r'; }

    // ['s 't 're 've 'm 'll 'd]; null if none is here. Llama's pattern takes any case, and the long s for an s.
    const Byte* after_contraction(const Byte* at) const {
        constexpr bool any_case = pattern != WordPattern::gpt2;
        const int64_t left = end_ - at;
        const auto letter = [&](int i) { return any_case && at[i] >= 'A' && at[i] <= 'Z' ? at[i] + 32 : at[i]; };
        if (left < 2) return nullptr;
        const int first = letter(1);
        if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
        if (left < 3) return nullptr;
        const int second = letter(2);
        if ((second == 'e' && (first == 'r' || first == 'v')) || (first == 'l' && second == 'l')) return at + 3;
        return any_case && at[1] == 0xC5 && at[2] == 0xBF ? at + 3 : nullptr;
    }

    // " ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    const Byte* next_gpt2(const Byte* at) const {
        const Byte* body = *at == ' ' && at + 1 < end_ ? at + 1 : at;
        Step s = step(body);
        if (s.kind != CharacterClass::space) return run(s.kind, s.after);
        return after_spaces(at);
    }

    // "[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"; Qwen's: "\p{N}" alone
    const Byte* next_llama3(const Byte* at) const {
        const Step s = step(at);
        if (s.kind == CharacterClass::letter) return run(CharacterClass::letter, s.after);
        if (s.kind == CharacterClass::number) return pattern == WordPattern::qwen2 ? s.after : after_three_numbers(at);
        if (!is_newline(*at)) {
            const Byte* stop = run(CharacterClass::letter, s.after);
            if (stop != s.after) return stop;
        }
        const Byte* body = *at == ' ' ? s.after : at;
        const Byte* stop = run(CharacterClass::other, body);
        if (stop == body) return after_lines(at);
        while (stop < end_ && is_newline(*stop)) ++stop;
        return stop;
    }

    // "\s*[\r\n]+|\s+(?!\S)|\s+": white space up to its last line break, if there is one.
    const Byte* after_lines(const Byte* at) const {
        const Byte* stop = run(CharacterClass::space, at);
        for (const Byte* last = stop; last > at; --last)
            if (is_newline(last[-1])) return last;
        return after_spaces(at);
    }

    // "\s+(?!\S)|\s+": white space up to the end of the text, or else without its last character, which the next word may take; a
    // single character is a word.
    const Byte* after_spaces(const Byte* at) const {
        const Byte* last = at;
        const Byte* stop = at;
        while (stop < end_) {
            const Step s = step(stop);
            if (s.kind != CharacterClass::space) return last == at ? stop : last;
            last = stop;
            stop = s.after;
        }
        return stop;
    }

    const CharacterTable& table_;
    const Byte* end_;
};

}  // namespace hornbook
