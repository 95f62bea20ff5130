// Which pairs of symbols to merge, and in which order: the training of byte pair encoding. Knows symbols and counts, neither text
// nor bytes. The obvious twin is MergeLearner in src/hornbook/tokenizer/training/learn_merges.py.
#pragma once

#include <cstdint>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

namespace hornbook {

struct LearnedMerge {
    int32_t left, right;
};

// Which of several pairs comes first that occur equally often; the left token decides before the right one.
enum class Ties {
    greater,  // the one with the greater token, symbol by symbol
    older,    // the one with the token of the smaller id
};

// Merges the pair that occurs most often, over and over.
//
// The words lie one behind the other and are a doubly linked list of their tokens. Every pair knows the places where it began at
// some time; a place that no longer holds it is passed over. So all merges together take O(S log S) steps for S symbols, however
// long the words are. Memory: some 40 bytes a symbol.
class MergeLearner {
public:
    // Word w has the symbols from offsets[w] up to offsets[w + 1], each from 0 to n_symbols - 1, and occurs counts[w] times.
    // Pairs that occur less often than min_count are not merged. At most 2^31 - 1 symbols.
    MergeLearner(std::vector<int32_t> symbols, const std::vector<int32_t>& offsets, std::vector<int64_t> counts, int32_t n_symbols,
                 int64_t min_count, Ties ties);
    MergeLearner(const MergeLearner&) = delete;
    MergeLearner& operator=(const MergeLearner&) = delete;

    // The next merges, at most n_merges, and fewer only if there are no more. The first of all makes token n_symbols, the next one
    // n_symbols + 1: no two make the same token, since the same symbols between two ends that no merge has crossed are always
    // merged alike.
    std::vector<LearnedMerge> learn(int64_t n_merges);

private:
    static constexpr int32_t none = -1;

    struct Pair {
        int32_t left, right;
        int64_t count = 0;
        std::vector<int32_t> places;  // of the left token
        bool waiting = false;         // its count has risen, and the heap does not know yet
    };
    struct Candidate {  // a count that the pair had at some time
        int64_t count;
        int32_t pair;
    };
    struct Worse {
        const MergeLearner* learner;
        bool operator()(const Candidate& a, const Candidate& b) const;
    };

    int32_t find_pair(int32_t left, int32_t right);
    void add(int32_t left, int32_t right, int32_t place);
    void remove(int32_t left, int32_t right, int32_t place);
    void offer_risen();
    int32_t pop_best();
    void merge_everywhere(int32_t pair, int32_t merged);
    void merge_at(int32_t place, int32_t merged);
    int64_t count_at(int32_t place) const { return counts_[static_cast<size_t>(words_[static_cast<size_t>(place)])]; }

    int64_t min_count_;
    Ties ties_;
    std::vector<int64_t> counts_;                            // of words
    std::vector<int32_t> tokens_, previous_, next_, words_;  // of places
    std::vector<std::u32string> spellings_;                  // of tokens
    std::vector<Pair> pairs_;
    std::unordered_map<uint64_t, int32_t> pair_numbers_;
    std::vector<int32_t> risen_;
    std::priority_queue<Candidate, std::vector<Candidate>, Worse> heap_{Worse{this}};
};

}  // namespace hornbook
