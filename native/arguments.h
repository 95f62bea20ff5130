// Arguments from Python: what bindings.cc checks before a kernel sees a pointer.
//
// Inputs: NumPy arrays of the exact type. One that is not contiguous or not aligned is copied; the result is right, only slower.
// Outputs: written in place, so they must fit as they are.
// Messages say operation, invariant and what came.
#pragma once

#include <Python.h>
#define PY_ARRAY_UNIQUE_SYMBOL hornbook_numpy  // one table of NumPy's functions for all files; bindings.cc fills it
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_1_25_API_VERSION
#include <nanobind/nanobind.h>
#include <numpy/arrayobject.h>

#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

namespace hornbook::python {

namespace nb = nanobind;

// ---- errors -----------------------------------------------------------------------------------------------------------------

// Raises a class of hornbook.errors, all of which are ValueErrors.
[[noreturn]] inline void raise(const char* error_class, const std::string& message) {
    const nb::object type = nb::module_::import_("hornbook.errors").attr(error_class);
    PyErr_SetString(type.ptr(), message.c_str());
    throw nb::python_error();
}

[[noreturn]] inline void raise_type(const std::string& message) { throw nb::type_error(message.c_str()); }
[[noreturn]] inline void raise_value(const std::string& message) { throw nb::value_error(message.c_str()); }

inline std::string shape_text(const npy_intp* sizes, int count) {
    std::string text = "(";
    for (int i = 0; i < count; ++i) text += (i ? ", " : "") + std::to_string(sizes[i]);
    return text + (count == 1 ? ",)" : ")");
}

// ---- arrays -----------------------------------------------------------------------------------------------------------------

// A NumPy array that is known to have the type its user asked for.
class Array {
public:
    explicit Array(nb::object object) : object_(std::move(object)) {}

    PyArrayObject* get() const { return reinterpret_cast<PyArrayObject*>(object_.ptr()); }
    int ndim() const { return PyArray_NDIM(get()); }
    int64_t size(int axis) const { return PyArray_DIM(get(), axis); }
    int64_t last() const { return size(ndim() - 1); }
    int64_t count() const { return PyArray_SIZE(get()); }
    int64_t rows() const {  // all axes but the last; also where the last has size 0
        int64_t n = 1;
        for (int i = 0; i + 1 < ndim(); ++i) n *= size(i);
        return n;
    }
    const npy_intp* shape() const { return PyArray_DIMS(get()); }
    std::string text() const { return shape_text(shape(), ndim()); }
    template <class T = float>
    T* data() const {
        return static_cast<T*>(PyArray_DATA(get()));
    }
    const nb::object& object() const { return object_; }

private:
    nb::object object_;
};

struct Name {
    const char *operation, *argument;
    std::string text() const { return std::string(operation) + ": " + argument; }
};

inline const char* type_name(int type) {
    switch (type) {
        case NPY_FLOAT32: return "float32";
        case NPY_FLOAT16: return "float16";
        case NPY_INT32: return "int32";
        default: return "another type";
    }
}

inline bool has_type(PyObject* object, int type) {
    return PyArray_Check(object) && PyArray_TYPE(reinterpret_cast<PyArrayObject*>(object)) == type &&
           PyArray_ISNOTSWAPPED(reinterpret_cast<PyArrayObject*>(object));
}

inline std::string describe(PyObject* object) {
    if (!PyArray_Check(object)) return Py_TYPE(object)->tp_name;
    const nb::object dtype = nb::handle(object).attr("dtype");
    return std::string(nb::str(dtype).c_str()) + " of shape " + Array(nb::borrow(object)).text();
}

inline void check_type(nb::handle value, int type, const Name& name) {
    if (!has_type(value.ptr(), type))
        raise_type(name.text() + " expects an array of " + type_name(type) + ", got " + describe(value.ptr()));
}

// An array of `type` with any strides.
inline Array strided(nb::handle value, const Name& name, int type = NPY_FLOAT32) {
    check_type(value, type, name);
    Array array(nb::borrow(value));
    bool usable = PyArray_ISALIGNED(array.get());
    for (int i = 0; i < array.ndim(); ++i) usable = usable && PyArray_STRIDE(array.get(), i) % PyArray_ITEMSIZE(array.get()) == 0;
    if (usable) return array;
    return Array(nb::steal(PyArray_NewCopy(array.get(), NPY_CORDER)));
}

// An input that the kernel can read from its first byte to its last.
inline Array input(nb::handle value, const Name& name, int type = NPY_FLOAT32) {
    check_type(value, type, name);
    PyArrayObject* array = reinterpret_cast<PyArrayObject*>(value.ptr());
    if (PyArray_ISCARRAY_RO(array)) return Array(nb::borrow(value));
    PyObject* copy = PyArray_NewCopy(array, NPY_CORDER);
    if (copy == nullptr) throw nb::python_error();
    return Array(nb::steal(copy));
}

// ---- shapes -----------------------------------------------------------------------------------------------------------------

inline void check_shape(const Array& array, std::initializer_list<int64_t> expected, const Name& name) {
    bool fits = array.ndim() == static_cast<int>(expected.size());
    int axis = 0;
    for (const int64_t size : expected) fits = fits && array.size(axis++) == size;
    if (fits) return;
    const std::vector<npy_intp> sizes(expected.begin(), expected.end());
    raise("ShapeError", name.text() + " expects shape " + shape_text(sizes.data(), static_cast<int>(sizes.size())) + ", got " +
                            array.text());
}

inline void check_same_shape(const Array& array, const Array& other, const Name& name) {
    if (array.ndim() != other.ndim() || !PyArray_CompareLists(array.shape(), other.shape(), array.ndim()))
        raise("ShapeError", name.text() + " expects shape " + other.text() + ", got " + array.text());
}

inline void check_ndim(const Array& array, int ndim, const Name& name) {
    if (array.ndim() != ndim)
        raise("ShapeError", name.text() + " expects " + std::to_string(ndim) + " axes, got shape " + array.text());
}

inline void check_has_rows(const Array& array, const Name& name) {
    if (array.ndim() == 0) raise("ShapeError", name.text() + " expects at least one axis, got shape ()");
}

// ---- outputs ----------------------------------------------------------------------------------------------------------------

inline Array make(const std::vector<npy_intp>& shape, int type = NPY_FLOAT32) {
    PyObject* array = PyArray_EMPTY(static_cast<int>(shape.size()), const_cast<npy_intp*>(shape.data()), type, 0);
    if (array == nullptr) throw nb::python_error();
    return Array(nb::steal(array));
}

inline Array make_like(const Array& array) { return make({array.shape(), array.shape() + array.ndim()}); }

// The shape of `rows` with another last axis.
inline std::vector<npy_intp> with_last(const Array& rows, int64_t last) {
    std::vector<npy_intp> shape(rows.shape(), rows.shape() + rows.ndim());
    shape.back() = last;
    return shape;
}

inline bool overlap(const Array& a, const Array& b) {
    const char *begin = a.data<char>(), *other = b.data<char>();
    return begin < other + PyArray_NBYTES(b.get()) && other < begin + PyArray_NBYTES(a.get());
}

// An array that the kernel writes in place.
inline Array in_place(nb::handle value, const Name& name, int type = NPY_FLOAT32) {
    check_type(value, type, name);
    Array array(nb::borrow(value));
    if (!PyArray_ISWRITEABLE(array.get())) raise_value(name.text() + " is written, but it is read-only");
    if (!PyArray_ISCARRAY(array.get())) raise_value(name.text() + " is written, so it must be C-contiguous and aligned");
    return array;
}

// `out` if it is given and fits, else a new array. It may not overlap the inputs; those in `same` it may be.
inline Array output(nb::handle out, const std::vector<npy_intp>& shape, const char* operation,
                    std::initializer_list<const Array*> inputs, std::initializer_list<const Array*> same = {}) {
    if (out.is_none()) return make(shape);
    const Name name{operation, "out"};
    Array array = in_place(out, name);
    if (array.ndim() != static_cast<int>(shape.size()) || !PyArray_CompareLists(array.shape(), shape.data(), array.ndim()))
        raise("ShapeError", name.text() + " expects shape " + shape_text(shape.data(), static_cast<int>(shape.size())) + ", got " +
                                array.text());
    for (const Array* other : inputs)
        if (other != nullptr && overlap(array, *other)) raise_value(name.text() + " overlaps an input");
    for (const Array* other : same)
        if (overlap(array, *other) && array.data<char>() != other->data<char>()) raise_value(name.text() + " overlaps an input");
    return array;
}

// ---- integers ---------------------------------------------------------------------------------------------------------------

// int32 or int64 [n], copied: what was checked cannot change while the kernel runs.
inline std::vector<int32_t> integers(nb::handle value, const Name& name) {
    const bool wide = has_type(value.ptr(), NPY_INT64);
    if (!wide && !has_type(value.ptr(), NPY_INT32))
        raise_type(name.text() + " expects an array of int32 or int64, got " + describe(value.ptr()));
    const Array array = input(value, name, wide ? NPY_INT64 : NPY_INT32);
    check_ndim(array, 1, name);
    std::vector<int32_t> result(static_cast<size_t>(array.count()));
    for (size_t i = 0; i < result.size(); ++i) {
        const int64_t number = wide ? array.data<int64_t>()[i] : array.data<int32_t>()[i];
        if (number != static_cast<int32_t>(number)) raise_value(name.text() + " holds " + std::to_string(number) + ", too large");
        result[i] = static_cast<int32_t>(number);
    }
    return result;
}

// Ids below `limit`; negative ones only where they mean something.
inline std::vector<int32_t> ids_below(nb::handle value, int64_t limit, const Name& name, bool allow_negative = false) {
    std::vector<int32_t> ids = integers(value, name);
    for (const int32_t id : ids)
        if (id >= limit || (id < 0 && !allow_negative))
            raise_value(name.text() + " must lie in 0.." + std::to_string(limit - 1) + ", got " + std::to_string(id));
    return ids;
}

// Where B sequences begin and the last one ends: from 0 up to the number of rows.
inline std::vector<int32_t> offsets_of(nb::handle value, int64_t n_rows, const char* operation) {
    const Name name{operation, "offsets"};
    std::vector<int32_t> offsets = integers(value, name);
    bool valid = !offsets.empty() && offsets.front() == 0 && offsets.back() == n_rows;
    for (size_t i = 1; i < offsets.size(); ++i) valid = valid && offsets[i - 1] <= offsets[i];
    if (!valid) raise_value(name.text() + " must rise from 0 to the number of rows, " + std::to_string(n_rows));
    return offsets;
}

}  // namespace hornbook::python
