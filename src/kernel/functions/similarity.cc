// How alike two texts are: levenshtein hamming jaccard. Over bytes, as in DuckDB.
#include <algorithm>
#include <bitset>
#include <numeric>

#include "kernel/functions/support.h"

namespace headrace::functions {
namespace {

using std::string_view;

// Insertions, deletions and replacements of a byte that lead from a to b; O(a*b) time, O(b) space. (Wagner and Fischer)
int64_t Levenshtein(string_view a, string_view b) {
  std::vector<int64_t> row(b.size() + 1);  // distances of a[0, i) to every beginning of b
  std::iota(row.begin(), row.end(), int64_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    int64_t diagonal = row[0]++;
    for (size_t j = 0; j < b.size(); ++j) {
      const int64_t replaced = diagonal + static_cast<int64_t>(a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

Status Hamming(string_view a, string_view b, int64_t* out) {
  if (a.size() != b.size() || a.empty())
    return InvalidArgument("hamming compares texts of one length, of at least one byte");
  for (size_t i = 0; i < a.size(); ++i) *out += static_cast<int64_t>(a[i] != b[i]);
  return absl::OkStatus();
}

std::bitset<256> BytesOf(string_view text) {
  std::bitset<256> bytes;
  for (const char c : text) bytes.set(static_cast<unsigned char>(c));
  return bytes;
}

// Bytes that both texts have, of those that any has.
Status Jaccard(string_view a, string_view b, double* out) {
  if (a.empty() || b.empty()) return InvalidArgument("jaccard of an empty text");
  const std::bitset<256> in_a = BytesOf(a);
  const std::bitset<256> in_b = BytesOf(b);
  *out = static_cast<double>((in_a & in_b).count()) / static_cast<double>((in_a | in_b).count());
  return absl::OkStatus();
}

}  // namespace

std::vector<ScalarFunction> SimilarityFunctions() {
  const std::vector<TypeId> pair = {TypeId::kVarchar, TypeId::kVarchar};
  return {
      {"levenshtein", pair, TypeId::kBigint, Map<int64_t, Levenshtein, string_view, string_view>},
      {"hamming", pair, TypeId::kBigint, TryMap<int64_t, Hamming, string_view, string_view>},
      {"jaccard", pair, TypeId::kDouble, TryMap<double, Jaccard, string_view, string_view>},
  };
}

}  // namespace headrace::functions
