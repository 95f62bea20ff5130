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

namespace hornbook {

void IdList::grow(int64_t count) {
    capacity_ = std::max(2 * capacity_, size_ + count);
    std::unique_ptr<int32_t[]> larger(new int32_t[static_cast<size_t>(capacity_)]);
    std::copy(ids_.get(), ids_.get() + size_, larger.get());
    ids_ = std::move(larger);
}

// ---- merges -----------------------------------------------------------------------------------------------------------------

MergeTable::MergeTable(std::vector<Merge> merges, const std::array<int32_t, 256>& byte_ids)
    : merges_(std::move(merges)), byte_ids_(byte_ids), byte_ranks_(1 << 16) {
    // Half full at most, so that most pairs that do not merge hit an empty slot at once.
    const uint64_t size = std::bit_ceil(std::max<uint64_t>(2, 2 * merges_.size()));
    slots_.assign(size, no_rank);
    mask_ = size - 1;
    shift_ = 64 - std::countr_zero(size);
    for (uint32_t rank = 0; rank < merges_.size(); ++rank) {
        const auto [left, right, merged] = merges_[rank];
        if (this->rank(left, right) != no_rank)
            throw std::invalid_argument("merge " + std::to_string(rank) + " of ids " + std::to_string(left) + " and " +
                                        std::to_string(right) + " is given twice");
        uint64_t slot = slot_of(left, right);
        while (slots_[slot] != no_rank) slot = (slot + 1) & mask_;
        slots_[slot] = rank;
    }
    for (int left = 0; left < 256; ++left)
        for (int right = 0; right < 256; ++right) byte_ranks_[left << 8 | right] = rank(byte_ids_[left], byte_ids_[right]);
    find_joined_bytes();
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

// Which words are remembered as they are; others are in parts. Long ones seldom come again, nor do those of scripts without spaces
// between words, most of which lie behind U+3000.
bool is_remembered(const Byte* word, int64_t size) { return size <= 16 && word[0] < 0xE3; }

// Up to this many bytes, looking through all ranks is quicker than a heap.
constexpr int64_t short_word = 128;

// Merges the n <= short_word bytes of a word; returns how many ids are left.
int64_t merge_short(int32_t* ids, const MergeTable& table, const Byte* word, int64_t n) {
    uint32_t ranks[short_word];  // of the pair that begins here
    for (int64_t i = 0; i < n; ++i) ids[i] = table.byte_id(word[i]);
    for (int64_t i = 0; i + 1 < n; ++i) ranks[i] = table.byte_rank(word[i], word[i + 1]);
    while (n > 1) {
        uint32_t best = ranks[0];
        for (int64_t i = 1; i + 1 < n; ++i) best = std::min(best, ranks[i]);
        if (best == MergeTable::no_rank) break;
        const int64_t at = std::find(ranks, ranks + n - 1, best) - ranks;
        ids[at] = table[best].merged;
        std::copy(ids + at + 2, ids + n, ids + at + 1);
        if (at + 2 < n) std::copy(ranks + at + 2, ranks + n - 1, ranks + at + 1);
        --n;
        if (at > 0) ranks[at - 1] = table.rank(ids[at - 1], ids[at]);
        if (at + 1 < n) ranks[at] = table.rank(ids[at], ids[at + 1]);
    }
    return n;
}

// The ids of a long word as a doubly linked list, and a heap of the pairs that may merge. A pair whose place no longer holds it
// is passed over.
class LongWord {
public:
    LongWord(const MergeTable& table, const Byte* word, int64_t n) : table_(table), nodes_(n) {
        for (int64_t i = 0; i < n; ++i)
            nodes_[i] = {table.byte_id(word[i]), static_cast<int32_t>(i - 1), static_cast<int32_t>(i + 1 < n ? i + 1 : none)};
        for (int64_t i = 0; i + 1 < n; ++i)
            if (const uint32_t rank = table.byte_rank(word[i], word[i + 1]); rank != MergeTable::no_rank) heap_.push_back(entry(rank, i));
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

    static uint64_t entry(uint32_t rank, int64_t place) { return static_cast<uint64_t>(rank) << 32 | static_cast<uint32_t>(place); }

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
        const uint32_t rank = table_.rank(nodes_[place].id, nodes_[nodes_[place].next].id);
        if (rank == MergeTable::no_rank) return;
        heap_.push_back(entry(rank, place));
        std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    }

    const MergeTable& table_;
    std::vector<Node> nodes_;
    std::vector<uint64_t> heap_;
};

}  // namespace

// ---- words seen -------------------------------------------------------------------------------------------------------------

// Up to 32 bytes, read as four numbers that overlap in the middle: with the length they say exactly which word it is.
struct ShortText {
    uint64_t parts[4];
    uint32_t length;

    static constexpr int64_t longest = 32;

    ShortText(const Byte* text, int64_t n) : parts{}, length(static_cast<uint32_t>(n)) {
        if (n >= 8) {
            parts[0] = read<uint64_t>(text);
            parts[1] = read<uint64_t>(text + n - 8);
            if (n > 16) {
                parts[2] = read<uint64_t>(text + 8);
                parts[3] = read<uint64_t>(text + n - 16);
            }
        } else if (n >= 4) {
            parts[0] = read<uint32_t>(text) | static_cast<uint64_t>(read<uint32_t>(text + n - 4)) << 32;
        } else if (n > 0) {
            parts[0] = text[0] | static_cast<uint64_t>(text[n / 2]) << 8 | static_cast<uint64_t>(text[n - 1]) << 16;
        }
    }
    bool operator==(const ShortText&) const = default;
    uint64_t hash() const {
        const uint64_t a = (parts[0] ^ length) * 0x9E3779B97F4A7C15u, b = parts[1] * 0xC2B2AE3D27D4EB4Fu;
        const uint64_t c = (parts[2] ^ std::rotl(parts[3], 32)) * 0x165667B19E3779F9u;
        return (a ^ std::rotl(a, 29) ^ b ^ std::rotl(c, 17)) * 0x9E3779B97F4A7C15u;
    }

private:
    template <class T>
    static T read(const Byte* from) {
        T value;
        std::memcpy(&value, from, sizeof value);
        return value;
    }
};

// Up to 7 bytes and how many they are, as one number: what most words of prose fit into, and any one character.
struct TinyText {
    uint64_t bits;

    static constexpr int64_t longest = 7, readable = 8;

    // Reads 8 bytes, whatever n is.
    TinyText(const Byte* text, int64_t n) {
        std::memcpy(&bits, text, sizeof bits);
        bits = (bits & ((uint64_t{1} << 8 * n) - 1)) | static_cast<uint64_t>(n) << 56;
    }
    bool operator==(const TinyText&) const = default;
    uint64_t hash() const {
        const uint64_t a = bits * 0x9E3779B97F4A7C15u;
        return (a ^ a >> 32) * 0xC2B2AE3D27D4EB4Fu;
    }
};

// The last text with each hash, and its ids. A text that hashes to the place of another takes it over. Zeros are an empty one: no
// text has a length of 0.
template <class Text, int log_entries, int n_ids, size_t entry_bytes>
class Memory {
public:
    static constexpr int most_ids = n_ids;

    struct alignas(entry_bytes) Entry {
        Text text;
        uint32_t count;
        int32_t ids[n_ids];
    };
    static_assert(sizeof(Entry) == entry_bytes);

    Entry& entry(const Text& text) { return entries_[text.hash() >> (64 - log_entries)]; }

private:
    Entry entries_[size_t{1} << log_entries];
};

// What one thread remembers: 1 MB of tiny texts and 1 MB of others, together one huge page.
struct WordMemory {
    Memory<TinyText, 15, 5, 32> tiny;
    Memory<ShortText, 14, 5, 64> others;

    static WordMemory* make() { return static_cast<WordMemory*>(std::memset(allocate(sizeof(WordMemory)), 0, sizeof(WordMemory))); }
};
static_assert(sizeof(WordMemory) == 2 << 20);

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

    template <WordPattern chosen>
    void encode_words(IdList& ids, WordMemory& memory, const Byte* text, const Byte* end) const {
        const WordScanner<chosen> scanner(characters, end);
        while (text < end) {
            const Byte* stop = scanner.next(text);
            encode_word(ids, memory, text, stop - text, end);
            text = stop;
        }
    }

    // A long word is seldom seen again, but its parts are: Chinese has no spaces, and few of its tokens are more than a character.
    void encode_word(IdList& ids, WordMemory& memory, const Byte* word, int64_t size, const Byte* text_end) const {
        int32_t* to = ids.room(size + ShortText::longest);
        if (!whole_words.empty()) {
            const auto found = whole_words.find({reinterpret_cast<const char*>(word), static_cast<size_t>(size)});
            if (found != whole_words.end()) return *to = found->second, ids.keep(1);
        }
        const auto encode = [&] { return encode_parts(to, memory, word, size, text_end); };
        ids.keep(is_remembered(word, size) ? remember(to, memory, word, size, text_end, encode) : encode());
    }

    int64_t encode_parts(int32_t* ids, WordMemory& memory, const Byte* word, int64_t size, const Byte* text_end) const {
        const Byte* const end = word + size;
        const int32_t* const first = ids;
        while (word < end) {
            const Byte* const stop = after_part(word, end);
            const int64_t n = stop - word;
            const auto merge = [this, ids, word, n] { return merge_part(ids, word, n); };
            ids += n > ShortText::longest ? merge() : remember(ids, memory, word, n, text_end, merge);
            word = stop;
        }
        return ids - first;
    }

    // The end of the bytes from `word` on that merges may join, and of the character there: parts of characters are too many.
    const Byte* after_part(const Byte* word, const Byte* end) const {
        const auto is_inside = [](Byte byte) { return (byte & 0xC0) == 0x80; };
        ++word;
        while (word < end && (is_inside(word[0]) || merges.joins(word[-1], word[0]))) ++word;
        return word;
    }

    // Writes the ids of at most ShortText::longest bytes: from the memory, or else those that `encode` writes in the same place.
    template <class Encode>
    static int64_t remember(int32_t* ids, WordMemory& memory, const Byte* text, int64_t size, const Byte* text_end, const Encode& encode) {
        if (size <= TinyText::longest && text_end - text >= TinyText::readable)
            return recall(ids, memory.tiny, TinyText(text, size), encode);
        return recall(ids, memory.others, ShortText(text, size), encode);
    }

    template <class Memory, class Text, class Encode>
    static int64_t recall(int32_t* ids, Memory& memory, const Text& text, const Encode& encode) {
        typename Memory::Entry& entry = memory.entry(text);
        if (entry.text == text) {
            std::memcpy(ids, entry.ids, sizeof entry.ids);
            return entry.count;
        }
        const int64_t count = encode();
        if (count <= Memory::most_ids) {
            entry.text = text;
            entry.count = static_cast<uint32_t>(count);
            std::copy(ids, ids + count, entry.ids);
        }
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
    if (!impl_->pattern) return impl_->encode_word(ids, *memory, begin, size, end);
    switch (*impl_->pattern) {
        case WordPattern::gpt2: return impl_->encode_words<WordPattern::gpt2>(ids, *memory, begin, end);
        case WordPattern::llama3: return impl_->encode_words<WordPattern::llama3>(ids, *memory, begin, end);
        case WordPattern::qwen2: return impl_->encode_words<WordPattern::qwen2>(ids, *memory, begin, end);
    }
}

int64_t BytePairEncoder::cut_after(const char* text, int64_t size, int64_t at) const {
    if (!impl_->pattern) return size;
    for (int64_t i = std::max<int64_t>(at, 1); i < size; ++i) {
        const char before = static_cast<char>(text[i - 1] | 32);
        if (text[i] == ' ' && before >= 'a' && before <= 'z') return i;
    }
    return size;
}

}  // namespace hornbook
