// Trees trained by LightGBM, predicted by our own runtime: the same bits as LightGBM's own prediction.
//
// All trees lie in one array of 16-byte nodes; the two children of a node are neighbours, so a step is a comparison and
// an addition, without a branch. A leaf is a node that steps to itself, and its output lies in a parallel array:
//
//   nodes_   [ root | l  r | l  r | ... ][ root | ... ]      { threshold, first child, feature and kind }
//   outputs_ [  .   | .  5 | 2 -1 | ... ][  .   | ... ]      of leaves
//
// One row walks 16 trees at once: their steps do not depend on each other, so the processor overlaps their memory and
// comparison latencies, which is where a single walk spends its time. (A plain walk; no bit vectors.)
//
// Why the bits are equal: thresholds and leaf outputs are read exactly, leaf outputs are added from 0.0 in the order of
// the trees, and the transforms are LightGBM's formulas on the same libm.
//
// Immutable; any number of threads may predict. Rows hold one double per feature, NaN for missing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
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

  struct Node {
    double threshold;      // a row goes left when its value is <= threshold; of a categorical node: the index of its set
    uint32_t first_child;  // the left one; the right one follows. Of a leaf: the node itself
    uint32_t feature_and_kind;  // feature << 3 | kind bits
  };

  struct Set {
    uint32_t begin;  // words of category_bits_
    uint32_t words;
  };

  // Sixteen consecutive trees, the last group fewer.
  struct Group {
    bool plain;  // no categorical and no zero-as-missing node
  };

  Status SetTransform(const std::string& objective);
  void AddTree(const TreeText& tree);
  void AddChild(const TreeText& tree, int32_t child, size_t set_base, uint32_t position,
                std::vector<std::pair<int32_t, uint32_t>>* open);
  bool GoesRight(const Node& node, double value) const;
  template <bool kPlain>
  void WalkGroup(size_t group, const double* row, double* leaves) const;

  std::vector<Node> nodes_;
  std::vector<double> outputs_;
  std::vector<uint32_t> roots_;
  std::vector<Group> groups_;
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
