#include "kernel/aggregates/scaled_sum.h"

#include "kernel/aggregates/rounding.h"

namespace headrace {
namespace {

constexpr int kMaxBits = 125;  // of what is added, so that one more addition fits

int BitsOf(__int128 v) {
  return HighestBit(static_cast<unsigned __int128>(v < 0 ? -v : v)) + 1;
}

}  // namespace

ExactSum& ScaledSum::Wide() {
  if (wide_ == nullptr) wide_ = std::make_unique<ExactSum>();
  return *wide_;
}

void ScaledSum::Add(__int128 integer, int exponent) {
  if (integer == 0) return;
  if (integer_ == 0) exponent_ = exponent;
  const int up = exponent - exponent_;
  if (up >= 0 && BitsOf(integer) + up <= kMaxBits) {
    integer_ += integer << up;
  } else if (up < 0 && BitsOf(integer_) - up <= kMaxBits) {
    integer_ = (integer_ << -up) + integer;
    exponent_ = exponent;
  } else {
    Wide().AddInteger(integer, exponent);
  }
  if (BitsOf(integer_) <= kMaxBits) return;
  Wide().AddInteger(integer_, exponent_);
  integer_ = 0;
}

void ScaledSum::Merge(const ScaledSum& other) {
  Add(other.integer_, other.exponent_);
  if (other.wide_ != nullptr) Wide().Merge(*other.wide_);
}

double ScaledSum::RoundQuotient(uint64_t n) const {
  if (wide_ == nullptr) return RoundQuotientToDouble(integer_, exponent_, n);
  ExactSum sum = *wide_;
  sum.AddInteger(integer_, exponent_);
  return sum.RoundQuotient(n);
}

ExactNumber ScaledSum::ToNumber() const {
  const ExactNumber number{integer_, exponent_};
  return wide_ == nullptr ? number : number + ExactNumber::Of(*wide_);
}

}  // namespace headrace
