// Trees trained by LightGBM, predicted by our own runtime: the same bits as LightGBM's own prediction.
//
// All trees lie in one array of 16-byte nodes; the two children of a node are neighbours, so a step is a comparison and
// an addition, without a branch. A leaf is a node that steps to itself, and its output lies in a parallel array:
//
//   nodes_   [ root | l  r | l  r | ... ][ root | ... ]      { threshold, first child, slot }
//   outputs_ [  .   | .  5 | 2 -1 | ... ][  .   | ... ]      of leaves
//
// What a missing value does is settled before the walk: a row is first spread into slots, one per feature and way of
// treating what is missing. Where it goes right the slot holds +infinity instead, where it goes left -infinity, so that
// `value > threshold` is the whole decision of every numerical node:
//
//   row [ 0.5 | NaN ]  ->  slots [ 0: 0.5 | 0: 0.5 | 1, missing left: -inf | 1, missing right: +inf | ... ]
//
// One row walks 8 trees at once: their steps do not depend on each other, so the processor overlaps their latencies,
// which is where a single walk spends its time. (A plain walk; no bit vectors.) bench/trees.cc: a forest of 31 leaves
// takes about a third of the time of LightGBM's fastest call. AVX2 gathers were tried: three times slower than this.
//
// Why the bits are equal: thresholds and leaf outputs are read exactly, leaf outputs are added from 0.0 in the order of
// the trees, and the transforms are LightGBM's formulas on the same libm.
//
// Immutable; any number of threads may predict. Rows hold one double per feature, NaN for missing.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "models/runtime/trees/model_text.h"

namespace headrace {

class TreeEnsemble {
 public:
  // kInvalidArgument: the text is no model, or holds what is not supported (linear trees, an unknown objective).
  static StatusOr<TreeEnsemble> FromText(std::string_view text);

  size_t num_features() const { return num_features_; }
  size_t num_outputs() const { return num_outputs_; }  // 1, or the number of classes
  size_t num_trees() const { return roots_.size(); }
  const std::vector<std::string>& feature_names() const { return feature_names_; }

  // The sums of the leaves: LightGBM's C_API_PREDICT_RAW_SCORE. `row` has num_features(), `out` num_outputs() elements.
  void PredictRaw(std::span<const double> row, std::span<double> out) const;
  // Transformed by the objective, probabilities for a classification: C_API_PREDICT_NORMAL.
  void Predict(std::span<const double> row, std::span<double> out) const;

 private:
  enum class Transform : uint8_t { kIdentity, kSignedSquare, kExp, kSigmoid, kSigmoidPerClass, kSoftmax, kLog1pExp };

  // What a slot holds of its feature; `missing` is NaN, or NaN and zero.
  enum class SlotKind : uint8_t {
    kMissingLeft,      // the value, or -infinity when missing
    kMissingRight,     // the value, or +infinity when missing
    kIsMissing,        // 1 when missing, else 0
    kZeroMissingLeft,  // the same three with zero as missing
    kZeroMissingRight,
    kIsZeroMissing,
    kCategory,  // the category as a whole number from 0, or -1 for none
  };
  struct Slot {
    uint32_t feature;
    SlotKind kind;
  };

  struct Node {
    double threshold;      // goes right when its slot is greater; of a categorical node: the index of its set
    uint32_t first_child;  // in bytes from the first node, the left one; the right one follows. Of a leaf: itself
    uint32_t slot;         // and kCategoricalBit
  };
  static constexpr uint32_t kCategoricalBit = 1u << 31;

  // The categories that go left.
  struct Set {
    uint32_t begin;  // words of category_bits_
    uint32_t words;
  };

  using SlotIndex = std::map<std::pair<SlotKind, uint32_t>, uint32_t>;

  Status SetTransform(const std::string& objective);
  void AddSets(const TreeText& tree);
  void AddTree(const TreeText& tree, SlotIndex* slots);
  Node InnerNode(const TreeText& tree, size_t node, size_t set_base, SlotIndex* slots);
  void OrderSlots(const SlotIndex& slots);
  static double SlotValue(SlotKind kind, double value);
  bool IsInSet(const Node& node, double category) const;
  template <bool kPlain>
  void WalkGroup(size_t group, const double* slots, double* leaves) const;
  void WalkAll(const double* slots, std::span<double> out) const;

  std::vector<Slot> slots_;  // by kind: the branches that fill them are then foreseen
  std::vector<Node> nodes_;
  std::vector<double> outputs_;
  std::vector<uint32_t> roots_;        // in bytes from the first node
  std::vector<uint8_t> plain_groups_;  // per 8 consecutive trees: 1 when they have no categorical node
  std::vector<Set> sets_;
  std::vector<uint32_t> category_bits_;
  std::vector<std::string> feature_names_;
  size_t num_features_ = 0;
  size_t num_outputs_ = 1;
  Transform transform_ = Transform::kIdentity;
  double sigmoid_ = 1.0;
  bool average_ = false;
};

}  // namespace headrace
