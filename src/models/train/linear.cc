#include "models/train/linear.h"

#include <Eigen/Dense>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "base/diagnostic.h"

namespace headrace {
namespace {

// The rows are summed in this many parts, whatever the number of threads, and expanded into terms block by block.
constexpr size_t kParts = 16;
constexpr size_t kBlockRows = 256;

StatusOr<double> NumberAtLeast(const std::string& name, const Json& value, double smallest) {
  if (!value.is_number() || !(value.number() >= smallest)) {
    return InvalidArgument("params: '{}' is a number from {}, not {}", name, smallest, value.Dump());
  }
  return value.number();
}

LinearFeature DescribeNumber(const FeatureMatrix& matrix, size_t feature) {
  LinearFeature described;
  double sum = 0;
  size_t count = 0;
  const auto value_at = [&](size_t row) { return matrix.values[row * matrix.num_features + feature]; };
  for (size_t row = 0; row < matrix.num_rows; ++row) {
    if (!std::isfinite(value_at(row))) continue;
    sum += value_at(row);
    ++count;
  }
  described.has_missing = count < matrix.num_rows;
  if (count == 0) return described;
  described.mean = sum / static_cast<double>(count);
  double squares = 0, rest = 0;
  for (size_t row = 0; row < matrix.num_rows; ++row) {
    if (!std::isfinite(value_at(row))) continue;
    const double d = value_at(row) - described.mean;
    squares += d * d;
    rest += d;
  }
  const double n = static_cast<double>(count);
  const double variance = (squares - rest * rest / n) / n;
  described.scale = variance > 0 ? std::sqrt(variance) : 0;
  // A constant whose mean was rounded.
  if (described.scale <= 1e-14 * std::fabs(described.mean)) described.scale = 0;
  if (!std::isfinite(described.scale) || !std::isfinite(described.mean))
    described = {.has_missing = described.has_missing};
  return described;
}

std::vector<LinearFeature> DescribeFeatures(const FeatureMatrix& matrix, const CategoryEncoder& encoder) {
  std::vector<LinearFeature> features;
  for (size_t i = 0; i < matrix.num_features; ++i) {
    const FeatureSpec& spec = encoder.features()[i];
    if (spec.type != TypeId::kVarchar || spec.categories.empty()) {
      features.push_back(DescribeNumber(matrix, i));
      continue;
    }
    LinearFeature feature{.num_categories = static_cast<uint32_t>(spec.categories.size())};
    for (size_t row = 0; row < matrix.num_rows; ++row) feature.has_missing |= std::isnan(matrix.Row(row)[i]);
    features.push_back(feature);
  }
  return features;
}

// Sums over rows: of weight * t t' (the lower triangle), of residual * t, and of the loss; t = (1, terms).
struct Sums {
  Eigen::MatrixXd gram;
  Eigen::VectorXd gradient;
  double loss = 0;
};

// What one row adds, given f(x) and its label.
struct RowPart {
  double weight = 1;
  double residual = 0;
  double loss = 0;
};
using RowFunction = RowPart (*)(double score, double label);

RowPart SquaredPart(double score, double label) {
  const double residual = label - score;
  return {1.0, residual, residual * residual};
}

RowPart LogisticPart(double score, double label) {
  const double p = Logistic(score);
  // log(1 + exp(-z)) without overflow, z = the score signed by the label.
  const double z = label > 0.5 ? score : -score;
  const double loss = z > 0 ? std::log1p(PortableExp(-z)) : -z + std::log1p(PortableExp(z));
  return {p * (1 - p), label - p, loss};
}

class Problem {
 public:
  Problem(const LinearRequest& request, RowFunction row_function)
      : request_(request), row_function_(row_function), features_(DescribeFeatures(*request.matrix, *request.encoder)) {
    for (const LinearFeature& feature : features_) num_terms_ += feature.num_terms();
  }

  size_t num_terms() const { return num_terms_; }
  const std::vector<LinearFeature>& features() const { return features_; }

  // The sums at coefficients (intercept, weights); the Gram matrix only if asked for.
  Sums At(const Eigen::VectorXd& coefficients, bool with_gram) const {
    std::vector<Sums> parts(kParts);
    std::atomic<size_t> next = 0;
    const auto work = [&] {
      for (size_t part = next++; part < kParts; part = next++) parts[part] = PartAt(part, coefficients, with_gram);
    };
    std::vector<std::jthread> threads;
    const size_t helpers = std::min<size_t>(std::max(1u, std::thread::hardware_concurrency()), kParts) - 1;
    for (size_t i = 0; i < helpers; ++i) threads.emplace_back(work);
    work();
    threads.clear();  // joins
    for (size_t part = 1; part < kParts; ++part) {
      if (with_gram) parts[0].gram += parts[part].gram;
      parts[0].gradient += parts[part].gradient;
      parts[0].loss += parts[part].loss;
    }
    return std::move(parts[0]);
  }

 private:
  Sums PartAt(size_t part, const Eigen::VectorXd& coefficients, bool with_gram) const {
    const FeatureMatrix& matrix = *request_.matrix;
    const auto width = static_cast<Eigen::Index>(num_terms_ + 1);
    Sums sums{Eigen::MatrixXd::Zero(with_gram ? width : 0, with_gram ? width : 0), Eigen::VectorXd::Zero(width), 0};
    Eigen::MatrixXd terms(width, kBlockRows);  // a column per row
    const size_t end = matrix.num_rows * (part + 1) / kParts;
    for (size_t begin = matrix.num_rows * part / kParts; begin < end; begin += kBlockRows) {
      const size_t count = std::min(kBlockRows, end - begin);
      for (size_t i = 0; i < count; ++i) {
        const auto column = static_cast<Eigen::Index>(i);
        double* const t = terms.col(column).data();
        t[0] = 1;
        FillTerms(features_, matrix.Row(begin + i), {t + 1, num_terms_});
        const RowPart row = row_function_(terms.col(column).dot(coefficients), request_.labels[begin + i]);
        sums.gradient += row.residual * terms.col(column);
        sums.loss += row.loss;
        terms.col(column) *= std::sqrt(row.weight);
      }
      if (with_gram)
        sums.gram.selfadjointView<Eigen::Lower>().rankUpdate(terms.leftCols(static_cast<Eigen::Index>(count)));
    }
    return sums;
  }

  const LinearRequest& request_;
  RowFunction row_function_;
  std::vector<LinearFeature> features_;
  size_t num_terms_ = 0;
};

// Adds l2 to the diagonal but for the intercept, and solves.
StatusOr<Eigen::VectorXd> Solve(Eigen::MatrixXd gram, const Eigen::VectorXd& right, double l2) {
  const double largest = gram.diagonal().maxCoeff();
  gram.diagonal().tail(gram.rows() - 1).array() += l2;
  const Eigen::LLT<Eigen::MatrixXd> cholesky(gram.selfadjointView<Eigen::Lower>());
  const double smallest_pivot = cholesky.info() == Eigen::Success ? cholesky.matrixLLT().diagonal().minCoeff() : 0;
  if (!(smallest_pivot * smallest_pivot > largest * 1e-13)) {
    return InvalidArgument(
        "the features depend on each other (a category of each row, a copy, too few rows): set params: {{l2: 1}}");
  }
  return Eigen::VectorXd(cholesky.solve(right));
}

double Penalty(const Eigen::VectorXd& coefficients, double l2) {
  return 0.5 * l2 * coefficients.tail(coefficients.size() - 1).squaredNorm();
}

Eigen::VectorXd PenalisedGradient(const Sums& sums, const Eigen::VectorXd& coefficients, double l2) {
  Eigen::VectorXd gradient = sums.gradient;
  gradient.tail(gradient.size() - 1) -= l2 * coefficients.tail(coefficients.size() - 1);
  return gradient;
}

// The longest of step, step/2, step/4 ... that lowers the penalised loss; false when none does: the minimum is reached
// as nearly as doubles can tell.
bool TakeStep(const Problem& problem, const Eigen::VectorXd& step, double l2, double loss,
              Eigen::VectorXd* coefficients) {
  double length = 1;
  for (int halving = 0; halving < 30; ++halving, length *= 0.5) {
    const Eigen::VectorXd candidate = *coefficients + length * step;
    const double candidate_loss = problem.At(candidate, false).loss + Penalty(candidate, l2);
    if (candidate_loss < loss) {
      *coefficients = candidate;
      return true;
    }
  }
  return false;
}

StatusOr<Eigen::VectorXd> Newton(const Problem& problem, const LinearRequest& request, Output& output) {
  const LinearParams& params = request.params;
  const std::string step_name = fmt::format("training {}", request.name);
  Eigen::VectorXd coefficients = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(problem.num_terms()) + 1);
  double largest = 0;
  for (int iteration = 1; iteration <= params.max_iterations; ++iteration) {
    output.Progress(step_name, iteration, params.max_iterations);
    const Sums sums = problem.At(coefficients, true);
    const Eigen::VectorXd gradient = PenalisedGradient(sums, coefficients, params.l2);
    largest = gradient.cwiseAbs().maxCoeff() / static_cast<double>(request.matrix->num_rows);
    if (largest <= params.tolerance) break;
    HR_ASSIGN_OR_RETURN(const Eigen::VectorXd step, Solve(sums.gram, gradient, params.l2));
    if (!TakeStep(problem, step, params.l2, sums.loss + Penalty(coefficients, params.l2), &coefficients)) break;
  }
  output.Progress(step_name, params.max_iterations, params.max_iterations);
  if (largest > std::max(params.tolerance, 1e-6)) {
    output.Note(
        fmt::format("{}: no minimum after {} iterations (the largest component of the gradient is {:.2g}); raise l2 or "
                    "max_iterations",
                    request.name, params.max_iterations, largest));
  }
  return coefficients;
}

LinearModel MakeModel(LinearModel::Link link, const Problem& problem, const Eigen::VectorXd& coefficients) {
  return {link, coefficients[0], problem.features(),
          std::vector<double>(coefficients.data() + 1, coefficients.data() + coefficients.size())};
}

Status CheckSize(const Problem& problem, const LinearRequest& request) {
  if (request.matrix->num_rows == 0) return InvalidArgument("the training part has no rows");
  if (problem.num_terms() <= kMaxLinearTerms) return absl::OkStatus();
  return ResourceExhausted(
      "a linear model takes at most {} terms, these features give {}: leave out features with many categories",
      kMaxLinearTerms, problem.num_terms());
}

}  // namespace

StatusOr<LinearParams> ParseLinearParams(const std::map<std::string, Json>& params) {
  LinearParams parsed;
  for (const auto& [name, value] : params) {
    if (name == "l2") {
      HR_ASSIGN_OR_RETURN(parsed.l2, NumberAtLeast(name, value, 0));
    } else if (name == "tolerance") {
      HR_ASSIGN_OR_RETURN(parsed.tolerance, NumberAtLeast(name, value, 0));
    } else if (name == "max_iterations") {
      if (!value.is_integer() || value.integer() < 1 || value.integer() > 100'000) {
        return InvalidArgument("params: 'max_iterations' is an integer from 1 to 100000, not {}", value.Dump());
      }
      parsed.max_iterations = static_cast<int>(value.integer());
    } else {
      static const std::vector<std::string> known = {"l2", "max_iterations", "tolerance"};
      return InvalidArgument("params: a linear model has no parameter '{}'; {}", name, NearestNameHint(name, known));
    }
  }
  return parsed;
}

StatusOr<LinearModel> TrainLogisticRegression(const LinearRequest& request, Output& output) {
  const Problem problem(request, LogisticPart);
  HR_RETURN_IF_ERROR(CheckSize(problem, request));
  const auto positives = std::ranges::count(request.labels, 1.0);
  if (positives == 0 || positives == static_cast<ptrdiff_t>(request.labels.size())) {
    return InvalidArgument("the training part has one class only ({} rows of 1 among {})", positives,
                           request.labels.size());
  }
  HR_ASSIGN_OR_RETURN(const Eigen::VectorXd coefficients, Newton(problem, request, output));
  return MakeModel(LinearModel::Link::kLogistic, problem, coefficients);
}

StatusOr<LinearModel> TrainLinearRegression(const LinearRequest& request, Output& output) {
  const Problem problem(request, SquaredPart);
  HR_RETURN_IF_ERROR(CheckSize(problem, request));
  const std::string step_name = fmt::format("training {}", request.name);
  output.Progress(step_name, 0, 1);
  // From 0, the gradient is that of the labels themselves.
  const Eigen::VectorXd zero = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(problem.num_terms()) + 1);
  const Sums sums = problem.At(zero, true);
  HR_ASSIGN_OR_RETURN(const Eigen::VectorXd coefficients, Solve(sums.gram, sums.gradient, request.params.l2));
  output.Progress(step_name, 1, 1);
  return MakeModel(LinearModel::Link::kIdentity, problem, coefficients);
}

}  // namespace headrace
