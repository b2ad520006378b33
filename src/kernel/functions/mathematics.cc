// round floor ceil trunc, powers and roots, logarithms, trigonometry, isnan isinf isfinite.
//
// The mathematical functions are those of the system's C library, which DuckDB calls as well. They are exact to the
// last place or the one before it; training and serving run the same code, so on one machine they agree to the bit.
#include <array>
#include <cmath>
#include <numbers>

#include "kernel/functions/support.h"

namespace headrace::functions {
namespace {

constexpr TypeId kB = TypeId::kBigint;
constexpr TypeId kD = TypeId::kDouble;

using Function = double (*)(double);

double Trunc(double v) {
  return std::trunc(v);
}
double Round(double v) {
  return std::round(v);
}

// DuckDB's: scale by 10^digits, round, scale back. Where that leaves the doubles: the value itself, but 0 for rounding
// to more places than the value has.
template <Function rounding, bool zero_beyond>
double RoundTo(double v, int64_t digits) {
  const double scale = std::pow(10.0, std::abs(static_cast<double>(digits)));
  const double rounded = digits < 0 ? rounding(v / scale) * scale : rounding(v * scale) / scale;
  if (std::isfinite(rounded)) return rounded;
  return digits < 0 && zero_beyond ? 0 : v;
}

// Bigints lose their last -digits places; half goes away from zero. 10^19 has no room in 64 bits, hence __int128.
template <bool half_away>
Status RoundIntegerTo(int64_t v, int64_t digits, int64_t* out) {
  *out = v;
  if (digits >= 0) return absl::OkStatus();
  *out = 0;
  if (digits < -18) return absl::OkStatus();
  __int128 scale = 1;
  for (int64_t i = 0; i < -digits; ++i) scale *= 10;
  const __int128 half = half_away ? (v < 0 ? -scale / 2 : scale / 2) : 0;
  const __int128 rounded = (v + half) / scale * scale;
  *out = static_cast<int64_t>(rounded);
  if (*out != rounded) return InvalidArgument("{} rounded to {} digits does not fit a bigint", v, digits);
  return absl::OkStatus();
}

Status SquareRoot(double v, double* out) {
  if (v < 0) return InvalidArgument("sqrt of the negative number {}", FormatDouble(v));
  *out = std::sqrt(v);
  return absl::OkStatus();
}

template <Function logarithm>
Status Logarithm(double v, double* out) {
  if (v <= 0) return InvalidArgument("the logarithm of {}, which is not above zero", FormatDouble(v));
  *out = logarithm(v);
  return absl::OkStatus();
}

Status LogarithmToBase(double base, double v, double* out) {
  double divisor = 0;
  HR_RETURN_IF_ERROR(Logarithm<std::log10>(base, &divisor));
  if (divisor == 0) return InvalidArgument("a logarithm to the base 1");
  HR_RETURN_IF_ERROR(Logarithm<std::log10>(v, out));
  *out /= divisor;
  return absl::OkStatus();
}

// sin, cos, tan of an infinity, asin and acos outside [-1, 1]; NaN stays NaN.
template <Function f>
Status OfFinite(double v, double* out) {
  if (std::isinf(v)) return InvalidArgument("a trigonometric function of {}", FormatDouble(v));
  *out = f(v);
  return absl::OkStatus();
}
template <Function f>
Status OfUnitInterval(double v, double* out) {
  if (v < -1 || v > 1) return InvalidArgument("asin or acos of {}, which is not within -1 and 1", FormatDouble(v));
  *out = f(v);
  return absl::OkStatus();
}

Status Pi(Arguments, size_t rows, Column* result) {
  for (size_t i = 0; i < rows; ++i) result->AppendDouble(std::numbers::pi);
  return absl::OkStatus();
}

template <Function f>
ScalarFunction Plain(std::string_view name) {
  return {name, {kD}, kD, Map<double, f, double>};
}
template <Status (*f)(double, double*)>
ScalarFunction Partial(std::string_view name) {
  return {name, {kD}, kD, TryMap<double, f, double>};
}
template <auto f>
ScalarFunction Test(std::string_view name) {
  return {name, {kD}, TypeId::kBoolean, Map<bool, f, double>};
}

}  // namespace

std::vector<ScalarFunction> MathematicsFunctions() {
  constexpr auto kSame = [](int64_t a) { return a; };
  return {
      Plain<std::floor>("floor"),
      Plain<std::ceil>("ceil"),
      Plain<Round>("round"),
      Plain<Trunc>("trunc"),
      {"round", {kB}, kB, Map<int64_t, kSame, int64_t>},
      {"trunc", {kB}, kB, Map<int64_t, kSame, int64_t>},
      {"round", {kD, kB}, kD, Map<double, RoundTo<Round, true>, double, int64_t>},
      {"trunc", {kD, kB}, kD, Map<double, RoundTo<Trunc, false>, double, int64_t>},
      {"round", {kB, kB}, kB, TryMap<int64_t, RoundIntegerTo<true>, int64_t, int64_t>},
      {"trunc", {kB, kB}, kB, TryMap<int64_t, RoundIntegerTo<false>, int64_t, int64_t>},
      Partial<SquareRoot>("sqrt"),
      Plain<std::cbrt>("cbrt"),
      Plain<std::exp>("exp"),
      {"power", {kD, kD}, kD, Map<double, [](double a, double b) { return std::pow(a, b); }, double, double>},
      Partial<Logarithm<std::log>>("ln"),
      Partial<Logarithm<std::log10>>("log10"),
      Partial<Logarithm<std::log2>>("log2"),
      Partial<Logarithm<std::log10>>("log"),
      {"log", {kD, kD}, kD, TryMap<double, LogarithmToBase, double, double>},
      Partial<OfFinite<std::sin>>("sin"),
      Partial<OfFinite<std::cos>>("cos"),
      Partial<OfFinite<std::tan>>("tan"),
      Partial<OfUnitInterval<std::asin>>("asin"),
      Partial<OfUnitInterval<std::acos>>("acos"),
      Plain<std::atan>("atan"),
      {"atan2", {kD, kD}, kD, Map<double, [](double y, double x) { return std::atan2(y, x); }, double, double>},
      Plain<std::sinh>("sinh"),
      Plain<std::cosh>("cosh"),
      Plain<std::tanh>("tanh"),
      {"radians", {kD}, kD, Map<double, [](double v) { return v * (std::numbers::pi / 180); }, double>},
      {"degrees", {kD}, kD, Map<double, [](double v) { return v * (180 / std::numbers::pi); }, double>},
      {"pi", {}, kD, Pi},
      Test<[](double v) { return std::isnan(v); }>("isnan"),
      Test<[](double v) { return std::isinf(v); }>("isinf"),
      Test<[](double v) { return std::isfinite(v); }>("isfinite"),
  };
}

}  // namespace headrace::functions
