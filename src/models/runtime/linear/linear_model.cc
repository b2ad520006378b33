#include "models/runtime/linear/linear_model.h"

#include <cmath>
#include <limits>
#include <utility>

namespace headrace {
namespace {

StatusOr<double> FiniteNumber(const Json& json, std::string_view key) {
  const Json* member = json.Find(key);
  if (member == nullptr || !member->is_number() || !std::isfinite(member->number())) {
    return InvalidArgument("linear model: '{}' is no finite number", key);
  }
  return member->number();
}

StatusOr<LinearModel::Link> LinkFromJson(const Json& json) {
  const Json* link = json.Find("link");
  if (link != nullptr && link->is_string() && link->str() == "logistic") return LinearModel::Link::kLogistic;
  if (link != nullptr && link->is_string() && link->str() == "identity") return LinearModel::Link::kIdentity;
  return InvalidArgument("linear model: 'link' is neither logistic nor identity");
}

StatusOr<LinearFeature> FeatureFromJson(const Json& json, std::vector<double>* weights) {
  LinearFeature feature;
  HR_ASSIGN_OR_RETURN(feature.mean, FiniteNumber(json, "mean"));
  HR_ASSIGN_OR_RETURN(feature.scale, FiniteNumber(json, "scale"));
  HR_ASSIGN_OR_RETURN(const int64_t categories, json.GetInteger("categories"));
  if (categories < 0 || categories > std::numeric_limits<int32_t>::max()) {
    return InvalidArgument("linear model: {} categories", categories);
  }
  feature.num_categories = static_cast<uint32_t>(categories);
  const Json* missing = json.Find("missing");
  feature.has_missing = missing != nullptr && missing->is_bool() && missing->boolean();
  const Json* terms = json.Find("weights");
  if (terms == nullptr || !terms->is_array() || terms->array().size() != feature.num_terms()) {
    return InvalidArgument("linear model: 'weights' does not have {} elements", feature.num_terms());
  }
  for (const Json& term : terms->array()) {
    if (!term.is_number()) return InvalidArgument("linear model: a weight is no number");
    weights->push_back(term.number());
  }
  return feature;
}

// Writes the terms of `feature` and returns what follows them.
double* FillFeature(const LinearFeature& feature, double value, double* term) {
  bool missing = !std::isfinite(value);
  if (feature.num_categories > 0) {
    const bool known = value >= 0 && value < feature.num_categories;
    for (uint32_t category = 0; category < feature.num_categories; ++category) *term++ = 0;
    if (known) *(term - feature.num_categories + static_cast<uint32_t>(value)) = 1;
    missing = !known;
  } else if (feature.scale > 0) {
    *term++ = missing ? 0 : (value - feature.mean) / feature.scale;
  }
  if (feature.has_missing) *term++ = missing ? 1 : 0;
  return term;
}

}  // namespace

LinearModel::LinearModel(Link link, double intercept, std::vector<LinearFeature> features, std::vector<double> weights)
    : link_(link), intercept_(intercept), features_(std::move(features)), weights_(std::move(weights)) {}

std::string LinearModel::ToText() const {
  Json::Array features;
  size_t next = 0;
  for (const LinearFeature& feature : features_) {
    Json::Array weights;
    for (size_t i = 0; i < feature.num_terms(); ++i) weights.emplace_back(weights_[next++]);
    features.emplace_back(Json::Object{{"mean", feature.mean},
                                       {"scale", feature.scale},
                                       {"categories", size_t{feature.num_categories}},
                                       {"missing", feature.has_missing},
                                       {"weights", std::move(weights)}});
  }
  return Json(Json::Object{{"link", link_ == Link::kLogistic ? "logistic" : "identity"},
                           {"intercept", intercept_},
                           {"features", std::move(features)}})
      .DumpPretty();
}

StatusOr<LinearModel> LinearModel::FromText(std::string_view text) {
  HR_ASSIGN_OR_RETURN(const Json json, Json::Parse(text));
  HR_ASSIGN_OR_RETURN(const Link link, LinkFromJson(json));
  HR_ASSIGN_OR_RETURN(const double intercept, FiniteNumber(json, "intercept"));
  const Json* members = json.Find("features");
  if (members == nullptr || !members->is_array()) return InvalidArgument("linear model: 'features' is no array");
  std::vector<LinearFeature> features;
  std::vector<double> weights;
  for (const Json& member : members->array()) {
    HR_ASSIGN_OR_RETURN(const LinearFeature feature, FeatureFromJson(member, &weights));
    features.push_back(feature);
  }
  return LinearModel(link, intercept, std::move(features), std::move(weights));
}

double LinearModel::Score(std::span<const double> row) const {
  double score = intercept_;
  const double* weight = weights_.data();
  for (size_t i = 0; i < features_.size(); ++i) {
    const LinearFeature& feature = features_[i];
    const double value = row[i];
    bool missing = !std::isfinite(value);
    if (feature.num_categories > 0) {
      missing = !(value >= 0 && value < feature.num_categories);
      if (!missing) score += weight[static_cast<uint32_t>(value)];
      weight += feature.num_categories;
    } else if (feature.scale > 0) {
      if (!missing) score += *weight * ((value - feature.mean) / feature.scale);
      ++weight;
    }
    if (feature.has_missing) {
      if (missing) score += *weight;
      ++weight;
    }
  }
  return score;
}

double LinearModel::Predict(std::span<const double> row) const {
  const double score = Score(row);
  return link_ == Link::kLogistic ? Logistic(score) : score;
}

void FillTerms(std::span<const LinearFeature> features, std::span<const double> row, std::span<double> terms) {
  double* term = terms.data();
  for (size_t i = 0; i < features.size(); ++i) term = FillFeature(features[i], row[i], term);
}

double PortableExp(double x) {
  if (std::isnan(x)) return x;
  if (x > 709.782712893384) return std::numeric_limits<double>::infinity();
  if (x < -745.2) return 0;
  // x = k ln 2 + r with |r| <= ln 2 / 2; ln 2 in two parts (Cody and Waite), the first with trailing zeros so that
  // k * kLn2High is exact.
  constexpr double kLn2High = 6.93147180369123816490e-01, kLn2Low = 1.90821492927058770002e-10;
  const double k = std::nearbyint(x * 1.44269504088896338700);
  const double high = x - k * kLn2High, low = k * kLn2Low;
  const double r = high - low;
  // e^r = 1 + r + r^2 (1/2! + r/3! + ...) by Horner; the first term left out is below 2^-58 of the result.
  constexpr double kInverse[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
                                 1.0 / 362880,     1.0 / 40320,     1.0 / 5040,     1.0 / 720,
                                 1.0 / 120,        1.0 / 24,        1.0 / 6,        1.0 / 2};
  double tail = 0;
  for (const double c : kInverse) tail = tail * r + c;
  const double error = (high - r) - low;
  const double sum = 1.0 + r, lost = r - (sum - 1.0);  // 1 + r exactly
  return std::ldexp(sum + (lost + (r * r * tail + error)), static_cast<int>(k));
}

double Logistic(double x) {
  return 1.0 / (1.0 + PortableExp(-x));
}

}  // namespace headrace
