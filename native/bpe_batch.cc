// Many texts at once, on all threads.
#include <algorithm>
#include <exception>

#include "bpe.h"
#include "parallel.h"

namespace hornbook {

namespace {

// A task is some hundred microseconds of work: large against starting a thread, small against a second thread left idle.
constexpr int64_t task_bytes = 64 << 10;

constexpr int64_t tasks_at_once = 8;  // for each thread, so that one waits for another only now and then

struct Piece {
    int64_t text;
    std::string_view bytes;
};

// The texts in order, long ones in pieces of about task_bytes.
std::vector<Piece> cut_texts(const BytePairEncoder& encoder, const std::vector<std::string_view>& texts) {
    std::vector<Piece> pieces;
    for (size_t i = 0; i < texts.size(); ++i) {
        std::string_view rest = texts[i];
        while (!rest.empty()) {
            const int64_t size = static_cast<int64_t>(rest.size());
            const int64_t stop = size <= task_bytes ? size : encoder.cut_after(rest.data(), size, task_bytes);
            pieces.push_back({static_cast<int64_t>(i), rest.substr(0, static_cast<size_t>(stop))});
            rest.remove_prefix(static_cast<size_t>(stop));
        }
    }
    return pieces;
}

// Where each task begins: neighbouring pieces together have task_bytes or more.
std::vector<size_t> group(const std::vector<Piece>& pieces) {
    std::vector<size_t> begins{0};
    size_t bytes = 0;
    for (size_t i = 0; i < pieces.size(); ++i) {
        bytes += pieces[i].bytes.size();
        if (bytes < task_bytes && i + 1 < pieces.size()) continue;
        begins.push_back(i + 1);
        bytes = 0;
    }
    return begins;
}

// How many ids there will be if the first tasks are like the others, and some more.
int64_t expected_ids(const std::vector<IdList>& first, size_t n_tasks) {
    int64_t ids = 0;
    for (const IdList& part : first) ids += part.size();
    return first.size() == n_tasks ? ids : ids * static_cast<int64_t>(n_tasks) / static_cast<int64_t>(first.size()) * 17 / 16;
}

}  // namespace

BatchIds encode_batch(const BytePairEncoder& encoder, const std::vector<std::string_view>& texts) {
    const std::vector<Piece> pieces = cut_texts(encoder, texts);
    const std::vector<size_t> begins = group(pieces);
    const size_t n_tasks = begins.size() - 1;
    std::vector<int64_t> piece_counts(pieces.size());
    const auto encode = [&](IdList& ids, size_t task) {
        ids.clear();
        for (size_t i = begins[task]; i < begins[task + 1]; ++i) {
            const int64_t before = ids.size();
            encoder.encode(ids, pieces[i].bytes.data(), static_cast<int64_t>(pieces[i].bytes.size()));
            piece_counts[i] = ids.size() - before;
        }
    };
    // Some tasks at once, and then others in the same memory: new pages cost as much as a few words each.
    BatchIds result{{}, std::vector<int64_t>(texts.size(), 0)};
    std::vector<IdList> parts(std::min<size_t>(n_tasks, static_cast<size_t>(tasks_at_once) * static_cast<size_t>(thread_count())));
    std::vector<std::exception_ptr> failures(parts.size());
    for (size_t first = 0; first < n_tasks; first += parts.size()) {
        const size_t count = std::min(parts.size(), n_tasks - first);
        parallel_for(static_cast<int64_t>(count), [&](int64_t i) {
            const size_t part = static_cast<size_t>(i);
            try {
                encode(parts[part], first + part);
            } catch (...) {
                failures[part] = std::current_exception();
            }
        });
        for (const std::exception_ptr& failure : failures)
            if (failure) std::rethrow_exception(failure);
        if (first == 0) result.ids.room(expected_ids(parts, n_tasks));
        for (size_t i = 0; i < count; ++i) result.ids.append(parts[i]);
    }
    for (size_t i = 0; i < pieces.size(); ++i) result.counts[static_cast<size_t>(pieces[i].text)] += piece_counts[i];
    return result;
}

}  // namespace hornbook
