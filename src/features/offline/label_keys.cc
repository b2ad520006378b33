#include "features/offline/label_keys.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "kernel/events.h"

namespace headrace {
namespace {

// Calls `with_code` with the integer, or `with_text` with the bytes, that stand for the key of each row; `without` for
// rows with a null part.
template <typename WithCode, typename WithText, typename Without>
void VisitKeys(std::span<const Column* const> parts, size_t rows, const WithCode& with_code, const WithText& with_text,
               const Without& without) {
  if (parts.size() == 1 && parts[0]->type() == TypeId::kVarchar) {
    const Column& texts = *parts[0];
    for (size_t row = 0; row < rows; ++row) texts.IsNull(row) ? without(row) : with_text(row, texts.str(row));
    return;
  }
  if (parts.size() == 1) {
    const Column& part = *parts[0];
    const std::span<const int64_t> codes = part.ints();
    for (size_t row = 0; row < rows; ++row) part.IsNull(row) ? without(row) : with_code(row, codes[row]);
    return;
  }
  std::string encoded;
  for (size_t row = 0; row < rows; ++row) {
    encoded.clear();
    EncodeKey(parts, row, &encoded) ? with_text(row, std::string_view(encoded)) : without(row);
  }
}

}  // namespace

LabelKeys::LabelKeys(std::span<const Column* const> parts, const Column& times) {
  SortRows(NumberRows(parts, times), times.ints());
}

// The number of each label row's key.
std::vector<uint32_t> LabelKeys::NumberRows(std::span<const Column* const> parts, const Column& times) {
  std::vector<uint32_t> number_of_row(times.size(), kNoKey);
  uint32_t num_keys = 0;
  const auto add = [&](auto* numbers, size_t row, const auto& key) {
    if (times.IsNull(row)) return;
    const auto [it, inserted] = numbers->try_emplace(key, num_keys);
    if (inserted) ++num_keys;
    number_of_row[row] = it->second;
  };
  VisitKeys(
      parts, times.size(), [&](size_t row, int64_t code) { add(&fixed_, row, code); },
      [&](size_t row, std::string_view text) { add(&encoded_, row, ToAbsl(text)); }, [](size_t) {});
  first_of_key_.assign(num_keys + 1, 0);
  return number_of_row;
}

// By key, then instant, then row.
void LabelKeys::SortRows(std::span<const uint32_t> number_of_row, std::span<const TimestampUs> instants) {
  for (uint32_t row = 0; row < number_of_row.size(); ++row) {
    if (number_of_row[row] == kNoKey) {
      rows_without_key_.push_back(row);
    } else {
      ++first_of_key_[number_of_row[row] + 1];
    }
  }
  std::partial_sum(first_of_key_.begin(), first_of_key_.end(), first_of_key_.begin());
  std::vector<std::pair<TimestampUs, uint32_t>> sorted(first_of_key_.back());
  std::vector<size_t> next(first_of_key_.begin(), first_of_key_.end());
  for (uint32_t row = 0; row < number_of_row.size(); ++row) {
    if (number_of_row[row] != kNoKey) sorted[next[number_of_row[row]]++] = {instants[row], row};
  }
  for (size_t key = 0; key < size(); ++key) {
    const auto begin = sorted.begin() + static_cast<ptrdiff_t>(first_of_key_[key]);
    const auto end = sorted.begin() + static_cast<ptrdiff_t>(first_of_key_[key + 1]);
    if (!std::is_sorted(begin, end)) std::sort(begin, end);
  }
  rows_.reserve(sorted.size());
  times_.reserve(sorted.size());
  for (const auto& [instant, row] : sorted) {
    rows_.push_back(row);
    times_.push_back(instant);
  }
}

void LabelKeys::Find(std::span<const Column* const> parts, size_t rows, std::vector<uint32_t>* numbers) const {
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
