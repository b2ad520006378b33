// Errors of templates: a Status that remembers the byte of the template it is about, and a hint.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/diagnostic.h"
#include "base/status.h"

namespace headrace::jinja {

// kInvalidArgument at byte `offset` of the template.
Status ErrorAt(size_t offset, std::string_view message, std::string_view hint = "");

// `status` with the offset added, unless it has one already: the innermost place is the one shown.
Status WithOffset(Status status, size_t offset);

// `status` with a hint added.
Status WithHint(Status status, std::string_view hint);

// Line and column of byte `offset` of `source`. An offset past the end means the end.
SourcePosition PositionAt(const std::string& file, std::string_view source, size_t offset);

// What the user is shown for an error of the template `source` in `file`.
Diagnostic ToDiagnostic(const Status& status, const std::string& file, std::string_view source);

bool HasOffset(const Status& status);
// The offset that `status` carries; 0 if none.
size_t OffsetOf(const Status& status);
std::string HintOf(const Status& status);

}  // namespace headrace::jinja
