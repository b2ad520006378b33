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
  if (parts.size() == 1 && HoldsBytes(parts[0]->type())) {
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
  NumberRows(parts, times);
  SortRows(times.ints());
  TabulateCodes();
}

size_t LabelKeys::RowsOfPartition(size_t partition) const {
  size_t rows = 0;
  for (size_t key = partition; key < size(); key += kPartitions) rows += RowsOf(key).size();
  return rows;
}

void LabelKeys::NumberRows(std::span<const Column* const> parts, const Column& times) {
  number_of_row_.assign(times.size(), kNoKey);
  uint32_t num_keys = 0;
  const auto add = [&](auto* numbers, size_t row, const auto& key) {
    if (times.IsNull(row)) return;
    const auto [it, inserted] = numbers->try_emplace(key, num_keys);
    if (inserted) ++num_keys;
    number_of_row_[row] = it->second;
  };
  VisitKeys(
      parts, times.size(), [&](size_t row, int64_t code) { add(&fixed_, row, code); },
      [&](size_t row, std::string_view text) { add(&encoded_, row, ToAbsl(text)); }, [](size_t) {});
  first_of_key_.assign(num_keys + 1, 0);
}

// By key, then instant, then row.
void LabelKeys::SortRows(std::span<const TimestampUs> instants) {
  for (const uint32_t number : number_of_row_) {
    if (number != kNoKey) ++first_of_key_[number + 1];
  }
  std::partial_sum(first_of_key_.begin(), first_of_key_.end(), first_of_key_.begin());
  std::vector<std::pair<TimestampUs, uint32_t>> sorted(first_of_key_.back());
  std::vector<size_t> next(first_of_key_.begin(), first_of_key_.end());
  for (uint32_t row = 0; row < number_of_row_.size(); ++row) {
    if (number_of_row_[row] != kNoKey) sorted[next[number_of_row_[row]]++] = {instants[row], row};
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

void LabelKeys::TabulateCodes() {
  constexpr uint64_t kMaxPerKey = 16;
  if (fixed_.empty()) return;
  const auto [least, greatest] =
      std::minmax_element(fixed_.begin(), fixed_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const uint64_t range = static_cast<uint64_t>(greatest->first) - static_cast<uint64_t>(least->first);
  if (range / kMaxPerKey >= fixed_.size()) return;
  first_code_ = least->first;
  numbers_.assign(range + 1, kNoKey);
  for (const auto& [code, number] : fixed_)
    numbers_[static_cast<uint64_t>(code) - static_cast<uint64_t>(first_code_)] = number;
}

uint32_t LabelKeys::NumberOf(int64_t code) const {
  const auto it = fixed_.find(code);
  return it == fixed_.end() ? kNoKey : it->second;
}

void LabelKeys::Find(std::span<const Column* const> parts, size_t rows, std::vector<uint32_t>* numbers) const {
  numbers->resize(rows);
  const auto with_code = [&](size_t row, int64_t code) {
    if (numbers_.empty()) {
      (*numbers)[row] = NumberOf(code);
    } else {
      const uint64_t place = static_cast<uint64_t>(code) - static_cast<uint64_t>(first_code_);
      (*numbers)[row] = place < numbers_.size() ? numbers_[place] : kNoKey;
    }
  };
  const auto with_text = [&](size_t row, std::string_view text) {
    const auto it = encoded_.find(ToAbsl(text));
    (*numbers)[row] = it == encoded_.end() ? kNoKey : it->second;
  };
  VisitKeys(parts, rows, with_code, with_text, [&](size_t row) { (*numbers)[row] = kNoKey; });
}

}  // namespace headrace
