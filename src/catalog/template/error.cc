#include "catalog/template/error.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"

namespace headrace::jinja {
namespace {

constexpr char kOffsetKey[] = "headrace/template-offset";
constexpr char kHintKey[] = "headrace/template-hint";

}  // namespace

Status ErrorAt(size_t offset, std::string_view message, std::string_view hint) {
  return WithHint(WithOffset(InvalidArgument("{}", message), offset), hint);
}

Status WithOffset(Status status, size_t offset) {
  if (!status.ok() && !status.GetPayload(kOffsetKey))
    status.SetPayload(kOffsetKey, absl::Cord(fmt::format("{}", offset)));
  return status;
}

Status WithHint(Status status, std::string_view hint) {
  if (!status.ok() && !hint.empty()) status.SetPayload(kHintKey, absl::Cord(std::string(hint)));
  return status;
}

SourcePosition PositionAt(const std::string& file, std::string_view source, size_t offset) {
  const std::string_view before = source.substr(0, std::min(offset, source.size()));
  const size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0: the first line
  return {.file = file,
          .line = static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
          .column = static_cast<int>(before.size() - line_begin) + 1};
}

bool HasOffset(const Status& status) {
  return status.GetPayload(kOffsetKey).has_value();
}

size_t OffsetOf(const Status& status) {
  uint64_t offset = 0;
  const auto payload = status.GetPayload(kOffsetKey);
  if (!payload || !absl::SimpleAtoi(std::string(*payload), &offset)) return 0;
  return offset;
}

std::string HintOf(const Status& status) {
  const auto payload = status.GetPayload(kHintKey);
  return payload ? std::string(*payload) : "";
}

Diagnostic ToDiagnostic(const Status& status, const std::string& file, std::string_view source) {
  return {.where = PositionAt(file, source, OffsetOf(status)),
          .message = std::string(status.message()),
          .hint = HintOf(status)};
}

}  // namespace headrace::jinja
