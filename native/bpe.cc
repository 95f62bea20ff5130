// Byte pair encoding.
//
// Text repeats itself, so most words are found in a memory of those seen and cost one look at one cache line. The others begin as
// one id a byte, and the pair of lowest rank, leftmost first, is merged until there is none: by looking through all ranks in
// a short word, from a heap in a long one, so that a word of n bytes takes n log n steps.
#include "bpe.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <unordered_map>

#include "memory.h"
#include "word_memory.h"

namespace hornbook {

void IdList::grow(int64_t count) {
    capacity_ = std::max({2 * capacity_, size_ + count, int64_t{64}});
    Block<int32_t> larger(static_cast<int32_t*>(allocate(capacity_ * static_cast<int64_t>(sizeof(int32_t)))));
    std::copy(ids_.get(), ids_.get() + size_, larger.get());
    ids_ = std::move(larger);
}

void IdList::append(const IdList& others) {
    std::copy(others.data(), others.data() + others.size(), room(others.size()));
    keep(others.size());
}

// ---- merges -----------------------------------------------------------------------------------------------------------------

MergeTable::MergeTable(std::vector<Merge> merges, const std::array<int32_t, 256>& byte_ids)
    : merges_(std::move(merges)), byte_ids_(byte_ids), of_bytes_(1 << 16) {
    const uint64_t size = std::bit_ceil(std::max<uint64_t>(8, merges_.size() + merges_.size() / 4));  // four fifths full at most
    slots_ = make_block(size, Slot{0, 0, none});
    filter_.resize(size / 8);
    mask_ = size - 1;
    shift_ = 64 - std::countr_zero(size);
    for (uint32_t rank = 0; rank < merges_.size(); ++rank) {
        const auto [left, right, merged] = merges_[rank];
        if (find(left, right) != none)
            throw std::invalid_argument("merge " + std::to_string(rank) + " of ids " + std::to_string(left) + " and " +
                                        std::to_string(right) + " is given twice");
        insert({left, right, static_cast<Ranked>(rank) << 32 | static_cast<uint32_t>(merged)});
    }
    for (int left = 0; left < 256; ++left)
        for (int right = 0; right < 256; ++right) of_bytes_[left << 8 | right] = find(byte_ids_[left], byte_ids_[right]);
    find_joined_bytes();
}

void MergeTable::insert(Slot slot) {
    const uint64_t hash = hash_of(slot.left, slot.right);
    filter_[bit_of(hash) / 64] |= uint64_t{1} << bit_of(hash) % 64;
    uint64_t at = hash >> shift_;
    while (slots_[at].ranked != none) at = (at + 1) & mask_;
    slots_[at] = slot;
}

// A merge puts the last byte of its left token beside the first of its right one. If a token could be more than one string of
// bytes, or is used before it is made, any two bytes may meet.
void MergeTable::find_joined_bytes() {
    struct Ends {
        int first, last;
        bool operator==(const Ends&) const = default;
    };
    std::unordered_map<int32_t, Ends> ends;
    for (int byte = 0; byte < 256; ++byte)
        if (!ends.emplace(byte_ids_[byte], Ends{byte, byte}).second) return joined_.assign(1 << 16, 1);
    for (const Merge& merge : merges_) {
        const auto left = ends.find(merge.left), right = ends.find(merge.right);
        if (left == ends.end() || right == ends.end()) return joined_.assign(1 << 16, 1);
        const Ends made{left->second.first, right->second.last};
        joined_[static_cast<size_t>(left->second.last << 8 | right->second.first)] = 1;
        if (ends.emplace(merge.merged, made).first->second != made) return joined_.assign(1 << 16, 1);
    }
}

namespace {

using Byte = unsigned char;

// Whether a byte is a second or later one of a character.
bool is_inside(Byte byte) { return (byte & 0xC0) == 0x80; }

void prefetch(const void* at) { __builtin_prefetch(at, 1); }

// Which words are remembered as they are; others are in parts. Long ones seldom come again, nor do those of scripts without spaces
// between words, most of which lie behind U+3000.
bool is_remembered(const Byte* word, int64_t size) { return size <= WordKey::longest && word[0] < 0xE3; }

// Up to this many bytes, looking through all pairs is quicker than a heap; one bit a byte says where tokens begin.
constexpr int64_t short_word = 64;

// Merges the n <= short_word bytes of a word; returns how many ids are left.
int64_t merge_short(int32_t* ids, const MergeTable& table, const Byte* word, int64_t n) {
    MergeTable::Ranked pairs[short_word];  // the merge of the token that begins here with the next one
    for (int64_t i = 0; i < n; ++i) ids[i] = table.byte_id(word[i]);
    for (int64_t i = 0; i + 1 < n; ++i) pairs[i] = table.find_bytes(word[i], word[i + 1]);
    pairs[n - 1] = MergeTable::none;
    uint64_t begins = ~uint64_t{0} >> (64 - n);
    while (true) {
        int64_t at = 0;
        for (int64_t i = 1; i < n; ++i) at = pairs[i] < pairs[at] ? i : at;
        if (pairs[at] == MergeTable::none) break;
        ids[at] = static_cast<int32_t>(pairs[at] & 0xFFFFFFFF);
        const uint64_t before = begins & ((uint64_t{1} << at) - 1), behind = begins & ~(before | uint64_t{1} << at);
        const int64_t gone = std::countr_zero(behind);
        begins ^= uint64_t{1} << gone;
        pairs[gone] = MergeTable::none;
        const uint64_t following = behind & (behind - 1);
        pairs[at] = following ? table.find(ids[at], ids[std::countr_zero(following)]) : MergeTable::none;
        if (before) {
            const int64_t left = 63 - std::countl_zero(before);
            pairs[left] = table.find(ids[left], ids[at]);
        }
    }
    int64_t count = 0;
    for (; begins; begins &= begins - 1) ids[count++] = ids[std::countr_zero(begins)];
    return count;
}

// The ids of a long word as a doubly linked list, and a heap of the pairs that may merge. A pair whose place no longer holds it
// is passed over.
class LongWord {
public:
    LongWord(const MergeTable& table, const Byte* word, int64_t n) : table_(table), nodes_(n) {
        for (int64_t i = 0; i < n; ++i)
            nodes_[i] = {table.byte_id(word[i]), static_cast<int32_t>(i - 1), static_cast<int32_t>(i + 1 < n ? i + 1 : none)};
        for (int64_t i = 0; i + 1 < n; ++i)
            if (const auto merge = table.find_bytes(word[i], word[i + 1]); merge != MergeTable::none) heap_.push_back(entry(merge, i));
        std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
    }

    void merge() {
        while (!heap_.empty()) {
            std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
            const uint64_t best = heap_.back();
            heap_.pop_back();
            merge_pair(table_[static_cast<uint32_t>(best >> 32)], static_cast<int32_t>(best & 0xFFFFFFFF));
        }
    }

    // Writes the ids that are left, and returns how many they are.
    int64_t write(int32_t* ids) const {
        int64_t count = 0;
        for (int32_t at = 0; at != none; at = nodes_[at].next) ids[count++] = nodes_[at].id;
        return count;
    }

private:
    static constexpr int32_t none = -1, gone = -2;
    struct Node {
        int32_t id, previous, next;
    };

    // The rank, and the place of the left one of the pair.
    static uint64_t entry(MergeTable::Ranked merge, int64_t place) { return merge >> 32 << 32 | static_cast<uint32_t>(place); }

    void merge_pair(const Merge& merge, int32_t place) {
        Node& left = nodes_[place];
        if (left.id != merge.left || left.next == none || nodes_[left.next].id != merge.right) return;
        Node& right = nodes_[left.next];
        left.id = merge.merged;
        left.next = right.next;
        right.id = gone;
        if (left.next != none) {
            nodes_[left.next].previous = place;
            push(place);
        }
        if (left.previous != none) push(left.previous);
    }

    void push(int32_t place) {
        const auto merge = table_.find(nodes_[place].id, nodes_[nodes_[place].next].id);
        if (merge == MergeTable::none) return;
        heap_.push_back(entry(merge, place));
        std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    }

    const MergeTable& table_;
    std::vector<Node> nodes_;
    std::vector<uint64_t> heap_;
};

}  // namespace

// Takes all of a text for one word.
struct WholeText {
    const Byte* end;

    const Byte* next(const Byte*) const { return end; }
};

// ---- the encoder ------------------------------------------------------------------------------------------------------------

struct BytePairEncoder::Impl {
    static constexpr int n_memories = 32;

    MergeTable merges;
    std::optional<WordPattern> pattern;
    CharacterTable characters;
    std::unordered_map<std::string_view, int32_t> whole_words;
    std::vector<std::string> spellings;  // what whole_words points into
    // Memories that no thread uses. A thread takes one out for each call; no lock that a fork could leave locked for ever.
    std::array<std::atomic<WordMemory*>, n_memories> idle{};

    ~Impl() {
        for (auto& place : idle) release(place.load());
    }

    WordMemory* take_memory() {
        for (auto& place : idle)
            if (place.load(std::memory_order_relaxed) != nullptr)
                if (WordMemory* memory = place.exchange(nullptr)) return memory;
        return WordMemory::make();
    }
    void return_memory(WordMemory* memory) {
        for (auto& place : idle) {
            WordMemory* expected = nullptr;
            if (place.compare_exchange_strong(expected, memory)) return;
        }
        release(memory);
    }

    // A word, or a part of one, and where it is remembered, if it is one of those that are.
    struct Piece {
        const Byte* begin;
        const Byte* end;
        WordKey key;
        WordMemory::Pair* place;
    };

    // A part is kept apart from a word of the same bytes where they may have other ids.
    static Piece find(WordMemory& memory, const Byte* begin, const Byte* end, const Byte* text_end, bool is_apart = false) {
        if (end - begin > WordKey::longest) return {begin, end, {}, nullptr};
        const WordKey key(begin, end - begin, text_end, is_apart);
        return {begin, end, key, &memory.pair(key)};
    }

    // Pieces are found some at a time, so that what is remembered of all of them is on its way while the first is looked up. A long
    // word is seldom seen again, but its parts are: Chinese has no spaces, and few of its tokens are more than a character.
    template <class Scanner>
    void encode_words(IdList& ids, WordMemory& memory, const Scanner& scanner, const Byte* text, const Byte* text_end) const {
        std::array<Piece, 32> pieces;
        const Byte* word_end = text;
        while (text < text_end) {
            const Byte* const begin = text;
            size_t count = 0;
            for (; count < pieces.size() && text < text_end; text = pieces[count++].end) {
                if (text == word_end) word_end = scanner.next(text);
                const bool is_whole = is_remembered(text, word_end - text) || !whole_words.empty();
                pieces[count] = find(memory, text, is_whole ? word_end : after_part(text, word_end), text_end);
                prefetch(pieces[count].place);
            }
            int32_t* const first = ids.room(text - begin + WordEntry::most_ids);
            int32_t* to = first;
            for (size_t i = 0; i < count; ++i) {
                const Piece& piece = pieces[i];
                const bool is_newer = piece.place && piece.place->entries[0].word == piece.key;  // most are
                to += is_newer ? piece.place->entries[0].copy(to) : encode_word(to, memory, piece, text_end);
            }
            ids.keep(to - first);
        }
    }

    // What the memory does not have at first sight. Kept out of the loop above, which is quicker without it.
    [[gnu::noinline]] int64_t encode_word(int32_t* ids, WordMemory& memory, const Piece& word, const Byte* text_end) const {
        const auto encode = [&] {
            if (const int32_t id = whole_word(word); id >= 0) return *ids = id, int64_t{1};
            return encode_parts(ids, memory, word, text_end);
        };
        return word.place ? remember(ids, word, encode) : encode();
    }

    // The id of a word that is not to be merged, or -1.
    int32_t whole_word(const Piece& word) const {
        if (whole_words.empty()) return -1;
        const auto found = whole_words.find({reinterpret_cast<const char*>(word.begin), static_cast<size_t>(word.end - word.begin)});
        return found == whole_words.end() ? -1 : found->second;
    }

    int64_t encode_parts(int32_t* ids, WordMemory& memory, const Piece& word, const Byte* text_end) const {
        const int32_t* const first = ids;
        for (const Byte *begin = word.begin, *end; begin < word.end; begin = end) {
            end = after_part(begin, word.end);
            const auto merge = [this, ids, begin, end] { return merge_part(ids, begin, end - begin); };
            const Piece part = find(memory, begin, end, text_end, !whole_words.empty());
            ids += part.place ? remember(ids, part, merge) : merge();
        }
        return ids - first;
    }

    // The end of the bytes from `word` on that merges may join, and of the character there: parts of characters are too many.
    const Byte* after_part(const Byte* word, const Byte* end) const {
        ++word;
        while (word < end && (is_inside(word[0]) || merges.joins(word[-1], word[0]))) ++word;
        return word;
    }

    // Writes the ids of a piece: from the memory, or else those that `encode` writes in the same place. Returns how many they are.
    template <class Encode>
    static int64_t remember(int32_t* ids, const Piece& piece, const Encode& encode) {
        auto& [newer, older] = piece.place->entries;
        if (newer.word != piece.key && older.word == piece.key) std::swap(newer, older);
        if (newer.word == piece.key) return newer.copy(ids);
        const int64_t count = encode();
        const bool is_known = newer.word == piece.key;  // as the only part of itself
        if (count > WordEntry::most_ids || is_known) return count;
        older = newer;
        newer.word = piece.key;
        std::fill(std::copy(ids, ids + count, newer.ids), std::end(newer.ids), WordEntry::no_id);
        return count;
    }

    int64_t merge_part(int32_t* ids, const Byte* part, int64_t size) const {
        if (size <= short_word) return merge_short(ids, merges, part, size);
        LongWord long_word(merges, part, size);
        long_word.merge();
        return long_word.write(ids);
    }
};

BytePairEncoder::BytePairEncoder(MergeTable merges, std::optional<WordPattern> pattern, CharacterTable characters,
                                 const std::vector<std::string>& whole_words)
    : impl_(new Impl{std::move(merges), pattern, std::move(characters), {}, whole_words, {}}) {
    for (size_t id = 0; id < impl_->spellings.size(); ++id) impl_->whole_words.emplace(impl_->spellings[id], static_cast<int32_t>(id));
}

BytePairEncoder::~BytePairEncoder() = default;

void BytePairEncoder::encode(IdList& ids, const char* text, int64_t size) const {
    if (size == 0) return;
    const Byte *begin = reinterpret_cast<const Byte*>(text), *end = begin + size;
    const auto give_back = [this](WordMemory* memory) { impl_->return_memory(memory); };
    const std::unique_ptr<WordMemory, decltype(give_back)> memory(impl_->take_memory(), give_back);
    const auto encode_words = [&](const auto& scanner) { impl_->encode_words(ids, *memory, scanner, begin, end); };
    if (!impl_->pattern) return encode_words(WholeText{end});
    switch (*impl_->pattern) {
        case WordPattern::gpt2: return encode_words(WordScanner<WordPattern::gpt2>(impl_->characters, end));
        case WordPattern::llama3: return encode_words(WordScanner<WordPattern::llama3>(impl_->characters, end));
        case WordPattern::qwen2: return encode_words(WordScanner<WordPattern::qwen2>(impl_->characters, end));
    }
}

int64_t BytePairEncoder::cut_after(const char* text, int64_t size, int64_t at) const {
    if (!impl_->pattern) return size;
    const Byte *const begin = reinterpret_cast<const Byte*>(text), *const end = begin + size;
    const Byte* place = begin + at;
    while (place < end && is_inside(*place)) ++place;
    for (bool is_after_letter = false; place < end;) {
        const Character c = character_at(place, end);
        const bool is_letter = impl_->characters.of(c.code) == CharacterClass::letter;
        if (is_after_letter && !is_letter) break;
        is_after_letter = is_letter;
        place += c.length;
    }
    return place - begin;
}

}  // namespace hornbook
