// Identifiers that nobody has to coordinate.
#pragma once

#include <string>

namespace headrace {

// 26 characters that sort by the time they were made: 48 bits of milliseconds, 80 random bits, in Crockford's base 32
// (the form of a ULID). Thread-safe.
std::string NewId();

}  // namespace headrace
