// The part of hornbook._native that tokenizers use: checks arguments, releases Python's lock, calls bpe.h.
#include "bindings.h"

#define NO_IMPORT_ARRAY  // bindings.cc has done it
#include "arguments.h"
#include "bpe.h"
#include "bpe_training.h"
#include "gil.h"
#include "utf8.h"

#include <nanobind/stl/string.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>

namespace hornbook::python {

namespace {

using nb::handle;

// ---- encoding ---------------------------------------------------------------------------------------------------------------

// int32 [N, 2] as ranges of code points.
std::vector<CodeRange> code_ranges(handle value, const char* argument) {
    const Name name{"BytePairEncoder", argument};
    const Array array = input(value, name, NPY_INT32);
    if (array.ndim() != 2 || array.size(1) != 2) raise("ShapeError", name.text() + " expects shape (N, 2), got " + array.text());
    std::vector<CodeRange> ranges(static_cast<size_t>(array.size(0)));
    std::memcpy(ranges.data(), array.data<int32_t>(), ranges.size() * sizeof(CodeRange));
    return ranges;
}

int32_t checked_id(int32_t id, int64_t n_ids, const char* argument) {
    if (id < 0 || id >= n_ids)
        raise_value(std::string("BytePairEncoder: ") + argument + " must lie in 0.." + std::to_string(n_ids - 1) + ", got " +
                    std::to_string(id));
    return id;
}

std::vector<Merge> merges_of(handle value, int64_t n_ids) {
    const Name name{"BytePairEncoder", "merges"};
    const Array array = input(value, name, NPY_INT32);
    if (array.ndim() != 2 || array.size(1) != 3) raise("ShapeError", name.text() + " expects shape (M, 3), got " + array.text());
    std::vector<Merge> merges(static_cast<size_t>(array.size(0)));
    for (size_t i = 0; i < merges.size(); ++i) {
        const int32_t* row = array.data<int32_t>() + 3 * i;
        merges[i] = {checked_id(row[0], n_ids, "merges"), checked_id(row[1], n_ids, "merges"), checked_id(row[2], n_ids, "merges")};
    }
    return merges;
}

std::optional<WordPattern> pattern_named(handle name) {
    if (name.is_none()) return std::nullopt;
    constexpr const char* names[] = {"gpt2", "llama3", "qwen2"};
    const std::string given = nb::cast<std::string>(name);
    for (int i = 0; i < 3; ++i)
        if (given == names[i]) return static_cast<WordPattern>(i);
    raise("ConfigError", "BytePairEncoder: pattern must be one of gpt2, llama3, qwen2, got '" + given + "'");
}

std::vector<std::string> spellings_of(handle words) {
    std::vector<std::string> spellings;
    if (words.is_none()) return spellings;
    for (const handle word : words) {
        if (!PyBytes_Check(word.ptr())) raise_type("BytePairEncoder: whole_words expects bytes");
        spellings.emplace_back(PyBytes_AS_STRING(word.ptr()), static_cast<size_t>(PyBytes_GET_SIZE(word.ptr())));
    }
    return spellings;
}

BytePairEncoder* make_encoder(handle byte_ids_, handle merges_, int64_t n_ids, handle pattern, handle letters, handle numbers,
                              handle spaces, handle whole_words) {
    const Array byte_ids = input(byte_ids_, {"BytePairEncoder", "byte_ids"}, NPY_INT32);
    check_shape(byte_ids, {256}, {"BytePairEncoder", "byte_ids"});
    std::array<int32_t, 256> bytes;
    for (size_t i = 0; i < 256; ++i) bytes[i] = checked_id(byte_ids.data<int32_t>()[i], n_ids, "byte_ids");
    const std::vector<std::string> spellings = spellings_of(whole_words);
    if (static_cast<int64_t>(spellings.size()) > n_ids) raise_value("BytePairEncoder: whole_words has more words than there are ids");
    CharacterTable characters(code_ranges(letters, "letters"), code_ranges(numbers, "numbers"), code_ranges(spaces, "spaces"));
    try {
        return new BytePairEncoder(MergeTable(merges_of(merges_, n_ids), bytes), pattern_named(pattern), std::move(characters),
                                   spellings);
    } catch (const std::invalid_argument& error) {
        raise_value(std::string("BytePairEncoder: ") + error.what());
    }
}

// Texts in UTF-8: Python's own if they are ASCII, else written here, so that Python keeps no second copy of them for ever.
struct Texts {
    std::vector<nb::object> owners;
    std::vector<Block<char>> copies;
    std::vector<std::string_view> views;

    explicit Texts(handle list) {
        if (!PyList_Check(list.ptr()) && !PyTuple_Check(list.ptr())) raise_type("encode_batch: texts expects a list of str");
        const Py_ssize_t count = PySequence_Fast_GET_SIZE(list.ptr());
        for (Py_ssize_t i = 0; i < count; ++i) {
            owners.push_back(nb::borrow(PySequence_Fast_GET_ITEM(list.ptr(), i)));
            views.push_back(utf8(owners.back(), i));
        }
    }

private:
    std::string_view utf8(const nb::object& text, Py_ssize_t i) {
        if (!PyUnicode_Check(text.ptr()))
            raise_type("encode_batch: texts[" + std::to_string(i) + "] expects str, got " + Py_TYPE(text.ptr())->tp_name);
#if PY_VERSION_HEX < 0x030C0000
        if (PyUnicode_READY(text.ptr()) < 0) throw nb::python_error();
#endif
        const void* units = PyUnicode_DATA(text.ptr());
        const int64_t size = PyUnicode_GET_LENGTH(text.ptr());
        if (PyUnicode_IS_ASCII(text.ptr())) return {static_cast<const char*>(units), static_cast<size_t>(size)};
        switch (PyUnicode_KIND(text.ptr())) {
            case PyUnicode_1BYTE_KIND: return copy<2>(static_cast<const uint8_t*>(units), size, text);
            case PyUnicode_2BYTE_KIND: return copy<3>(static_cast<const uint16_t*>(units), size, text);
            default: return copy<4>(static_cast<const uint32_t*>(units), size, text);
        }
    }

    template <int64_t most_bytes, class Unit>
    std::string_view copy(const Unit* units, int64_t size, const nb::object& text) {
        Block<char> bytes(static_cast<char*>(allocate(most_bytes * size)));
        const char* const end = to_utf8(bytes.get(), units, size);
        if (end == nullptr) {
            nb::object(nb::steal(PyUnicode_AsUTF8String(text.ptr())));  // says where
            throw nb::python_error();
        }
        const std::string_view view(bytes.get(), static_cast<size_t>(end - bytes.get()));
        copies.push_back(std::move(bytes));
        return view;
    }
};

// The ids as an array that owns their memory; no copy.
nb::object array_of(IdList list) {
    npy_intp size = static_cast<npy_intp>(list.size());
    if (size == 0) return make({0}, NPY_INT32).object();
    Block<int32_t> ids = list.take();
    nb::capsule owner(ids.get(), [](void* block) noexcept { release(block); });
    PyObject* const array = PyArray_SimpleNewFromData(1, &size, NPY_INT32, ids.release());
    if (array == nullptr) throw nb::python_error();
    nb::object result = nb::steal(array);
    if (PyArray_SetBaseObject(reinterpret_cast<PyArrayObject*>(array), owner.release().ptr()) < 0) throw nb::python_error();
    return result;
}

nb::object offsets_from(const std::vector<int64_t>& counts) {
    const Array offsets = make({static_cast<npy_intp>(counts.size()) + 1}, NPY_INT32);
    int64_t total = 0;
    offsets.data<int32_t>()[0] = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
        total += counts[i];
        if (total > INT32_MAX) raise_value("encode_batch: the texts have more than 2^31 - 1 tokens together; encode fewer at once");
        offsets.data<int32_t>()[i + 1] = static_cast<int32_t>(total);
    }
    return offsets.object();
}

nb::tuple encode_texts(const BytePairEncoder& encoder, handle list) {
    const Texts texts(list);
    BatchIds batch;
    {
        const WithoutLock unlocked;
        batch = encode_batch(encoder, texts.views);
    }
    return nb::make_tuple(array_of(std::move(batch.ids)), offsets_from(batch.counts));
}

// ---- training ---------------------------------------------------------------------------------------------------------------

std::vector<int64_t> word_counts(handle counts_, const std::vector<int32_t>& offsets) {
    const Name name{"MergeLearner", "counts"};
    const Array counts = input(counts_, name, NPY_INT64);
    check_shape(counts, {static_cast<int64_t>(offsets.size()) - 1}, name);
    const std::vector<int64_t> result(counts.data<int64_t>(), counts.data<int64_t>() + counts.count());
    double total = 0;
    for (size_t i = 0; i < result.size(); ++i) {
        if (result[i] < 0) raise_value(name.text() + " must not be negative, got " + std::to_string(result[i]));
        total += static_cast<double>(result[i]) * (offsets[i + 1] - offsets[i]);
    }
    if (total > 9e18) raise_value(name.text() + ": more symbols in all than 64 bits can count");
    return result;
}

// Without Python's lock two threads may ask at once.
struct SharedLearner {
    MergeLearner learner;
    std::mutex mutex;
};

void make_merge_learner(SharedLearner* self, handle symbols_, handle offsets_, handle counts_, int64_t n_symbols, int64_t min_count,
                        bool older_first) {
    constexpr int64_t most_symbols = 1 << 30;  // so that the ids of merges fit into 32 bits as well
    if (n_symbols < 0 || n_symbols > most_symbols) raise_value("MergeLearner: n_symbols must lie in 0.." + std::to_string(most_symbols));
    std::vector<int32_t> symbols = ids_below(symbols_, n_symbols, {"MergeLearner", "symbols"});
    const std::vector<int32_t> offsets = offsets_of(offsets_, static_cast<int64_t>(symbols.size()), "MergeLearner");
    std::vector<int64_t> counts = word_counts(counts_, offsets);
    const Ties ties = older_first ? Ties::older : Ties::greater;
    const WithoutLock unlocked;
    new (self) SharedLearner{{std::move(symbols), offsets, std::move(counts), static_cast<int32_t>(n_symbols), min_count, ties}, {}};
}

nb::list learn_merges(SharedLearner& shared, int64_t n_merges) {
    std::vector<LearnedMerge> merges;
    {
        const WithoutLock unlocked;
        const std::lock_guard<std::mutex> alone(shared.mutex);
        merges = shared.learner.learn(n_merges);
    }
    nb::list result;
    for (const LearnedMerge& merge : merges) result.append(nb::make_tuple(merge.left, merge.right));
    return result;
}

}  // namespace

void define_tokenizer(nb::module_& m) {
    using namespace nb::literals;
    nb::class_<BytePairEncoder>(m, "BytePairEncoder")
        .def(nb::new_(&make_encoder), "byte_ids"_a, "merges"_a, "n_ids"_a, "pattern"_a.none(), "letters"_a, "numbers"_a, "spaces"_a,
             "whole_words"_a = nb::none())
        .def("encode_batch", &encode_texts, "texts"_a);
    nb::class_<SharedLearner>(m, "MergeLearner")
        .def("__init__", &make_merge_learner, "symbols"_a, "offsets"_a, "counts"_a, "n_symbols"_a, "min_count"_a,
             "older_first"_a = false)
        .def("learn", &learn_merges, "n_merges"_a);
}

}  // namespace hornbook::python
