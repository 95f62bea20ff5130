// Calls that are made again: a step of decoding without Python between its kernels.
#pragma once

#include "arguments.h"

#include <functional>
#include <tuple>
#include <type_traits>

namespace hornbook::python {

// The calls that this thread made while it was open, in order. It keeps their arrays: made again, they check, read and write the
// same ones.
class Recording {
public:
    void open() {
        if (open_ != nullptr) raise_value("Recording: another one is open in this thread");
        open_ = this;
    }
    void close() { open_ = nullptr; }
    void replay() const {
        for (const auto& call : calls_) call();
    }
    void add(std::function<void()> call) { calls_.push_back(std::move(call)); }
    size_t size() const { return calls_.size(); }

    static Recording* current() { return open_; }

private:
    std::vector<std::function<void()>> calls_;
    static inline thread_local Recording* open_ = nullptr;
};

// What keeps an argument until the call is made again.
template <class T>
struct Owned : std::decay<T> {};
template <>
struct Owned<nb::handle> {
    using type = nb::object;
};

inline nb::object owned(nb::handle value) { return nb::borrow(value); }
template <class T>
const T& owned(const T& value) {
    return value;
}

// `function`, noted by the recording that is open. Its last argument is `out`: made again, it gets the array it returned before.
template <auto function>
struct Recorded;

template <class... Arguments, nb::object (*function)(Arguments...)>
struct Recorded<function> {
    static nb::object call(Arguments... arguments) {
        nb::object result = function(arguments...);
        if (Recording* recording = Recording::current()) {
            std::tuple<typename Owned<Arguments>::type...> kept{owned(arguments)...};
            std::get<sizeof...(Arguments) - 1>(kept) = result;
            recording->add([kept = std::move(kept)] { std::apply([](const auto&... again) { function(again...); }, kept); });
        }
        return result;
    }
};

}  // namespace hornbook::python
