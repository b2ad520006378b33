// What is known of a label by lineage: whether columns that are read decide it, and which instants come before it is
// known. Works on rows of the label table and, under the assumption that two rows are the same, on rows of others.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/column_lineage.h"

namespace headrace {

using LineageKey = std::pair<std::string, size_t>;

// The columns that some columns are read from, transitively, with the way to each.
class ReadSet {
 public:
  // Follows `node` down. `whole`: ColumnRead::whole.
  void Add(const LineageNode& node, bool whole);

  struct Entry {
    LineageNode node;
    std::optional<LineageKey> reader;  // the next column on the way to what was added
    bool whole = true;
  };
  const std::map<LineageKey, Entry>& entries() const { return entries_; }
  // From `key` to the column that was added.
  std::vector<LineageNode> WayFrom(const LineageKey& key) const;

 private:
  std::map<LineageKey, Entry> entries_;
};

// That the row at `other_path` of the columns read and the row at `label_path` of the label's are one: both are rows
// of one block. Rows that they are made from are one as well.
struct SameRow {
  std::string label_path;
  std::string other_path;

  // The path among the label's rows; nullopt: a row of which nothing is known.
  std::optional<std::string> ToLabel(const std::string& path) const;
  std::optional<LineageKey> FromLabel(const LineageKey& key) const;
};

// How the label follows from what is read: the label's column, ..., the column where both meet.
using LabelWay = std::vector<LineageNode>;

// Proof that the value of `label` is decided by `reads`; empty if there is none.
LabelWay FindDecided(const LineageNode& label, const ReadSet& reads, const SameRow& same);

// Proof that `reads` hold the column itself, copied or computed from; empty if there is none.
LabelWay FindRead(const LineageNode& column, const ReadSet& reads, const SameRow& same);

// An instant, as far as the SQL tells: equal to (or rounded down from) other columns moved by constants.
class InstantLineage {
 public:
  explicit InstantLineage(const LineageNode& node);

  // Proven for each row: *this + plus_us <= (or <) `other`, whose rows are the label's.
  bool IsBefore(const InstantLineage& other, int64_t plus_us, bool strictly, const SameRow& same) const;
  // *this = other - n microseconds exactly, for a constant n.
  std::optional<int64_t> DistanceTo(const InstantLineage& other, const SameRow& same) const;

 private:
  struct Link {
    LineageKey key;
    TimeShift shift;  // the instant is the column + shift
  };
  std::vector<Link> chain_;
};

}  // namespace headrace
