// What is built from what: tables and sources, in an order in which each stands after all that it reads.
//
// A stream whose history is a table of the project stands after that table. Immutable; any number of threads may read.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "catalog/project.h"

namespace headrace {

class TableGraph {
 public:
  explicit TableGraph(const Project& project);

  // Every source ("raw.flights") and table, each after what it reads; of those that are ready the first by name goes
  // first, so the order depends on the project alone. Without the nodes on or behind a cycle.
  const std::vector<std::string>& order() const { return order_; }
  // Cycles, each as its nodes in reading order: {a, b} when a reads b and b reads a. Every knot of the graph has at
  // least one here. Empty for a project that was loaded without errors.
  const std::vector<std::vector<std::string>>& cycles() const { return cycles_; }

  // All that `name` is made from, and all that is made from it, near or far; without itself.
  std::set<std::string> Upstream(const std::string& name) const;
  std::set<std::string> Downstream(const std::string& name) const;

 private:
  using Edges = std::map<std::string, std::vector<std::string>>;

  void Sort();
  void FindCycles();

  Edges reads_;    // node -> what it reads; every node has an entry
  Edges read_by_;  // the reverse
  std::vector<std::string> order_;
  std::vector<std::vector<std::string>> cycles_;
};

}  // namespace headrace
