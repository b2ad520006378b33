#include "base/diagnostic.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_join.h"

namespace headrace {
namespace {

// Letters inserted, removed, replaced, or swapped with their neighbour ("optimal string alignment"); the last three
// rows of the table at a time.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> above(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row.back();
}

}  // namespace

std::string SourcePosition::ToString() const {
  if (line == 0) return file;
  if (column == 0) return fmt::format("{}:{}", file, line);
  return fmt::format("{}:{}:{}", file, line, column);
}

std::string Diagnostic::ToString() const {
  return fmt::format("{}: {}{}{}", where.ToString(), message, hint.empty() ? "" : "; ", hint);
}

Status ToStatus(const Diagnostics& diagnostics) {
  if (diagnostics.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrJoin(diagnostics, "\n", [](std::string* out, const Diagnostic& d) { out->append(d.ToString()); }));
}

std::string NearestName(std::string_view name, std::span<const std::string> candidates) {
  const std::string* best = nullptr;
  // At least one letter must be right: 'a' is no slip of the hand for 'b'.
  const size_t most = std::max<size_t>(1, name.size() / 3);
  size_t best_distance = std::min(most + 1, name.size());
  for (const std::string& candidate : candidates) {
    const size_t distance = EditDistance(name, candidate);
    if (distance < best_distance) {
      best = &candidate;
      best_distance = distance;
    }
  }
  return best == nullptr ? "" : *best;
}

std::string NearestNameHint(std::string_view name, std::span<const std::string> candidates) {
  constexpr size_t kMaxListed = 12;
  if (const std::string nearest = NearestName(name, candidates); !nearest.empty()) {
    return fmt::format("did you mean '{}'?", nearest);
  }
  if (candidates.empty() || candidates.size() > kMaxListed) return "";
  return fmt::format("there are: {}", absl::StrJoin(candidates, ", "));
}

}  // namespace headrace
