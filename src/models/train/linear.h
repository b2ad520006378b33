// Linear models with an L2 penalty, fitted exactly and deterministically.
//
//   linear regression     minimises  sum (y - f(x))^2 + l2 |w|^2                       by the normal equations
//   logistic regression   minimises  sum log(1 + exp(-(2y - 1) f(x))) + l2/2 |w|^2     by Newton's method (IRLS) with
//                                                                                     Cholesky and step halving
// f(x) = intercept + w . terms(x), terms as in runtime/linear/linear_model.h; the intercept is not penalised. These are
// the objectives of scikit-learn's Ridge(alpha=l2) and LogisticRegression(C=1/l2), which tests compare with.
// The same bits for any number of threads: rows are summed in fixed parts, and the parts in order.
#pragma once

#include <map>
#include <span>
#include <string>

#include "base/json.h"
#include "base/output.h"
#include "base/status.h"
#include "catalog/project.h"
#include "models/dataset.h"
#include "models/runtime/linear/linear_model.h"

namespace headrace {

struct LinearParams {
  double l2 = 1.0;
  int max_iterations = 100;  // logistic regression only
  double tolerance = 1e-10;  // stop when no component of the gradient, divided by the rows, is larger
};

// kInvalidArgument names a parameter that is not known (with the nearest name) or out of range.
StatusOr<LinearParams> ParseLinearParams(const std::map<std::string, Json>& params);

struct LinearRequest {
  std::string name;  // of the model, for progress
  LinearParams params;
  const CategoryEncoder* encoder = nullptr;
  const FeatureMatrix* matrix = nullptr;
  std::span<const double> labels;  // one per row; 0 or 1 for logistic regression
};

// kInvalidArgument: no rows, one class only, or terms that depend on each other while l2 is 0.
// kResourceExhausted: more than kMaxLinearTerms terms.
StatusOr<LinearModel> TrainLogisticRegression(const LinearRequest& request, Output& output);
StatusOr<LinearModel> TrainLinearRegression(const LinearRequest& request, Output& output);

// The normal equations take 8 * terms^2 bytes a thread.
inline constexpr size_t kMaxLinearTerms = 4096;

}  // namespace headrace
