// The part of hornbook._native that tokenizers use: checks arguments, releases Python's lock, calls bpe.h.
#include "bindings.h"

#define NO_IMPORT_ARRAY  // bindings.cc has done it
#include "arguments.h"
#include "bpe.h"
#include "gil.h"

#include <nanobind/stl/string.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace hornbook::python {

namespace {

using nb::handle;

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

// Texts that Python keeps while they are read.
struct Texts {
    std::vector<nb::object> owners;
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
    static std::string_view utf8(const nb::object& text, Py_ssize_t i) {
        if (!PyUnicode_Check(text.ptr()))
            raise_type("encode_batch: texts[" + std::to_string(i) + "] expects str, got " + Py_TYPE(text.ptr())->tp_name);
        Py_ssize_t size = 0;
        const char* bytes = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
        if (bytes == nullptr) throw nb::python_error();
        return {bytes, static_cast<size_t>(size)};
    }
};

// The parts in one array.
nb::object joined(const std::vector<IdList>& parts) {
    int64_t total = 0;
    for (const IdList& part : parts) total += part.size();
    const Array ids = make({static_cast<npy_intp>(total)}, NPY_INT32);
    int32_t* to = ids.data<int32_t>();
    for (const IdList& part : parts) to = std::copy(part.data(), part.data() + part.size(), to);
    return ids.object();
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
    return nb::make_tuple(joined(batch.parts), offsets_from(batch.counts));
}

}  // namespace

void define_tokenizer(nb::module_& m) {
    using namespace nb::literals;
    nb::class_<BytePairEncoder>(m, "BytePairEncoder")
        .def(nb::new_(&make_encoder), "byte_ids"_a, "merges"_a, "n_ids"_a, "pattern"_a.none(), "letters"_a, "numbers"_a, "spaces"_a,
             "whole_words"_a = nb::none())
        .def("encode_batch", &encode_texts, "texts"_a);
}

}  // namespace hornbook::python
