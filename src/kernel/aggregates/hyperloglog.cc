#include "kernel/aggregates/hyperloglog.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace headrace {
namespace {

double Sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double y = 1;
  double z = x;
  double before = 0;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (z != before);
  return z;
}

double Tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1;
  double z = 1 - x;
  double before = 0;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (z != before);
  return z / 3;
}

}  // namespace

void HyperLogLog::Add(uint64_t hash) {
  const uint64_t rest = hash << kPrecision;
  const int rank = rest == 0 ? kMaxRank : std::countl_zero(rest) + 1;
  uint8_t& held = ranks_[hash >> (64 - kPrecision)];
  held = std::max(held, static_cast<uint8_t>(rank));
}

void HyperLogLog::Merge(const HyperLogLog& other) {
  for (size_t i = 0; i < ranks_.size(); ++i) ranks_[i] = std::max(ranks_[i], other.ranks_[i]);
}

int64_t HyperLogLog::Estimate() const {
  std::array<int, kMaxRank + 1> counts{};
  for (const uint8_t rank : ranks_) ++counts[rank];
  constexpr double kCount = kRegisters;
  double z = kCount * Tau(1 - counts[kMaxRank] / kCount);
  for (int rank = kMaxRank - 1; rank >= 1; --rank) z = 0.5 * (z + counts[rank]);
  z += kCount * Sigma(counts[0] / kCount);
  return std::llround(kCount * kCount / (2 * std::log(2.0) * z));
}

}  // namespace headrace
