#include "models/runtime/trees/tree_ensemble.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>

namespace headrace {
namespace {

constexpr size_t kLanes = 16;

// Bits of Node::feature_and_kind.
constexpr uint32_t kMissingGoesRight = 1;
constexpr uint32_t kZeroIsMissing = 2;
constexpr uint32_t kCategorical = 4;
constexpr uint32_t kFeatureShift = 3;

// LightGBM takes what is this near to zero for zero (a float in its source).
constexpr double kZeroThreshold = 1e-35f;

// LightGBM's callers replace a value within [-kZeroThreshold, kZeroThreshold] by 0 before the walk. Moving those few
// thresholds that lie inside that range to the end that gives 0's answer for the whole range saves the pass over the row.
double WidenedThreshold(double threshold) {
  if (!(std::fabs(threshold) <= kZeroThreshold)) return threshold;
  if (threshold >= 0) return kZeroThreshold;
  return std::nextafter(-kZeroThreshold, -std::numeric_limits<double>::infinity());
}

uint32_t KindOf(const TreeText& tree, size_t node) {
  const int32_t type = tree.decision_type[node];
  if (tree.num_cat > 0 && (type & 1) != 0) return kCategorical;
  const uint32_t by_default = (type & 2) != 0 ? 0 : kMissingGoesRight;
  switch (type >> 2) {
    case 1: return kZeroIsMissing | by_default;
    case 2: return by_default;
    default: return 0.0 <= tree.threshold[node] ? 0 : kMissingGoesRight;  // a NaN counts as 0
  }
}

// Scans a decimal number the way LightGBM scans a parameter of an objective, whose last bit need not be that of the
// nearest double: digits before the point plus (digits after it, as an integer) / 10^count.
double ScanParameter(std::string_view text) {
  double whole = 0, after = 0, scale = 1;
  size_t i = 0;
  const auto is_digit = [&] { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  for (; is_digit(); ++i) whole = whole * 10.0 + (text[i] - '0');
  if (i < text.size() && text[i] == '.') {
    for (++i; is_digit(); ++i, scale *= 10) after = (text[i] - '0') + after * 10.0;
    whole += after / scale;
  }
  if (i == text.size()) return whole;
  return std::strtod(std::string(text).c_str(), nullptr);  // an exponent
}

// The value after "key:" in "binary sigmoid:1"; `otherwise` when there is none.
double ObjectiveParameter(const std::string& objective, std::string_view key, double otherwise) {
  const size_t at = objective.find(fmt::format(" {}:", key));
  if (at == std::string::npos) return otherwise;
  const size_t begin = at + key.size() + 2;
  const size_t end = std::min(objective.find(' ', begin), objective.size());
  return ScanParameter(std::string_view(objective).substr(begin, end - begin));
}

void Softmax(std::span<double> v) {
  double largest = v[0];
  for (const double x : v.subspan(1)) largest = std::max(x, largest);
  double sum = 0;
  for (double& x : v) {
    x = std::exp(x - largest);
    sum += x;
  }
  for (double& x : v) x /= sum;
}

int Sign(double v) { return (v > 0) - (v < 0); }

}  // namespace

StatusOr<TreeEnsemble> TreeEnsemble::FromText(std::string_view text) {
  HR_ASSIGN_OR_RETURN(ModelText model, ParseModelText(text));
  TreeEnsemble ensemble;
  ensemble.num_features_ = static_cast<size_t>(model.num_features);
  ensemble.num_outputs_ = static_cast<size_t>(model.trees_per_iteration);
  ensemble.average_ = model.average_output;
  ensemble.feature_names_ = std::move(model.feature_names);
  HR_RETURN_IF_ERROR(ensemble.SetTransform(model.objective));
  ensemble.nodes_.push_back({std::numeric_limits<double>::infinity(), 0, 0});  // what the spare lanes walk
  ensemble.outputs_.push_back(0);
  for (const TreeText& tree : model.trees) ensemble.AddTree(tree);
  return ensemble;
}

Status TreeEnsemble::SetTransform(const std::string& objective) {
  const std::string name = objective.substr(0, objective.find(' '));
  const bool has_sqrt = (objective + " ").find(" sqrt ") != std::string::npos;
  static constexpr std::string_view kPlain[] = {"", "custom", "huber", "lambdarank", "rank_xendcg"};
  static constexpr std::string_view kRootable[] = {"regression", "regression_l1", "quantile", "fair", "mape"};
  const auto among = [&](std::span<const std::string_view> names) { return std::ranges::find(names, name) != names.end(); };
  sigmoid_ = ObjectiveParameter(objective, "sigmoid", 1.0);
  if (among(kPlain)) {
    transform_ = Transform::kIdentity;
  } else if (among(kRootable)) {
    transform_ = has_sqrt ? Transform::kSignedSquare : Transform::kIdentity;
  } else if (name == "poisson" || name == "gamma" || name == "tweedie") {
    transform_ = Transform::kExp;
  } else if (name == "binary" || name == "cross_entropy") {
    transform_ = Transform::kSigmoid;
  } else if (name == "multiclassova") {
    transform_ = Transform::kSigmoidPerClass;
  } else if (name == "multiclass") {
    transform_ = Transform::kSoftmax;
  } else if (name == "cross_entropy_lambda") {
    transform_ = Transform::kLog1pExp;
  } else {
    return InvalidArgument("LightGBM model text: the objective '{}' is not supported", objective);
  }
  if (!(sigmoid_ > 0)) return InvalidArgument("LightGBM model text: the sigmoid of '{}' is not positive", objective);
  return absl::OkStatus();
}

void TreeEnsemble::AddTree(const TreeText& tree) {
  const size_t set_base = sets_.size();
  for (int i = 0; i < tree.num_cat && tree.num_leaves > 1; ++i) {
    const auto at = static_cast<size_t>(i);
    sets_.push_back({static_cast<uint32_t>(category_bits_.size()) + static_cast<uint32_t>(tree.cat_boundaries[at]),
                     static_cast<uint32_t>(tree.cat_boundaries[at + 1] - tree.cat_boundaries[at])});
  }
  category_bits_.insert(category_bits_.end(), tree.cat_threshold.begin(), tree.cat_threshold.end());

  if (roots_.size() % kLanes == 0) groups_.push_back({.plain = true});
  const auto root = static_cast<uint32_t>(nodes_.size());
  roots_.push_back(root);
  nodes_.emplace_back();
  outputs_.emplace_back();
  // Breadth first: the nodes near the root, which every row visits, share cache lines.
  std::vector<std::pair<int32_t, uint32_t>> open = {{tree.num_leaves == 1 ? ~0 : 0, root}};
  for (size_t next = 0; next < open.size(); ++next) {
    const auto [child, position] = open[next];
    AddChild(tree, child, set_base, position, &open);
  }
}

void TreeEnsemble::AddChild(const TreeText& tree, int32_t child, size_t set_base, uint32_t position,
                            std::vector<std::pair<int32_t, uint32_t>>* open) {
  if (child < 0) {
    nodes_[position] = {std::numeric_limits<double>::infinity(), position, 0};
    outputs_[position] = tree.leaf_value[static_cast<size_t>(~child)];
    return;
  }
  const auto node = static_cast<size_t>(child);
  const uint32_t kind = KindOf(tree, node);
  const auto first_child = static_cast<uint32_t>(nodes_.size());
  const double threshold = (kind & kCategorical) != 0 ? std::trunc(tree.threshold[node]) + static_cast<double>(set_base)
                                                      : WidenedThreshold(tree.threshold[node]);
  nodes_[position] = {threshold, first_child, static_cast<uint32_t>(tree.split_feature[node]) << kFeatureShift | kind};
  if ((kind & (kCategorical | kZeroIsMissing)) != 0) groups_.back().plain = false;
  nodes_.resize(nodes_.size() + 2);
  outputs_.resize(outputs_.size() + 2);
  open->emplace_back(tree.left_child[node], first_child);
  open->emplace_back(tree.right_child[node], first_child + 1);
}

bool TreeEnsemble::GoesRight(const Node& node, double value) const {
  const uint32_t kind = node.feature_and_kind;
  if ((kind & kCategorical) != 0) {
    // Truncated as LightGBM does it: -0.5 is category 0; what no int holds is in no set.
    if (!(value > -1.0 && value < 2147483648.0)) return true;
    const auto category = static_cast<uint32_t>(static_cast<int32_t>(value));
    const Set set = sets_[static_cast<size_t>(node.threshold)];
    if (category / 32 >= set.words) return true;
    return (category_bits_[set.begin + category / 32] >> (category % 32) & 1) == 0;
  }
  if ((kind & kZeroIsMissing) != 0 && (std::fabs(value) <= kZeroThreshold || std::isnan(value))) {
    return (kind & kMissingGoesRight) != 0;
  }
  return value > node.threshold || (std::isnan(value) && (kind & kMissingGoesRight) != 0);
}

template <bool kPlain>
void TreeEnsemble::WalkGroup(size_t group, const double* row, double* leaves) const {
  const size_t begin = group * kLanes;
  const size_t count = std::min(kLanes, roots_.size() - begin);
  std::array<uint32_t, kLanes> at{};
  std::copy_n(roots_.begin() + static_cast<ptrdiff_t>(begin), count, at.begin());
  const Node* const nodes = nodes_.data();
  uint32_t moved = 1;
  while (moved != 0) {
    moved = 0;
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const Node& node = nodes[at[lane]];
      const double value = row[node.feature_and_kind >> kFeatureShift];
      uint32_t right;
      if constexpr (kPlain) {
        right = uint32_t{value > node.threshold} | (uint32_t{value != value} & node.feature_and_kind);
      } else {
        right = GoesRight(node, value) ? 1 : 0;
      }
      const uint32_t next = node.first_child + right;
      moved |= next ^ at[lane];
      at[lane] = next;
    }
  }
  for (size_t lane = 0; lane < count; ++lane) leaves[lane] = outputs_[at[lane]];
}

void TreeEnsemble::PredictRaw(std::span<const double> row, std::span<double> out) const {
  std::fill(out.begin(), out.end(), 0.0);
  std::array<double, kLanes> leaves;
  size_t output = 0;
  for (size_t group = 0; group < groups_.size(); ++group) {
    if (groups_[group].plain) {
      WalkGroup<true>(group, row.data(), leaves.data());
    } else {
      WalkGroup<false>(group, row.data(), leaves.data());
    }
    const size_t count = std::min(kLanes, roots_.size() - group * kLanes);
    for (size_t lane = 0; lane < count; ++lane) {
      out[output] += leaves[lane];
      output = output + 1 == out.size() ? 0 : output + 1;
    }
  }
}

void TreeEnsemble::Predict(std::span<const double> row, std::span<double> out) const {
  PredictRaw(row, out);
  if (average_) {
    const auto iterations = static_cast<double>(roots_.size() / num_outputs_);
    for (double& v : out) v /= iterations;
  }
  switch (transform_) {
    case Transform::kIdentity: break;
    case Transform::kSignedSquare: out[0] = Sign(out[0]) * out[0] * out[0]; break;
    case Transform::kExp: out[0] = std::exp(out[0]); break;
    case Transform::kSigmoid: out[0] = 1.0 / (1.0 + std::exp(-sigmoid_ * out[0])); break;
    case Transform::kSigmoidPerClass:
      for (double& v : out) v = 1.0 / (1.0 + std::exp(-sigmoid_ * v));
      break;
    case Transform::kSoftmax: Softmax(out); break;
    case Transform::kLog1pExp: out[0] = std::log1p(std::exp(out[0])); break;
  }
}

}  // namespace headrace
