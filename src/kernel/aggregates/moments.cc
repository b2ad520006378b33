// Variance, covariance, correlation, regression, skewness and kurtosis, from exact power sums.
//
// With S_x the sum of x, and so on, n^2 times the central moments are integers of the same scale:
//
//   D_xx = n S_xx - S_x^2     D_xy = n S_xy - S_x S_y     D_xxx = n^2 S_xxx - 3 n S_x S_xx + 2 S_x^3
//
// They are computed without rounding, however much cancels, and rounded where they are divided at last. Skewness and
// kurtosis are the bias-corrected G1 and G2 of Joanes and Gill (1998), as in DuckDB.
#include <algorithm>
#include <cmath>

#include "kernel/aggregates/exact_number.h"
#include "kernel/aggregates/states.h"
#include "kernel/computed_double.h"

namespace headrace::aggregates {
namespace {

using K = AggregateKind;

class MomentState final : public MergeableState<MomentState> {
 public:
  static constexpr StateForm kForm = StateForm::kMoments;
  void Encode(ByteWriter* out) const override {
    out->PutI64(count_);
    out->PutI64(not_finite_);
    for (const ExactSum* sum : {&x_, &xx_, &xxx_, &xxxx_, &y_, &yy_, &xy_}) sum->Encode(out);
  }
  Status Decode(ByteReader* in) override {
    HR_RETURN_IF_ERROR(GetRows(in, &count_));
    HR_RETURN_IF_ERROR(GetRows(in, &not_finite_));
    for (ExactSum* sum : {&x_, &xx_, &xxx_, &xxxx_, &y_, &yy_, &xy_}) HR_RETURN_IF_ERROR(sum->Decode(in));
    return absl::OkStatus();
  }

  explicit MomentState(const AggregateCall& call)
      : kind_(call.kind),
        of_pairs_(call.second.has_value()),
        degree_(call.kind == K::kKurtosis   ? 4
                : call.kind == K::kSkewness ? 3
                                            : 2) {
    // regr_slope(y, x) and its kin name the dependent variable first.
    x_slot_ = of_pairs_ ? *call.second : *call.argument;
    y_slot_ = *call.argument;
  }

  void Add(const EventsView& rows, size_t row) override { Accumulate(rows, row, +1); }
  void Subtract(const EventsView& rows, size_t row) override { Accumulate(rows, row, -1); }
  void MergeSame(const MomentState& other) {
    count_ += other.count_;
    not_finite_ += other.not_finite_;
    x_.Merge(other.x_);
    xx_.Merge(other.xx_);
    if (of_pairs_) {
      y_.Merge(other.y_);
      yy_.Merge(other.yy_);
      xy_.Merge(other.xy_);
    }
    if (degree_ >= 3) xxx_.Merge(other.xxx_);
    if (degree_ >= 4) xxxx_.Merge(other.xxxx_);
  }

  // Rule 18: too few rows, then what is not finite, then no variance.
  bool AppendResult(TimestampUs, Column* out) const override {
    const std::optional<double> result = count_ < LeastCount() ? std::nullopt : Result();
    if (result) {
      out->AppendDouble(AggregatedDouble(*result));
    } else {
      out->AppendNull();
    }
    return false;
  }

 private:
  std::optional<double> Result() const {
    if (not_finite_ > 0) return std::numeric_limits<double>::quiet_NaN();
    if (!xx_.is_finite() || !yy_.is_finite() || !xy_.is_finite() || !xxx_.is_finite() || !xxxx_.is_finite()) {
      return std::numeric_limits<double>::infinity();  // a power left the range of doubles (rule 19)
    }
    return Compute();
  }

  void Accumulate(const EventsView& rows, size_t row, int sign) {
    const double x = rows.slots[x_slot_].doubles()[row];
    const double y = rows.slots[y_slot_].doubles()[row];
    count_ += sign;
    if (!std::isfinite(x) || !std::isfinite(y)) {
      not_finite_ += sign;
      return;
    }
    x_.AddProduct(x, 1, sign);
    xx_.AddProduct(x, x, sign);
    if (of_pairs_) {
      y_.AddProduct(y, 1, sign);
      yy_.AddProduct(y, y, sign);
      xy_.AddProduct(x, y, sign);
    }
    if (degree_ < 3) return;
    const double square = x * x;
    const double rest = std::fma(x, x, -square);
    xxx_.AddProduct(square, x, sign);
    xxx_.AddProduct(rest, x, sign);
    if (degree_ < 4) return;
    xxxx_.AddProduct(square, square, sign);
    xxxx_.AddProduct(2 * square, rest, sign);
    xxxx_.AddProduct(rest, rest, sign);
  }

  int64_t LeastCount() const {
    switch (kind_) {
      case K::kVarPop:
      case K::kStddevPop:
      case K::kCovarPop:
        return 1;
      case K::kSkewness:
        return 3;
      case K::kKurtosis:
        return 4;
      default:
        return 2;
    }
  }

  std::optional<double> Compute() const {
    const int64_t n = count_;
    const ExactNumber x = ExactNumber::Of(x_);
    const ExactNumber xx = ExactNumber::Of(xx_);
    const ExactNumber d_xx = n * xx - x * x;
    switch (kind_) {
      case K::kVarSamp:
        return RoundedRatio(d_xx, ExactNumber::Of(n) * ExactNumber::Of(n - 1));
      case K::kVarPop:
        return RoundedRatio(d_xx, ExactNumber::Of(n) * ExactNumber::Of(n));
      case K::kStddevSamp:
        return std::sqrt(RoundedRatio(d_xx, ExactNumber::Of(n) * ExactNumber::Of(n - 1)));
      case K::kStddevPop:
        return std::sqrt(RoundedRatio(d_xx, ExactNumber::Of(n) * ExactNumber::Of(n)));
      case K::kSkewness:
        return Skewness(x, xx, d_xx);
      case K::kKurtosis:
        return Kurtosis(x, xx, d_xx);
      default:
        return ComputeOfPairs(x, d_xx);
    }
  }

  std::optional<double> ComputeOfPairs(const ExactNumber& x, const ExactNumber& d_xx) const {
    const int64_t n = count_;
    const ExactNumber y = ExactNumber::Of(y_);
    const ExactNumber d_xy = n * ExactNumber::Of(xy_) - x * y;
    if (kind_ == K::kCovarPop) return RoundedRatio(d_xy, ExactNumber::Of(n) * ExactNumber::Of(n));
    if (kind_ == K::kCovarSamp) return RoundedRatio(d_xy, ExactNumber::Of(n) * ExactNumber::Of(n - 1));
    if (d_xx.is_zero()) return std::nullopt;
    if (kind_ == K::kRegrSlope) return RoundedRatio(d_xy, d_xx);
    if (kind_ == K::kRegrIntercept) return RoundedRatio(y * d_xx - d_xy * x, n * d_xx);
    const ExactNumber d_yy = n * ExactNumber::Of(yy_) - y * y;
    if (d_yy.is_zero()) return kind_ == K::kRegrR2 ? std::optional(1.0) : std::nullopt;  // as in PostgreSQL
    const double r2 = std::min(1.0, RoundedRatio(d_xy * d_xy, d_xx * d_yy));
    if (kind_ == K::kRegrR2) return r2;
    return d_xy.is_negative() ? -std::sqrt(r2) : std::sqrt(r2);
  }

  std::optional<double> Skewness(const ExactNumber& x, const ExactNumber& xx, const ExactNumber& d_xx) const {
    if (d_xx.is_zero()) return std::nullopt;
    const int64_t n = count_;
    const ExactNumber d_xxx =
        ExactNumber::Of(n) * ExactNumber::Of(n) * ExactNumber::Of(xxx_) - 3 * (n * (x * xx)) + 2 * (x * x * x);
    const double magnitude = std::sqrt(RoundedRatio(d_xxx * d_xxx, d_xx * d_xx * d_xx));
    const auto count = static_cast<double>(n);
    return (d_xxx.is_negative() ? -magnitude : magnitude) * std::sqrt(count * (count - 1)) / (count - 2);
  }

  std::optional<double> Kurtosis(const ExactNumber& x, const ExactNumber& xx, const ExactNumber& d_xx) const {
    if (d_xx.is_zero()) return std::nullopt;
    const ExactNumber n = ExactNumber::Of(count_);
    const ExactNumber d_xxxx = n * n * n * ExactNumber::Of(xxxx_) - 4 * (n * n * ExactNumber::Of(xxx_) * x) +
                               6 * (n * xx * x * x) - 3 * (x * x * x * x);
    const auto count = static_cast<double>(count_);
    const double excess = RoundedRatio(
        ExactNumber::Of(count_ + 1) * d_xxxx - 3 * (ExactNumber::Of(count_ - 1) * d_xx * d_xx), d_xx * d_xx);
    return excess * (count - 1) / ((count - 2) * (count - 3));
  }

  const K kind_;
  const bool of_pairs_;
  const int degree_;
  size_t x_slot_ = 0;
  size_t y_slot_ = 0;
  int64_t count_ = 0;
  int64_t not_finite_ = 0;
  ExactSum x_, xx_, xxx_, xxxx_, y_, yy_, xy_;
};

}  // namespace

std::unique_ptr<AggregateState> MakeMomentState(const AggregateCall& call) {
  return std::make_unique<MomentState>(call);
}

}  // namespace headrace::aggregates
