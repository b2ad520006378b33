#include "features/offline/label_keys.h"

#include <algorithm>

#include "kernel/events.h"

namespace headrace {
namespace {

// Calls `with_code` with the integer, or `with_text` with the bytes, that stand for the key of each row; `without` for
// rows with a null part.
template <typename WithCode, typename WithText, typename Without>
void VisitKeys(std::span<const Column> parts, size_t rows, const WithCode& with_code, const WithText& with_text,
               const Without& without) {
  if (parts.size() == 1 && parts[0].type() == TypeId::kVarchar) {
    for (size_t row = 0; row < rows; ++row) parts[0].IsNull(row) ? without(row) : with_text(row, parts[0].str(row));
    return;
  }
  if (parts.size() == 1) {
    const std::span<const int64_t> codes = parts[0].ints();
    for (size_t row = 0; row < rows; ++row) parts[0].IsNull(row) ? without(row) : with_code(row, codes[row]);
    return;
  }
  std::string encoded;
  for (size_t row = 0; row < rows; ++row) {
    encoded.clear();
    EncodeKey(parts, row, &encoded) ? with_text(row, std::string_view(encoded)) : without(row);
  }
}

}  // namespace

LabelKeys::LabelKeys(std::span<const Column> parts, const Column& times) {
  const auto add = [&](auto* numbers, size_t row, const auto& key) {
    if (times.IsNull(row)) return;
    const auto [it, inserted] = numbers->try_emplace(key, static_cast<uint32_t>(rows_of_key_.size()));
    if (inserted) rows_of_key_.emplace_back();
    rows_of_key_[it->second].push_back(static_cast<uint32_t>(row));
  };
  VisitKeys(
      parts, times.size(), [&](size_t row, int64_t code) { add(&fixed_, row, code); },
      [&](size_t row, std::string_view text) { add(&encoded_, row, ToAbsl(text)); }, [](size_t) {});
  const std::span<const int64_t> instants = times.ints();
  const auto earlier = [&](uint32_t a, uint32_t b) { return instants[a] < instants[b]; };
  for (std::vector<uint32_t>& rows : rows_of_key_) {
    if (!std::is_sorted(rows.begin(), rows.end(), earlier)) std::stable_sort(rows.begin(), rows.end(), earlier);
  }
}

void LabelKeys::Find(std::span<const Column> parts, size_t rows, std::vector<uint32_t>* numbers) const {
  numbers->resize(rows);
  const auto look_up = [&](const auto& known, size_t row, const auto& key) {
    const auto it = known.find(key);
    (*numbers)[row] = it == known.end() ? kNoKey : it->second;
  };
  VisitKeys(
      parts, rows, [&](size_t row, int64_t code) { look_up(fixed_, row, code); },
      [&](size_t row, std::string_view text) { look_up(encoded_, row, ToAbsl(text)); },
      [&](size_t row) { (*numbers)[row] = kNoKey; });
}

}  // namespace headrace
