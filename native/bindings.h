// The sections of the Python module, one for each file of bindings.
#pragma once

#include <nanobind/nanobind.h>

namespace hornbook::python {

void define_tokenizer(nanobind::module_& m);

}  // namespace hornbook::python
