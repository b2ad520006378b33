// Amounts of memory: as people write them, and what the machine has.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/status.h"

namespace headrace {

// "4GB", "1.5 GiB", "500mb": a number and B, KB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (of 1024), in any
// case. An error says how to write it.
StatusOr<size_t> ParseByteCount(std::string_view text);

// Of the machine, or of the container where that has less.
size_t MachineMemoryBytes();

}  // namespace headrace
