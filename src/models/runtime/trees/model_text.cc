#include "models/runtime/trees/model_text.h"

#include <charconv>
#include <limits>
#include <map>
#include <optional>

namespace headrace {
namespace {

using KeyValues = std::map<std::string, std::string_view, std::less<>>;

// Walks over the lines of a text, without their line ends.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  std::optional<std::string_view> Next() {
    if (rest_.empty()) return std::nullopt;
    const size_t end = std::min(rest_.find('\n'), rest_.size());
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return line;
  }

 private:
  std::string_view rest_;
};

std::vector<std::string_view> SplitAtBlanks(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) return parts;
    const size_t end = std::min(text.find(' ', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    text.remove_prefix(end);
  }
}

template <typename T>
bool ParseNumber(std::string_view text, T* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

template <typename T>
Status ReadNumber(const KeyValues& values, std::string_view key, T* out) {
  const auto found = values.find(key);
  if (found == values.end()) return InvalidArgument("'{}' is missing", key);
  if (!ParseNumber(found->second, out)) return InvalidArgument("'{}' is no number: '{}'", key, found->second);
  return absl::OkStatus();
}

template <typename T>
Status ReadArray(const KeyValues& values, std::string_view key, size_t size, std::vector<T>* out) {
  const auto found = values.find(key);
  if (found == values.end()) return InvalidArgument("'{}' is missing", key);
  const std::vector<std::string_view> parts = SplitAtBlanks(found->second);
  if (parts.size() != size) return InvalidArgument("'{}' has {} values, {} are needed", key, parts.size(), size);
  out->resize(size);
  for (size_t i = 0; i < size; ++i) {
    if (!ParseNumber(parts[i], &(*out)[i]))
      return InvalidArgument("'{}' holds '{}', which is no number", key, parts[i]);
  }
  return absl::OkStatus();
}

Status ReadCategories(const KeyValues& values, TreeText* tree) {
  HR_RETURN_IF_ERROR(
      ReadArray(values, "cat_boundaries", static_cast<size_t>(tree->num_cat) + 1, &tree->cat_boundaries));
  int32_t previous = 0;
  for (const int32_t boundary : tree->cat_boundaries) {
    if (boundary < previous) return InvalidArgument("'cat_boundaries' does not ascend from 0");
    previous = boundary;
  }
  return ReadArray(values, "cat_threshold", static_cast<size_t>(previous), &tree->cat_threshold);
}

bool IsCategorical(const TreeText& tree, size_t node) {
  return tree.num_cat > 0 && (tree.decision_type[node] & 1) != 0;
}

Status CheckNode(const TreeText& tree, size_t node, int num_features) {
  if (tree.split_feature[node] < 0 || tree.split_feature[node] >= num_features) {
    return InvalidArgument("'split_feature' names feature {}, the model has {}", tree.split_feature[node],
                           num_features);
  }
  if (tree.decision_type[node] < 0 || tree.decision_type[node] > 11) {
    return InvalidArgument("'decision_type' {} is not known", tree.decision_type[node]);
  }
  const double threshold = tree.threshold[node];
  if (IsCategorical(tree, node) && !(threshold >= 0 && threshold < tree.num_cat)) {
    return InvalidArgument("'threshold' {} names no set of categories", threshold);
  }
  if (threshold != threshold) return InvalidArgument("a 'threshold' is NaN");
  return absl::OkStatus();
}

// From the root, every inner node and every leaf must be reached exactly once.
Status CheckShape(const TreeText& tree) {
  const int num_inner = tree.num_leaves - 1;
  std::vector<char> inner_seen(static_cast<size_t>(num_inner)), leaf_seen(static_cast<size_t>(tree.num_leaves));
  std::vector<int32_t> open = {0};
  int reached = 0;
  while (!open.empty()) {
    const int32_t child = open.back();
    open.pop_back();
    const bool is_leaf = child < 0;
    const int64_t index = is_leaf ? -int64_t{child} - 1 : child;
    if (index >= (is_leaf ? tree.num_leaves : num_inner)) return InvalidArgument("a child {} does not exist", child);
    char& seen = (is_leaf ? leaf_seen : inner_seen)[static_cast<size_t>(index)];
    if (seen != 0) return InvalidArgument("child {} is reached twice", child);
    seen = 1;
    ++reached;
    if (is_leaf) continue;
    open.push_back(tree.right_child[static_cast<size_t>(index)]);
    open.push_back(tree.left_child[static_cast<size_t>(index)]);
  }
  if (reached != num_inner + tree.num_leaves) return InvalidArgument("some nodes cannot be reached from the root");
  return absl::OkStatus();
}

StatusOr<TreeText> ParseTree(const KeyValues& values, int num_features) {
  TreeText tree;
  HR_RETURN_IF_ERROR(ReadNumber(values, "num_leaves", &tree.num_leaves));
  HR_RETURN_IF_ERROR(ReadNumber(values, "num_cat", &tree.num_cat));
  if (tree.num_leaves < 1 || tree.num_cat < 0) return InvalidArgument("'num_leaves' or 'num_cat' is out of range");
  const auto linear = values.find("is_linear");
  if (linear != values.end() && linear->second != "0") {
    return InvalidArgument("it is a linear tree, which is not supported: train with linear_tree=false");
  }
  HR_RETURN_IF_ERROR(ReadArray(values, "leaf_value", static_cast<size_t>(tree.num_leaves), &tree.leaf_value));
  if (tree.num_leaves == 1) return tree;
  const size_t num_inner = static_cast<size_t>(tree.num_leaves) - 1;
  HR_RETURN_IF_ERROR(ReadArray(values, "split_feature", num_inner, &tree.split_feature));
  HR_RETURN_IF_ERROR(ReadArray(values, "threshold", num_inner, &tree.threshold));
  HR_RETURN_IF_ERROR(ReadArray(values, "decision_type", num_inner, &tree.decision_type));
  HR_RETURN_IF_ERROR(ReadArray(values, "left_child", num_inner, &tree.left_child));
  HR_RETURN_IF_ERROR(ReadArray(values, "right_child", num_inner, &tree.right_child));
  if (tree.num_cat > 0) HR_RETURN_IF_ERROR(ReadCategories(values, &tree));
  for (size_t node = 0; node < num_inner; ++node) HR_RETURN_IF_ERROR(CheckNode(tree, node, num_features));
  HR_RETURN_IF_ERROR(CheckShape(tree));
  return tree;
}

Status ReadHeader(const KeyValues& values, ModelText* model) {
  HR_RETURN_IF_ERROR(ReadNumber(values, "num_class", &model->num_class));
  model->trees_per_iteration = model->num_class;
  if (values.contains("num_tree_per_iteration")) {
    HR_RETURN_IF_ERROR(ReadNumber(values, "num_tree_per_iteration", &model->trees_per_iteration));
  }
  int max_feature = -1;
  HR_RETURN_IF_ERROR(ReadNumber(values, "max_feature_idx", &max_feature));
  if (model->num_class < 1 || model->trees_per_iteration < 1 || max_feature < 0 || max_feature >= (1 << 24)) {
    return InvalidArgument("'num_class', 'num_tree_per_iteration' or 'max_feature_idx' is out of range");
  }
  model->num_features = max_feature + 1;
  model->average_output = values.contains("average_output");
  if (const auto objective = values.find("objective"); objective != values.end()) model->objective = objective->second;
  if (const auto names = values.find("feature_names"); names != values.end()) {
    for (const std::string_view name : SplitAtBlanks(names->second)) model->feature_names.emplace_back(name);
  }
  if (model->feature_names.size() != static_cast<size_t>(model->num_features)) {
    return InvalidArgument("'feature_names' has {} names, {} are needed", model->feature_names.size(),
                           model->num_features);
  }
  return absl::OkStatus();
}

Status FinishSection(const KeyValues& values, bool is_header, ModelText* model) {
  if (is_header) return Annotate(ReadHeader(values, model), "LightGBM model text");
  StatusOr<TreeText> tree = ParseTree(values, model->num_features);
  if (!tree.ok()) return Annotate(tree.status(), fmt::format("LightGBM model text, tree {}", model->trees.size()));
  model->trees.push_back(*std::move(tree));
  return absl::OkStatus();
}

}  // namespace

StatusOr<ModelText> ParseModelText(std::string_view text) {
  Lines lines(text);
  const std::optional<std::string_view> first = lines.Next();
  if (first != "tree") return InvalidArgument("this is no LightGBM model text: it does not begin with the line 'tree'");
  ModelText model;
  KeyValues values;
  bool is_header = true, ended = false;
  while (!ended) {
    const std::optional<std::string_view> line = lines.Next();
    if (!line) return InvalidArgument("LightGBM model text: cut short, the line 'end of trees' is missing");
    ended = *line == "end of trees";
    if (ended || line->starts_with("Tree=")) {
      HR_RETURN_IF_ERROR(FinishSection(values, is_header, &model));
      is_header = false;
      values.clear();
      continue;
    }
    const size_t equals = std::min(line->find('='), line->size());
    if (equals == 0) continue;
    values[std::string(line->substr(0, equals))] = line->substr(std::min(equals + 1, line->size()));
  }
  if (model.trees.size() % static_cast<size_t>(model.trees_per_iteration) != 0) {
    return InvalidArgument("LightGBM model text: {} trees are not a multiple of {} per iteration", model.trees.size(),
                           model.trees_per_iteration);
  }
  return model;
}

}  // namespace headrace
