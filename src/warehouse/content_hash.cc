#include "warehouse/content_hash.h"

#include <bit>
#include <deque>
#include <vector>

#include "warehouse/parallel_scan.h"

namespace headrace {
namespace {

constexpr uint64_t kNull = 0x9ae16a3b2f90404fULL;

// The finaliser of MurmurHash3: every input bit changes every output bit with a probability near one half.
uint64_t Mix(uint64_t h) {
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdULL;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53ULL;
  return h ^ (h >> 33);
}

uint64_t HashText(std::string_view text) {
  uint64_t h = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return Mix(h ^ text.size());
}

// Mixes the value of each row into its hash; `hash_of` gives the 64 bits of a row that is not null.
template <typename HashOf>
void MixColumn(const Column& column, const HashOf& hash_of, std::vector<uint64_t>* hashes) {
  const bool has_nulls = column.has_nulls();
  for (size_t row = 0; row < hashes->size(); ++row) {
    const uint64_t value = has_nulls && column.IsNull(row) ? kNull : hash_of(row);
    (*hashes)[row] = Mix((*hashes)[row] * 0x9e3779b97f4a7c15ULL + value);
  }
}

}  // namespace

void ContentHasher::Add(const RecordBatch& batch) {
  std::vector<uint64_t> hashes(batch.num_rows, 1);
  for (const Column& column : batch.columns) {
    if (column.type() == TypeId::kDouble) {
      const std::span<const double> values = column.doubles();
      MixColumn(
          column, [&](size_t row) { return Mix(std::bit_cast<uint64_t>(values[row])); }, &hashes);
    } else if (HoldsBytes(column.type())) {
      MixColumn(
          column, [&](size_t row) { return HashText(column.str(row)); }, &hashes);
    } else {
      const std::span<const int64_t> values = column.ints();
      MixColumn(
          column, [&](size_t row) { return Mix(static_cast<uint64_t>(values[row]) + 1); }, &hashes);
    }
  }
  for (const uint64_t hash : hashes) {
    sum_ += hash;
    exclusive_or_ ^= hash;
  }
  rows_ += static_cast<int64_t>(batch.num_rows);
}

void ContentHasher::Merge(const ContentHasher& other) {
  rows_ += other.rows_;
  sum_ += other.sum_;
  exclusive_or_ ^= other.exclusive_or_;
}

ContentHash ContentHasher::Finish() const {
  return {rows_, fmt::format("{:016x}{:016x}", sum_, exclusive_or_)};
}

StatusOr<ContentHash> HashQuery(Connection& connection, std::string_view sql) {
  std::deque<ContentHasher> hashers;  // one per thread, where it stays
  HR_RETURN_IF_ERROR(ScanInParallel(connection, sql, [&]() -> BatchSink {
    return [hasher = &hashers.emplace_back()](const RecordBatch& batch) {
      hasher->Add(batch);
      return absl::OkStatus();
    };
  }));
  ContentHasher all;
  for (const ContentHasher& hasher : hashers) all.Merge(hasher);
  return all.Finish();
}

}  // namespace headrace
