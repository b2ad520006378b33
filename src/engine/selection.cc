#include "engine/selection.h"

#include <algorithm>

#include "absl/strings/str_split.h"
#include "base/diagnostic.h"
#include "catalog/graph.h"

namespace headrace {
namespace {

// '*' stands for any run of characters.
bool MatchesPattern(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*')
    return MatchesPattern(pattern.substr(1), text) || (!text.empty() && MatchesPattern(pattern, text.substr(1)));
  return !text.empty() && pattern[0] == text[0] && MatchesPattern(pattern.substr(1), text.substr(1));
}

class Selector {
 public:
  explicit Selector(const Project& project) : project_(project), graph_(project) {}

  StatusOr<std::set<std::string>> Union(const std::vector<std::string>& selectors) const {
    std::set<std::string> all;
    for (const std::string& selector : selectors) {
      for (const absl::string_view one : absl::StrSplit(selector, ' ', absl::SkipEmpty())) {
        HR_ASSIGN_OR_RETURN(const std::set<std::string> nodes, Intersection(std::string(one)));
        all.insert(nodes.begin(), nodes.end());
      }
    }
    return all;
  }

 private:
  StatusOr<std::set<std::string>> Intersection(const std::string& selector) const {
    std::optional<std::set<std::string>> result;
    for (const std::string& part : std::vector<std::string>(absl::StrSplit(selector, ','))) {
      HR_ASSIGN_OR_RETURN(std::set<std::string> nodes, One(part));
      if (result) {
        std::erase_if(nodes, [&](const std::string& node) { return !result->contains(node); });
      }
      result = std::move(nodes);
    }
    return *std::move(result);
  }

  StatusOr<std::set<std::string>> One(std::string_view selector) const {
    const std::string_view whole = selector;
    const bool upstream = selector.starts_with('+');
    if (upstream) selector.remove_prefix(1);
    const bool downstream = selector.ends_with('+');
    if (downstream) selector.remove_suffix(1);
    std::set<std::string> nodes = Named(selector);
    if (nodes.empty()) {
      return InvalidArgument("'{}' selects nothing; {}", whole, NearestNameHint(selector, graph_.order()));
    }
    for (const std::string& node : std::set<std::string>(nodes)) {
      if (upstream) nodes.merge(graph_.Upstream(node));
      if (downstream) nodes.merge(graph_.Downstream(node));
    }
    return nodes;
  }

  std::set<std::string> Named(std::string_view name) const {
    std::set<std::string> nodes;
    if (name.starts_with("tag:")) {
      for (const auto& [table_name, table] : project_.tables) {
        if (std::find(table.tags.begin(), table.tags.end(), name.substr(4)) != table.tags.end())
          nodes.insert(table_name);
      }
      return nodes;
    }
    const bool sources_only = name.starts_with("source:");
    if (sources_only) name.remove_prefix(7);
    for (const std::string& node : graph_.order()) {
      const bool is_source = project_.sources.contains(node);
      const bool of_source = is_source && MatchesPattern(name, node.substr(0, node.find('.')));
      if ((!sources_only || is_source) && (MatchesPattern(name, node) || (sources_only && of_source)))
        nodes.insert(node);
    }
    return nodes;
  }

  const Project& project_;
  const TableGraph graph_;
};

}  // namespace

StatusOr<std::optional<std::set<std::string>>> SelectNodes(const Project& project,
                                                           const std::vector<std::string>& select,
                                                           const std::vector<std::string>& exclude) {
  if (select.empty() && exclude.empty()) return std::optional<std::set<std::string>>();
  const Selector selector(project);
  std::set<std::string> nodes;
  if (select.empty()) {
    const TableGraph graph(project);
    nodes.insert(graph.order().begin(), graph.order().end());
  } else {
    HR_ASSIGN_OR_RETURN(nodes, selector.Union(select));
  }
  HR_ASSIGN_OR_RETURN(const std::set<std::string> excluded, selector.Union(exclude));
  std::erase_if(nodes, [&](const std::string& node) { return excluded.contains(node); });
  if (nodes.empty()) return InvalidArgument("the selection leaves nothing to build");
  return std::optional(std::move(nodes));
}

}  // namespace headrace
