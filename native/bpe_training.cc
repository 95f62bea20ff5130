#include "bpe_training.h"

#include <algorithm>
#include <utility>

namespace hornbook {

namespace {

size_t at(int32_t index) { return static_cast<size_t>(index); }

}  // namespace

bool MergeLearner::Worse::operator()(const Candidate& a, const Candidate& b) const {
    if (a.count != b.count) return a.count < b.count;
    if (a.pair == b.pair) return false;
    const Pair &p = learner->pairs_[at(a.pair)], &q = learner->pairs_[at(b.pair)];
    if (learner->ties_ == Ties::older) return p.left != q.left ? p.left > q.left : p.right > q.right;
    const auto& spellings = learner->spellings_;
    if (p.left != q.left) return spellings[at(p.left)] < spellings[at(q.left)];
    return spellings[at(p.right)] < spellings[at(q.right)];
}

MergeLearner::MergeLearner(std::vector<int32_t> symbols, const std::vector<int32_t>& offsets, std::vector<int64_t> counts,
                           int32_t n_symbols, int64_t min_count, Ties ties)
    : min_count_(std::max<int64_t>(1, min_count)), ties_(ties), counts_(std::move(counts)), tokens_(std::move(symbols)) {
    for (int32_t symbol = 0; symbol < n_symbols; ++symbol) spellings_.emplace_back(1, static_cast<char32_t>(symbol));
    previous_.assign(tokens_.size(), none);
    next_.assign(tokens_.size(), none);
    words_.resize(tokens_.size());
    for (size_t word = 0; word < counts_.size(); ++word) {
        for (int32_t place = offsets[word]; place < offsets[word + 1]; ++place) {
            words_[at(place)] = static_cast<int32_t>(word);
            if (place + 1 == offsets[word + 1]) continue;
            next_[at(place)] = place + 1;
            previous_[at(place + 1)] = place;
            add(tokens_[at(place)], tokens_[at(place + 1)], place);
        }
    }
    offer_risen();
}

std::vector<LearnedMerge> MergeLearner::learn(int64_t n_merges) {
    std::vector<LearnedMerge> merges;
    while (static_cast<int64_t>(merges.size()) < n_merges) {
        const int32_t best = pop_best();
        if (best == none) break;
        const int32_t left = pairs_[at(best)].left, right = pairs_[at(best)].right;
        const auto merged = static_cast<int32_t>(spellings_.size());
        spellings_.push_back(spellings_[at(left)] + spellings_[at(right)]);
        merge_everywhere(best, merged);
        merges.push_back({left, right});
    }
    return merges;
}

int32_t MergeLearner::find_pair(int32_t left, int32_t right) {
    const uint64_t key = static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
    const auto [found, is_first] = pair_numbers_.try_emplace(key, static_cast<int32_t>(pairs_.size()));
    if (is_first) pairs_.push_back({left, right});
    return found->second;
}

void MergeLearner::add(int32_t left, int32_t right, int32_t place) {
    const int32_t number = find_pair(left, right);
    Pair& pair = pairs_[at(number)];
    pair.count += count_at(place);
    pair.places.push_back(place);
    if (!pair.waiting) risen_.push_back(number);
    pair.waiting = true;
}

void MergeLearner::remove(int32_t left, int32_t right, int32_t place) {
    pairs_[at(find_pair(left, right))].count -= count_at(place);
}

void MergeLearner::offer_risen() {
    for (const int32_t number : risen_) {
        Pair& pair = pairs_[at(number)];
        pair.waiting = false;
        if (pair.count >= min_count_) heap_.push({pair.count, number});
    }
    risen_.clear();
}

// The pair of the greatest count; one whose count has fallen since it was offered goes back to its place.
int32_t MergeLearner::pop_best() {
    while (!heap_.empty()) {
        const Candidate top = heap_.top();
        heap_.pop();
        const int64_t count = pairs_[at(top.pair)].count;
        if (count < min_count_) continue;
        if (count == top.count) return top.pair;
        heap_.push({count, top.pair});
    }
    return none;
}

void MergeLearner::merge_everywhere(int32_t number, int32_t merged) {
    const int32_t left = pairs_[at(number)].left, right = pairs_[at(number)].right;
    // They rise, since all were added while the later one of the two tokens was made: "aaa" becomes "aa" and "a".
    const std::vector<int32_t> places = std::exchange(pairs_[at(number)].places, {});
    for (const int32_t place : places) {
        const int32_t next = next_[at(place)];
        if (tokens_[at(place)] == left && next != none && tokens_[at(next)] == right) merge_at(place, merged);
    }
    offer_risen();
}

void MergeLearner::merge_at(int32_t place, int32_t merged) {
    const int32_t gone = next_[at(place)], before = previous_[at(place)], after = next_[at(gone)];
    const int32_t left = tokens_[at(place)], right = tokens_[at(gone)];
    remove(left, right, place);
    tokens_[at(place)] = merged;
    tokens_[at(gone)] = none;
    next_[at(place)] = after;
    if (before != none) {
        remove(tokens_[at(before)], left, before);
        add(tokens_[at(before)], merged, before);
    }
    if (after != none) {
        previous_[at(after)] = place;
        remove(right, tokens_[at(after)], place);
        add(merged, tokens_[at(after)], place);
    }
}

}  // namespace hornbook
