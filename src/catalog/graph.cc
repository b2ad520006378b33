#include "catalog/graph.h"

#include <algorithm>

namespace headrace {
namespace {

std::set<std::string> Reachable(const std::map<std::string, std::vector<std::string>>& edges, const std::string& from) {
  std::set<std::string> seen;
  std::vector<std::string> open = {from};
  while (!open.empty()) {
    const auto next = edges.find(open.back());
    open.pop_back();
    if (next == edges.end()) continue;
    for (const std::string& node : next->second) {
      if (node != from && seen.insert(node).second) open.push_back(node);
    }
  }
  return seen;
}

}  // namespace

TableGraph::TableGraph(const Project& project) {
  for (const auto& [name, source] : project.sources) {
    reads_[name];
    if (source.stream && !source.stream->history_table.empty()) reads_[name].push_back(source.stream->history_table);
  }
  for (const auto& [name, table] : project.tables) reads_[name] = table.depends_on;
  for (auto& [name, reads] : reads_) {
    // What does not exist is reported where it is read.
    std::erase_if(reads, [&](const std::string& other) {
      return !project.tables.contains(other) && !project.sources.contains(other);
    });
    for (const std::string& other : reads) read_by_[other].push_back(name);
  }
  Sort();
  if (order_.size() < reads_.size()) FindCycles();
}

// Kahn's algorithm, with the ready nodes kept by name.
void TableGraph::Sort() {
  std::map<std::string, size_t> waiting;
  std::set<std::string> ready;
  for (const auto& [name, reads] : reads_) {
    waiting[name] = reads.size();
    if (reads.empty()) ready.insert(name);
  }
  while (!ready.empty()) {
    const std::string name = ready.extract(ready.begin()).value();
    order_.push_back(name);
    for (const std::string& reader : read_by_[name]) {
      if (--waiting[reader] == 0) ready.insert(reader);
    }
  }
}

// A depth-first walk from each node that could not be ordered: an edge back to the path that led here closes a cycle.
void TableGraph::FindCycles() {
  std::set<std::string> done(order_.begin(), order_.end());
  for (const auto& [start, unused] : reads_) {
    std::vector<std::pair<std::string, size_t>> path;  // a node, and which of its edges is next
    if (done.insert(start).second) path.emplace_back(start, 0);
    while (!path.empty()) {
      const std::vector<std::string>& reads = reads_[path.back().first];
      if (path.back().second == reads.size()) {
        path.pop_back();
        continue;
      }
      const std::string& next = reads[path.back().second++];
      const auto on_path = std::find_if(path.begin(), path.end(), [&](const auto& step) { return step.first == next; });
      if (on_path != path.end()) {
        std::vector<std::string>& cycle = cycles_.emplace_back();
        for (auto step = on_path; step != path.end(); ++step) cycle.push_back(step->first);
      } else if (done.insert(next).second) {
        path.emplace_back(next, 0);
      }
    }
  }
}

std::set<std::string> TableGraph::Upstream(const std::string& name) const {
  return Reachable(reads_, name);
}

std::set<std::string> TableGraph::Downstream(const std::string& name) const {
  return Reachable(read_by_, name);
}

}  // namespace headrace
