#include "kernel/aggregates/log_product.h"

#include <algorithm>
#include <array>
#include <bit>
#include <boost/multiprecision/cpp_bin_float.hpp>
#include <cmath>
#include <limits>

namespace headrace {
namespace {

constexpr int kPartBits = 120;
constexpr __int128 kOne = static_cast<__int128>(1) << kPartBits;
constexpr int kSignificandBits = 52;

using Precise = boost::multiprecision::cpp_bin_float_50;  // 168 bits

// Rounded to the nearest unit of 2^-120.
__int128 ToUnits(const Precise& v) {
  const Precise units = round(ldexp(v, kPartBits));
  return static_cast<__int128>(static_cast<boost::multiprecision::int128_t>(units));
}

// A significand is multiplied, without rounding, by three factors of few bits that bring it ever closer to 1; what is
// left, 1 + e with |e| < 2^-19, has a short series:
//
//   factor                                  chosen by                                  leaves
//   ceil(2^10 / (1 + i/128)) * 2^-10        the 7 bits i behind the leading one        [1, 1 + 2^-6.6)
//   1 - j 2^-13                             the bits of that above 2^-13               1 +- 2^-13
//   1 - k 2^-20                             the bits of that above 2^-20, signed       1 +- 2^-19
struct Tables {
  static constexpr int kFirstBits = 7;
  static constexpr int kFirstScale = 10;
  static constexpr int kSecondScale = 13;
  static constexpr int kThirdScale = 20;
  static constexpr size_t kSecond = 96;
  static constexpr int kThirdOffset = 160;

  std::array<uint64_t, 1 << kFirstBits> first{};  // the factor, in units of 2^-10
  // The logarithms that each factor takes away.
  std::array<__int128, 1 << kFirstBits> first_log{};
  std::array<__int128, kSecond> second_log{};
  std::array<__int128, size_t{2} * kThirdOffset> third_log{};
  std::array<__int128, 7> inverses{};  // of the numbers
  __int128 per_ln2 = 0;                // 1 / ln 2

  Tables() {
    const Precise ln2 = log(Precise(2));
    const auto log_away = [&](const Precise& factor) { return ToUnits(-log(factor) / ln2); };
    for (uint64_t i = 0; i < first.size(); ++i) {
      const uint64_t least = (uint64_t{1} << kFirstBits) + i;
      first[i] = ((uint64_t{1} << (kFirstScale + kFirstBits)) + least - 1) / least;
      first_log[i] = log_away(ldexp(Precise(first[i]), -kFirstScale));
    }
    for (size_t j = 0; j < second_log.size(); ++j) second_log[j] = log_away(1 - ldexp(Precise(j), -kSecondScale));
    for (int k = -kThirdOffset; k < kThirdOffset; ++k)
      third_log[static_cast<size_t>(k + kThirdOffset)] = log_away(1 - ldexp(Precise(k), -kThirdScale));
    for (size_t n = 1; n < inverses.size(); ++n) inverses[n] = ToUnits(1 / Precise(n));
    per_ln2 = ToUnits(1 / ln2);
  }

  static const Tables& Get() {
    static const Tables tables;
    return tables;
  }
};

// a * b in units, for magnitudes below 2; what lies below a unit is dropped.
__int128 MultiplyUnits(__int128 a, __int128 b) {
  const bool negative = (a < 0) != (b < 0);
  const auto x = static_cast<unsigned __int128>(a < 0 ? -a : a);
  const auto y = static_cast<unsigned __int128>(b < 0 ? -b : b);
  const uint64_t x_low = static_cast<uint64_t>(x), x_high = static_cast<uint64_t>(x >> 64);
  const uint64_t y_low = static_cast<uint64_t>(y), y_high = static_cast<uint64_t>(y >> 64);
  const unsigned __int128 low = static_cast<unsigned __int128>(x_low) * y_low;
  const unsigned __int128 one = static_cast<unsigned __int128>(x_low) * y_high;
  const unsigned __int128 other = static_cast<unsigned __int128>(x_high) * y_low;
  const unsigned __int128 middle = (low >> 64) + static_cast<uint64_t>(one) + static_cast<uint64_t>(other);
  const unsigned __int128 high =
      static_cast<unsigned __int128>(x_high) * y_high + (one >> 64) + (other >> 64) + (middle >> 64);
  const auto product =
      static_cast<__int128>((high << (128 - kPartBits)) | (static_cast<uint64_t>(middle) >> (kPartBits - 64)));
  return negative ? -product : product;
}

// log2(1 + e), |e| < 2^-19, all in units: e - e^2/2 + ... - e^6/6, over ln 2.
__int128 Log2NearOne(const Tables& tables, __int128 e) {
  __int128 series = tables.inverses[6];
  for (size_t n = 5; n >= 1; --n) series = tables.inverses[n] - MultiplyUnits(e, series);
  return MultiplyUnits(MultiplyUnits(e, series), tables.per_ln2);
}

}  // namespace

__int128 Log2OfSignificand(uint64_t significand) {
  using T = Tables;
  const Tables& tables = T::Get();
  const size_t i = (significand >> (kSignificandBits - T::kFirstBits)) & (tables.first.size() - 1);
  unsigned __int128 left = static_cast<unsigned __int128>(significand) * tables.first[i];
  int scale = kSignificandBits + T::kFirstScale;
  const auto above_one = [&] { return static_cast<__int128>(left) - (static_cast<__int128>(1) << scale); };
  const auto j = static_cast<size_t>(above_one() >> (scale - T::kSecondScale));
  left *= (uint64_t{1} << T::kSecondScale) - j;
  scale += T::kSecondScale;
  const auto k = static_cast<int>(above_one() >> (scale - T::kThirdScale));
  left *= static_cast<uint64_t>((int64_t{1} << T::kThirdScale) - k);
  scale += T::kThirdScale;
  return tables.first_log[i] + tables.second_log[j] + tables.third_log[static_cast<size_t>(k + T::kThirdOffset)] +
         Log2NearOne(tables, above_one() << (kPartBits - scale));
}

void LogProduct::AddLogarithm(int64_t whole, __int128 part) {
  part_ += part;
  log2_ += whole + static_cast<int64_t>(part_ >> kPartBits);  // rounds down, so that what stays is not negative
  part_ &= kOne - 1;
}

void LogProduct::Accumulate(double factor, int sign) {
  if (std::isnan(factor)) {
    nans_ += sign;
    return;
  }
  if (std::signbit(factor)) negatives_ += sign;
  if (factor == 0) {
    zeros_ += sign;
  } else if (std::isinf(factor)) {
    infinities_ += sign;
  } else {
    int exponent = 0;
    const double significand = std::frexp(std::fabs(factor), &exponent);  // [0.5, 1)
    const auto integer = static_cast<uint64_t>(std::ldexp(significand, kSignificandBits + 1));
    AddLogarithm(sign * (exponent - 1), sign * Log2OfSignificand(integer));
  }
}

void LogProduct::Merge(const LogProduct& other) {
  AddLogarithm(other.log2_, other.part_);
  negatives_ += other.negatives_;
  zeros_ += other.zeros_;
  infinities_ += other.infinities_;
  nans_ += other.nans_;
}

double LogProduct::Round() const {
  if (nans_ > 0 || (infinities_ > 0 && zeros_ > 0)) return std::numeric_limits<double>::quiet_NaN();
  const double sign = negatives_ % 2 == 0 ? 1.0 : -1.0;
  if (zeros_ > 0) return sign * 0.0;
  if (infinities_ > 0) return sign * std::numeric_limits<double>::infinity();
  // One step of Newton's from a double near 2^part, whose logarithm is known to 2^-114: 2^(part) = near * 2^(rest),
  // with a rest below 2^-50.
  const double near =
      std::clamp(std::exp2(std::ldexp(static_cast<double>(part_), -kPartBits)), 1.0, std::nextafter(2.0, 1.0));
  const auto integer = static_cast<uint64_t>(std::ldexp(near, kSignificandBits));
  const double rest = std::ldexp(static_cast<double>(part_ - Log2OfSignificand(integer)), -kPartBits);
  const double significand = near + near * std::expm1(rest * std::log(2.0));
  constexpr int64_t kBeyondDoubles = 5000;
  return sign * std::ldexp(significand, static_cast<int>(std::clamp(log2_, -kBeyondDoubles, kBeyondDoubles)));
}

}  // namespace headrace
