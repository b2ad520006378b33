#include "kernel/aggregates/decayed_average.h"

#include <cmath>
#include <limits>
#include <utility>

#include "kernel/aggregates/exact_number.h"

namespace headrace {
namespace {

// a / b rounded down, and what is left: 0 <= second < b.
std::pair<int64_t, int64_t> DivideDown(int64_t a, int64_t b) {
  const int64_t quotient = a / b - (a % b < 0 ? 1 : 0);
  return {quotient, a - quotient * b};
}

// Adds integer * 2^exponent; what lies below a sum's lowest bit is dropped.
void AddTo(ScaledSum* sum, __int128 integer, int exponent) {
  constexpr int kLowestExponent = -1074;
  if (exponent < kLowestExponent) {
    integer /= static_cast<__int128>(1) << (kLowestExponent - exponent);
    exponent = kLowestExponent;
  }
  sum->Add(integer, exponent);
}

}  // namespace

void DecayedAverage::Accumulate(TimestampUs event_time, double value, int sign) {
  if (std::isnan(value)) {
    nans_ += sign;
    return;
  }
  if (std::isinf(value)) {
    (value > 0 ? positive_infinities_ : negative_infinities_) += sign;
    return;
  }
  const auto [half_lives, part_us] = DivideDown(event_time, half_life_us_);
  const auto [number, within] = DivideDown(half_lives, kGroupHalfLives);
  const DecodedDouble factor(std::exp2(static_cast<double>(part_us) / static_cast<double>(half_life_us_)));
  const DecodedDouble decoded(value);
  const int exponent = factor.field - DecodedDouble::kExponentOfUnit + static_cast<int>(within);
  Group& group = groups_[number];
  AddTo(&group.weights, sign * factor.significand, exponent);
  AddTo(&group.weighted, static_cast<__int128>(sign * factor.significand) * decoded.significand,
        exponent + decoded.field - DecodedDouble::kExponentOfUnit);
  group.values += sign;
  if (group.values == 0) groups_.erase(number);
}

void DecayedAverage::Merge(const DecayedAverage& other) {
  for (const auto& [number, from] : other.groups_) {
    Group& group = groups_[number];
    group.values += from.values;
    group.weights.Merge(from.weights);
    group.weighted.Merge(from.weighted);
  }
  nans_ += other.nans_;
  positive_infinities_ += other.positive_infinities_;
  negative_infinities_ += other.negative_infinities_;
}

double DecayedAverage::Round() const {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const bool both = positive_infinities_ > 0 && negative_infinities_ > 0;
  if (nans_ > 0 || both) return std::numeric_limits<double>::quiet_NaN();
  if (positive_infinities_ > 0) return kInfinity;
  if (negative_infinities_ > 0) return -kInfinity;
  if (groups_.empty()) return std::numeric_limits<double>::quiet_NaN();
  const int64_t newest = groups_.rbegin()->first;
  ExactNumber weights;
  ExactNumber weighted;
  for (auto it = groups_.upper_bound(newest - kGroups); it != groups_.end(); ++it) {
    const int exponent = -kGroupHalfLives * static_cast<int>(newest - it->first);
    const auto scaled = [&](const ScaledSum& sum) {
      ExactNumber number = sum.ToNumber();
      number.exponent += exponent;
      return number;
    };
    weights = weights + scaled(it->second.weights);
    weighted = weighted + scaled(it->second.weighted);
  }
  return ExactRatio(weighted, weights);
}

}  // namespace headrace
