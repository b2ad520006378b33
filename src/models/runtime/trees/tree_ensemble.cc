#include "models/runtime/trees/tree_ensemble.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>

namespace headrace {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr size_t kLanes = 8;
constexpr size_t kSlotsOnStack = 1024;

// GCC would pack the independent walks into vectors element by element, which takes twice the time.
#if defined(__GNUC__) && !defined(__clang__)
#define HR_NO_VECTORS __attribute__((optimize("no-tree-vectorize")))
#else
#define HR_NO_VECTORS
#endif

// LightGBM takes what is this near to zero for zero (a float in its source).
constexpr double kZeroThreshold = 1e-35f;

// LightGBM's callers replace a value within [-kZeroThreshold, kZeroThreshold] by 0 before the walk. Moving those few
// thresholds that lie inside that range to the end that gives 0's answer for the whole range saves the pass over the
// row.
double WidenedThreshold(double threshold) {
  if (!(std::fabs(threshold) <= kZeroThreshold)) return threshold;
  if (threshold >= 0) return kZeroThreshold;
  return std::nextafter(-kZeroThreshold, -kInfinity);
}

bool IsCategorical(const TreeText& tree, size_t node) {
  return tree.num_cat > 0 && (tree.decision_type[node] & 1) != 0;
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

int Sign(double v) {
  return (v > 0) - (v < 0);
}

}  // namespace

StatusOr<TreeEnsemble> TreeEnsemble::FromText(std::string_view text) {
  HR_ASSIGN_OR_RETURN(ModelText model, ParseModelText(text));
  TreeEnsemble ensemble;
  ensemble.num_features_ = static_cast<size_t>(model.num_features);
  ensemble.num_outputs_ = static_cast<size_t>(model.trees_per_iteration);
  ensemble.average_ = model.average_output;
  ensemble.feature_names_ = std::move(model.feature_names);
  HR_RETURN_IF_ERROR(ensemble.SetTransform(model.objective));
  ensemble.nodes_.push_back({kInfinity, 0, 0});  // a leaf, which the spare lanes walk
  ensemble.outputs_.push_back(0);
  SlotIndex slots = {{{SlotKind::kMissingLeft, 0}, 0}};  // what leaves look at
  for (const TreeText& tree : model.trees) ensemble.AddTree(tree, &slots);
  ensemble.OrderSlots(slots);
  // A node is found by a 32-bit offset in bytes.
  if (ensemble.nodes_.size() >= (size_t{1} << 32) / sizeof(Node))
    return ResourceExhausted("LightGBM model text: too many nodes");
  return ensemble;
}

Status TreeEnsemble::SetTransform(const std::string& objective) {
  const std::string name = objective.substr(0, objective.find(' '));
  const bool has_sqrt = (objective + " ").find(" sqrt ") != std::string::npos;
  static constexpr std::string_view kPlain[] = {"", "custom", "huber", "lambdarank", "rank_xendcg"};
  static constexpr std::string_view kRootable[] = {"regression", "regression_l1", "quantile", "fair", "mape"};
  const auto among = [&](std::span<const std::string_view> names) {
    return std::ranges::find(names, name) != names.end();
  };
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

void TreeEnsemble::AddSets(const TreeText& tree) {
  const auto words_before = static_cast<uint32_t>(category_bits_.size());
  for (size_t i = 0; i + 1 < tree.cat_boundaries.size(); ++i) {
    const auto begin = static_cast<uint32_t>(tree.cat_boundaries[i]),
               end = static_cast<uint32_t>(tree.cat_boundaries[i + 1]);
    sets_.push_back({words_before + begin, end - begin});
  }
  category_bits_.insert(category_bits_.end(), tree.cat_threshold.begin(), tree.cat_threshold.end());
}

void TreeEnsemble::AddTree(const TreeText& tree, SlotIndex* slots) {
  const size_t set_base = sets_.size();
  AddSets(tree);
  if (roots_.size() % kLanes == 0) plain_groups_.push_back(1);
  const size_t root = nodes_.size();
  roots_.push_back(static_cast<uint32_t>(root * sizeof(Node)));
  nodes_.emplace_back();
  outputs_.emplace_back();
  // Breadth first: the nodes near the root, which every row visits, share cache lines.
  std::vector<std::pair<int32_t, size_t>> open = {{tree.num_leaves == 1 ? ~0 : 0, root}};
  for (size_t next = 0; next < open.size(); ++next) {
    const auto [child, position] = open[next];
    if (child < 0) {
      nodes_[position] = {kInfinity, static_cast<uint32_t>(position * sizeof(Node)), 0};
      outputs_[position] = tree.leaf_value[static_cast<size_t>(~child)];
      continue;
    }
    const auto node = static_cast<size_t>(child);
    nodes_[position] = InnerNode(tree, node, set_base, slots);
    open.emplace_back(tree.left_child[node], nodes_.size());
    open.emplace_back(tree.right_child[node], nodes_.size() + 1);
    nodes_.resize(nodes_.size() + 2);
    outputs_.resize(outputs_.size() + 2);
  }
}

// The node whose children will come next.
TreeEnsemble::Node TreeEnsemble::InnerNode(const TreeText& tree, size_t node, size_t set_base, SlotIndex* slots) {
  const auto feature = static_cast<uint32_t>(tree.split_feature[node]);
  const auto first_child = static_cast<uint32_t>(nodes_.size() * sizeof(Node));
  const auto slot_of = [&](SlotKind kind) {
    return slots->try_emplace({kind, feature}, static_cast<uint32_t>(slots->size())).first->second;
  };
  if (IsCategorical(tree, node)) {
    plain_groups_.back() = 0;
    const double set = std::trunc(tree.threshold[node]) + static_cast<double>(set_base);
    return {set, first_child, slot_of(SlotKind::kCategory) | kCategoricalBit};
  }
  const double threshold = WidenedThreshold(tree.threshold[node]);
  const int missing_type = tree.decision_type[node] >> 2;
  const bool zero_is_missing = missing_type == 1;
  // Of type 0 nothing is missing and a NaN counts as 0.
  const bool goes_left = missing_type == 0 ? 0.0 <= tree.threshold[node] : (tree.decision_type[node] & 2) != 0;
  if (goes_left)
    return {threshold, first_child, slot_of(zero_is_missing ? SlotKind::kZeroMissingLeft : SlotKind::kMissingLeft)};
  // Nothing is greater than +infinity: such a node asks whether the value is missing.
  if (threshold == kInfinity)
    return {0.5, first_child, slot_of(zero_is_missing ? SlotKind::kIsZeroMissing : SlotKind::kIsMissing)};
  return {threshold, first_child, slot_of(zero_is_missing ? SlotKind::kZeroMissingRight : SlotKind::kMissingRight)};
}

// Numbers the slots by kind and feature instead of by first use.
void TreeEnsemble::OrderSlots(const SlotIndex& slots) {
  std::vector<uint32_t> renumbered(slots.size());
  for (const auto& [key, number] : slots) {
    renumbered[number] = static_cast<uint32_t>(slots_.size());
    slots_.push_back({key.second, key.first});
  }
  for (Node& node : nodes_) node.slot = renumbered[node.slot & ~kCategoricalBit] | (node.slot & kCategoricalBit);
}

double TreeEnsemble::SlotValue(SlotKind kind, double value) {
  const bool is_nan = std::isnan(value);
  const bool is_zero = std::fabs(value) <= kZeroThreshold;
  switch (kind) {
    case SlotKind::kMissingLeft:
      return is_nan ? -kInfinity : value;
    case SlotKind::kMissingRight:
      // NOLINTNEXTLINE(bugprone-narrowing-conversions): infinity is a double already.
      return is_nan ? kInfinity : value;
    case SlotKind::kIsMissing:
      return is_nan ? 1 : 0;
    case SlotKind::kZeroMissingLeft:
      return is_nan || is_zero ? -kInfinity : value;
    case SlotKind::kZeroMissingRight:
      // NOLINTNEXTLINE(bugprone-narrowing-conversions): infinity is a double already.
      return is_nan || is_zero ? kInfinity : value;
    case SlotKind::kIsZeroMissing:
      return is_nan || is_zero ? 1 : 0;
    // Truncated as LightGBM does it: -0.5 is category 0; what no int holds is in no set.
    case SlotKind::kCategory:
      return value > -1.0 && value < 2147483648.0 ? std::fabs(std::trunc(value)) : -1;
  }
  return value;
}

bool TreeEnsemble::IsInSet(const Node& node, double category) const {
  if (category < 0) return false;
  const auto number = static_cast<uint32_t>(category);
  const Set set = sets_[static_cast<size_t>(node.threshold)];
  return number / 32 < set.words && (category_bits_[set.begin + number / 32] >> (number % 32) & 1) != 0;
}

template <bool kPlain>
HR_NO_VECTORS void TreeEnsemble::WalkGroup(size_t group, const double* slots, double* leaves) const {
  const size_t begin = group * kLanes;
  const size_t count = std::min(kLanes, roots_.size() - begin);
  std::array<uint32_t, kLanes> at{};
  std::copy_n(roots_.begin() + static_cast<ptrdiff_t>(begin), count, at.begin());
  const char* const nodes = reinterpret_cast<const char*>(nodes_.data());
  const auto next_of = [&](uint32_t offset) {
    const Node& node = *reinterpret_cast<const Node*>(nodes + offset);
    bool right;
    if (kPlain || (node.slot & kCategoricalBit) == 0) {
      right = slots[node.slot] > node.threshold;
    } else {
      right = !IsInSet(node, slots[node.slot & ~kCategoricalBit]);
    }
    return node.first_child + static_cast<uint32_t>(sizeof(Node)) * uint32_t{right};
  };
  // Two steps between the questions whether all have arrived: a step at a leaf stays there.
  uint32_t moved = 1;
  while (moved != 0) {
    moved = 0;
#pragma GCC unroll 8
    for (uint32_t& offset : at) offset = next_of(offset);
#pragma GCC unroll 8
    for (uint32_t& offset : at) {
      const uint32_t next = next_of(offset);
      moved |= next ^ offset;
      offset = next;
    }
  }
  for (size_t lane = 0; lane < count; ++lane) leaves[lane] = outputs_[at[lane] / sizeof(Node)];
}

void TreeEnsemble::WalkAll(const double* slots, std::span<double> out) const {
  std::fill(out.begin(), out.end(), 0.0);
  std::array<double, kLanes> leaves;
  size_t output = 0;
  for (size_t group = 0; group < plain_groups_.size(); ++group) {
    if (plain_groups_[group] != 0) {
      WalkGroup<true>(group, slots, leaves.data());
    } else {
      WalkGroup<false>(group, slots, leaves.data());
    }
    const size_t count = std::min(kLanes, roots_.size() - group * kLanes);
    for (size_t lane = 0; lane < count; ++lane) {
      out[output] += leaves[lane];
      output = output + 1 == out.size() ? 0 : output + 1;
    }
  }
}

void TreeEnsemble::PredictRaw(std::span<const double> row, std::span<double> out) const {
  std::array<double, kSlotsOnStack> on_stack;
  std::vector<double> on_heap;
  double* slots = on_stack.data();
  if (slots_.size() > on_stack.size()) {
    on_heap.resize(slots_.size());
    slots = on_heap.data();
  }
  for (size_t i = 0; i < slots_.size(); ++i) slots[i] = SlotValue(slots_[i].kind, row[slots_[i].feature]);
  WalkAll(slots, out);
}

void TreeEnsemble::Predict(std::span<const double> row, std::span<double> out) const {
  PredictRaw(row, out);
  if (average_) {
    const size_t iterations = roots_.size() / num_outputs_;
    for (double& v : out) v /= static_cast<double>(iterations);
  }
  switch (transform_) {
    case Transform::kIdentity:
      break;
    case Transform::kSignedSquare:
      out[0] = Sign(out[0]) * out[0] * out[0];
      break;
    case Transform::kExp:
      out[0] = std::exp(out[0]);
      break;
    case Transform::kSigmoid:
      out[0] = 1.0 / (1.0 + std::exp(-sigmoid_ * out[0]));
      break;
    case Transform::kSigmoidPerClass:
      for (double& v : out) v = 1.0 / (1.0 + std::exp(-sigmoid_ * v));
      break;
    case Transform::kSoftmax:
      Softmax(out);
      break;
    case Transform::kLog1pExp:
      out[0] = std::log1p(std::exp(out[0]));
      break;
  }
}

}  // namespace headrace
