// Which instruction sets this processor has, and which kernels run.
#pragma once

#include <string>
#include <vector>

#include "kernels.h"

namespace hornbook {

// The names that HORNBOOK_ISA takes on this machine, the best first.
std::vector<std::string> available_instruction_sets();

// The kernels with that name; null if they are not in this build or the processor cannot run them.
const Kernels* kernels_named(const std::string& name);

}  // namespace hornbook
