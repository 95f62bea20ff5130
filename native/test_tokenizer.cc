// Words and byte pairs without Python: against merging one pair at a time, on text that ends at a page that may not be touched.
//
// Texts are random, half of them not even UTF-8. Prints how many checks passed.
#include <algorithm>
#include <cstring>
#include <random>
#include <string>

#include "bpe.h"
#include "testing.h"

namespace {

using namespace hornbook;

using Ids = std::vector<int32_t>;

const std::vector<std::string> units = {"a", "b", "ab", "ba", " ", "  ", "'s", "'LL", "1", "23", "\n", "\r\n", ".", "!?", "\xc3\xa9", "\xe4\xb8\xad",
                                        "\xe6\x96\x87", "\xf0\x9f\x98\x80", "\xc5\xbf", "\xe2\x80\x83", std::string(1, '\0'), "\x80", "\xff", "\xe4\xb8", "\xf0\x9f"};

// Random merges of bytes that the units have, and of what was merged before.
std::vector<Merge> random_merges(std::mt19937& chance, int32_t count) {
    std::vector<int32_t> pool;
    for (const std::string& unit : units)
        for (const char byte : unit) pool.push_back(static_cast<unsigned char>(byte));
    std::vector<Merge> merges;
    while (static_cast<int32_t>(merges.size()) < count) {
        const int32_t left = pool[chance() % pool.size()], right = pool[chance() % pool.size()];
        const bool is_known = std::any_of(merges.begin(), merges.end(), [&](const Merge& m) { return m.left == left && m.right == right; });
        if (is_known) continue;
        merges.push_back({left, right, 256 + static_cast<int32_t>(merges.size())});
        pool.push_back(merges.back().merged);
    }
    return merges;
}

// The pair of the first merge that is there, leftmost, until there is none.
Ids merged(const std::string& text, const std::vector<Merge>& merges) {
    Ids ids;
    for (const char byte : text) ids.push_back(static_cast<unsigned char>(byte));
    for (;;) {
        size_t best = merges.size(), place = 0;
        for (size_t i = 0; i + 1 < ids.size(); ++i)
            for (size_t rank = 0; rank < best; ++rank)
                if (merges[rank].left == ids[i] && merges[rank].right == ids[i + 1]) best = rank, place = i;
        if (best == merges.size()) return ids;
        ids[place] = merges[best].merged;
        ids.erase(ids.begin() + static_cast<int64_t>(place) + 1);
    }
}

// The bytes that ids stand for.
std::string spelled(const Ids& ids, const std::vector<Merge>& merges) {
    std::vector<std::string> pieces;
    for (int byte = 0; byte < 256; ++byte) pieces.emplace_back(1, static_cast<char>(byte));
    for (const Merge& merge : merges) pieces.push_back(pieces[static_cast<size_t>(merge.left)] + pieces[static_cast<size_t>(merge.right)]);
    std::string text;
    for (const int32_t id : ids) text += pieces[static_cast<size_t>(id)];
    return text;
}

CharacterTable table() {
    return {{{'A', 'Z'}, {'a', 'z'}, {0xE9, 0xE9}, {0x17F, 0x17F}, {0x4E00, 0x9FFF}}, {{'0', '9'}}, {{9, 13}, {' ', ' '}, {0x2003, 0x2003}}};
}

Ids encoded(const BytePairEncoder& encoder, const std::string& text) {
    const Guarded<char> bytes(static_cast<int64_t>(text.size()));
    if (!text.empty()) std::memcpy(static_cast<char*>(bytes), text.data(), text.size());
    IdList ids;
    encoder.encode(ids, bytes, static_cast<int64_t>(text.size()));
    return {ids.data(), ids.data() + ids.size()};
}

std::string random_text(std::mt19937& chance, size_t n_units) {
    std::string text;
    for (size_t i = 0; i < n_units; ++i) text += units[chance() % units.size()];
    return text;
}

// The parts of a cut text have the ids of the whole.
void test_cut(const BytePairEncoder& encoder, const std::string& text, int64_t at, const Ids& ids) {
    const size_t place = static_cast<size_t>(encoder.cut_after(text.data(), static_cast<int64_t>(text.size()), at));
    check(place >= static_cast<size_t>(at) && place <= text.size(), "a cut behind the place asked for", at);
    Ids parts = encoded(encoder, text.substr(0, place));
    const Ids rest = encoded(encoder, text.substr(place));
    parts.insert(parts.end(), rest.begin(), rest.end());
    check(parts == ids, "ids of a text that was cut", at);
}

void test_encoder(std::mt19937& chance, int64_t size) {
    const std::vector<Merge> merges = random_merges(chance, 40);
    std::array<int32_t, 256> byte_ids;
    for (int i = 0; i < 256; ++i) byte_ids[static_cast<size_t>(i)] = i;
    const auto make = [&](std::optional<WordPattern> pattern) { return BytePairEncoder({merges, byte_ids}, pattern, table(), {}); };
    const std::string text = random_text(chance, static_cast<size_t>(size));
    const BytePairEncoder whole = make(std::nullopt);
    check(encoded(whole, text) == merged(text, merges), "a text as one word", size);
    check(encoded(whole, text) == merged(text, merges), "the same again, from memory", size);
    for (const WordPattern pattern : {WordPattern::gpt2, WordPattern::llama3, WordPattern::qwen2}) {
        const BytePairEncoder encoder = make(pattern);
        const Ids ids = encoded(encoder, text);
        check(spelled(ids, merges) == text, "words together are the text", size);
        const BatchIds batch = encode_batch(encoder, {text, "", text});
        const Ids packed(batch.ids.data(), batch.ids.data() + batch.ids.size());
        const int64_t n = static_cast<int64_t>(ids.size());
        check(batch.counts == std::vector<int64_t>{n, 0, n}, "counts of a batch", size);
        Ids twice = ids;
        twice.insert(twice.end(), ids.begin(), ids.end());
        check(packed == twice, "ids of a batch", size);
        for (int64_t at = 1; at <= static_cast<int64_t>(text.size()); at += 1 + at / 8) test_cut(encoder, text, at, ids);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const int64_t step = argc > 1 ? std::atoi(argv[1]) : 1;
    std::mt19937 chance(7);
    for (int64_t size = 0; size <= 130; size += step) test_encoder(chance, size);
    test_encoder(chance, 1000);
    std::printf("tokenizer: %ld passed, %ld failed\n", checks - failures, failures);
    return failures == 0 ? 0 : 1;
}
