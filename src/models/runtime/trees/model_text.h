// LightGBM's model text (version v4, and the older ones that share its keys), read into plain arrays.
//
//   tree                          "average_output" alone on a line: the outputs are means over the iterations
//   key=value ...                 num_class, num_tree_per_iteration, max_feature_idx, objective, feature_names, ...
//   Tree=0                        per tree: num_leaves, num_cat, split_feature, threshold, decision_type, left_child,
//   key=value ...                 right_child, leaf_value, cat_boundaries, cat_threshold, is_linear
//   end of trees                  what follows (importances, parameters) is not needed to predict
//
// A tree of L leaves has L - 1 inner nodes. A child >= 0 is an inner node, a child c < 0 is leaf ~c. decision_type is
// bits: 1 categorical, 2 missing goes left, then two bits of what counts as missing (0 nothing, 1 zero, 2 NaN).
// The text may come from outside, so nothing in it is trusted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace headrace {

struct TreeText {
  int num_leaves = 1;
  std::vector<int32_t> split_feature;  // of the num_leaves - 1 inner nodes, like the next four
  std::vector<double> threshold;       // categorical: the index into cat_boundaries
  std::vector<int32_t> decision_type;
  std::vector<int32_t> left_child;
  std::vector<int32_t> right_child;
  std::vector<double> leaf_value;
  int num_cat = 0;
  std::vector<int32_t> cat_boundaries;  // num_cat + 1 offsets into cat_threshold
  std::vector<uint32_t> cat_threshold;  // bit sets of 32-bit words: the categories that go left
};

struct ModelText {
  int num_class = 1;
  int trees_per_iteration = 1;
  int num_features = 0;
  bool average_output = false;
  std::string objective;  // "binary sigmoid:1", "" for none
  std::vector<std::string> feature_names;
  std::vector<TreeText> trees;  // iteration by iteration, classes within
};

// kInvalidArgument says which tree and key is wrong; models with linear trees are refused.
// Each inner node and leaf of a returned tree is reached from the root exactly once, and every index is in range.
StatusOr<ModelText> ParseModelText(std::string_view text);

}  // namespace headrace
