#include "warehouse/content_hash.h"

#include <bit>
#include <vector>

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

uint64_t HashValue(const Column& column, size_t row) {
  if (column.IsNull(row)) return kNull;
  if (HoldsBytes(column.type())) return HashText(column.str(row));
  if (column.type() == TypeId::kDouble) return Mix(std::bit_cast<uint64_t>(column.doubles()[row]));
  return Mix(static_cast<uint64_t>(column.ints()[row]) + 1);
}

}  // namespace

void ContentHasher::Add(const RecordBatch& batch) {
  std::vector<uint64_t> hashes(batch.num_rows, 1);
  for (const Column& column : batch.columns) {
    for (size_t row = 0; row < batch.num_rows; ++row) {
      hashes[row] = Mix(hashes[row] * 0x9e3779b97f4a7c15ULL + HashValue(column, row));
    }
  }
  for (const uint64_t hash : hashes) {
    sum_ += hash;
    exclusive_or_ ^= hash;
  }
  rows_ += static_cast<int64_t>(batch.num_rows);
}

ContentHash ContentHasher::Finish() const {
  return {rows_, fmt::format("{:016x}{:016x}", sum_, exclusive_or_)};
}

StatusOr<ContentHash> HashQuery(Connection& connection, std::string_view sql) {
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<ResultStream> stream, connection.Query(sql));
  ContentHasher hasher;
  while (true) {
    HR_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
    if (!batch) return hasher.Finish();
    hasher.Add(*batch);
  }
}

}  // namespace headrace
