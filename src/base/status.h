// Errors as values.
//
// Every call across a folder boundary that can fail returns absl::Status or absl::StatusOr; exceptions of
// libraries are caught where the library is wrapped. A message says what was wrong, where (the user's
// file:line:column, the key, the row) and what to do. Codes carry the meaning that callers act upon:
//   kInvalidArgument     the user's input is wrong (exit status 2 for arguments, HTTP 400)
//   kNotFound            the named thing does not exist (404)
//   kFailedPrecondition  the project is not in the state that this needs, e.g. nothing built yet (409)
//   kAborted             the work was done and says no: a failing data test, a difference (exit status 1)
//   kResourceExhausted   a limit was reached (429 or 413)
//   kUnavailable         try again later (503)
//   kDataLoss            a damaged file, named
//   kInternal            our own mistake
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "fmt/format.h"

namespace headrace {

using absl::Status;
using absl::StatusOr;

template <typename... Args>
[[nodiscard]] Status InvalidArgument(fmt::format_string<Args...> format, Args&&... args) {
  return absl::InvalidArgumentError(fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
[[nodiscard]] Status NotFound(fmt::format_string<Args...> format, Args&&... args) {
  return absl::NotFoundError(fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
[[nodiscard]] Status FailedPrecondition(fmt::format_string<Args...> format, Args&&... args) {
  return absl::FailedPreconditionError(fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
[[nodiscard]] Status Aborted(fmt::format_string<Args...> format, Args&&... args) {
  return absl::AbortedError(fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
[[nodiscard]] Status ResourceExhausted(fmt::format_string<Args...> format, Args&&... args) {
  return absl::ResourceExhaustedError(fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
[[nodiscard]] Status Unavailable(fmt::format_string<Args...> format, Args&&... args) {
  return absl::UnavailableError(fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
[[nodiscard]] Status DataLoss(fmt::format_string<Args...> format, Args&&... args) {
  return absl::DataLossError(fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
[[nodiscard]] Status Internal(fmt::format_string<Args...> format, Args&&... args) {
  return absl::InternalError(fmt::format(format, std::forward<Args>(args)...));
}

// Debian builds Abseil with a string_view of its own; these cross the border.
[[nodiscard]] inline std::string_view Message(const Status& status) {
  return {status.message().data(), status.message().size()};
}
[[nodiscard]] inline absl::string_view ToAbsl(std::string_view text) {
  return {text.data(), text.size()};
}

// The same status with `context` put before its message: "building table fct: ...".
[[nodiscard]] inline Status Annotate(const Status& status, std::string_view context) {
  if (status.ok()) return status;
  return Status(status.code(), fmt::format("{}: {}", context, Message(status)));
}

}  // namespace headrace

#define HR_CONCAT_INNER(a, b) a##b
#define HR_CONCAT(a, b) HR_CONCAT_INNER(a, b)

// Returns from the enclosing function if `expression` (a Status) is an error.
#define HR_RETURN_IF_ERROR(expression)                                              \
  do {                                                                              \
    if (::absl::Status hr_status = (expression); !hr_status.ok()) return hr_status; \
  } while (false)

// HR_ASSIGN_OR_RETURN(auto value, Call()): binds the value of a StatusOr, or returns its error.
#define HR_ASSIGN_OR_RETURN(lhs, expression) \
  HR_ASSIGN_OR_RETURN_IMPL(HR_CONCAT(hr_status_or_, __LINE__), lhs, expression)
#define HR_ASSIGN_OR_RETURN_IMPL(status_or, lhs, expression) \
  auto status_or = (expression);                             \
  if (!status_or.ok()) return std::move(status_or).status(); \
  lhs = std::move(status_or).value()
