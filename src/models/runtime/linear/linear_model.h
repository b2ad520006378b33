// A linear or logistic model: how a row of cells becomes terms, and terms become a prediction.
//
// Each feature gives a fixed number of terms, in the order of the features:
//
//   a number     [ (x - mean) / scale ]  and, if training saw missing values,  [ 1 if missing ]
//                missing (NaN, an infinity) counts as the mean, so its first term is 0
//   a category   [ 1 if it is category 0 ] [ 1 if 1 ] ... and, if training saw missing values, [ 1 if missing ]
//
// A number that is constant in training has no first term (its scale is 0). Scores are added term by term in that order
// without fused operations, and the logistic function uses our own exp, so the bits are the same on every machine.
// Immutable; any number of threads may predict.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace headrace {

// The terms of one feature.
struct LinearFeature {
  double mean = 0;
  double scale = 0;             // standard deviation (divided by n) in training; 0: no first term
  uint32_t num_categories = 0;  // > 0: categorical
  bool has_missing = false;     // has a term for missing
  size_t num_terms() const { return (num_categories > 0 ? num_categories : scale > 0 ? 1 : 0) + (has_missing ? 1 : 0); }
};

class LinearModel {
 public:
  enum class Link : uint8_t { kIdentity, kLogistic };

  // `weights` has one element per term of `features`.
  LinearModel(Link link, double intercept, std::vector<LinearFeature> features, std::vector<double> weights);

  // The payload of an artifact: {"link": "logistic", "intercept": ..., "features": [{"mean": ..., "scale": ...,
  // "categories": 0, "missing": true, "weights": [...]}, ...]}; the numbers read back to the same bits.
  std::string ToText() const;
  // kInvalidArgument says what does not fit.
  static StatusOr<LinearModel> FromText(std::string_view text);

  size_t num_features() const { return features_.size(); }
  double intercept() const { return intercept_; }
  const std::vector<double>& weights() const { return weights_; }

  // intercept + sum of weight * term. `row` has num_features() cells.
  double Score(std::span<const double> row) const;
  // The score, or its logistic: a probability.
  double Predict(std::span<const double> row) const;

 private:
  Link link_;
  double intercept_;
  std::vector<LinearFeature> features_;
  std::vector<double> weights_;
};

// Writes the terms of one row, in order; `terms` has as many elements as all features have terms.
void FillTerms(std::span<const LinearFeature> features, std::span<const double> row, std::span<double> terms);

// e^x within 1 ulp, with the same bits on every machine: basic operations only, in a fixed order. (libm's exp picks
// instructions by processor, and its last bit with them.)
double PortableExp(double x);

// 1 / (1 + e^-x), from PortableExp.
double Logistic(double x);

}  // namespace headrace
