// HyperLogLog: about how many distinct hashes there are, with a standard error of 1.04 / sqrt(4096) = 1.6 %.
//
// After Flajolet et al. (2007), with the estimator of Otmar Ertl, "New cardinality estimation algorithms for
// HyperLogLog sketches" (arXiv 1702.01284), algorithm 6: no bias correction by table, good from 0 to beyond 2^60.
#pragma once

#include <array>
#include <cstdint>

namespace headrace {

class HyperLogLog {
 public:
  void Add(uint64_t hash);
  void Merge(const HyperLogLog& other);  // as if all that it was given had been added
  int64_t Estimate() const;

 private:
  static constexpr int kPrecision = 12;
  static constexpr int kRegisters = 1 << kPrecision;
  static constexpr int kMaxRank = 64 - kPrecision + 1;

  std::array<uint8_t, kRegisters> ranks_{};
};

}  // namespace headrace
