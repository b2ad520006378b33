// Where the columns of tables come from, row by row: through select lists, joins, WITH and subqueries, over the tables
// of a project down to its sources, and through a stream to the table of its history.
//
// A row of a table is made from one row of each relation in its FROM, and so on down. `path` says which of these rows
// a column is of: columns of one path are of the same row, and two aliases of one table are two paths. Where a column
// follows from more than its row (an aggregate, a window function, a union, SQL that is not understood), the way ends
// there: the column has no inputs and is not `computed`.
//
// Immutable to its users, yet it looks relations up when they are first asked for: one thread at a time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "catalog/project.h"
#include "engine/expression_reads.h"

namespace headrace {

// A SELECT's or a source's columns.
struct LineageBlock {
  struct Input {
    std::optional<size_t> from;  // in LineageBlock::from; null: another column of this block
    size_t column = 0;
    bool whole = true;  // ColumnRead::whole
  };
  struct Column {
    std::string name;
    bool computed = false;  // from `inputs` alone; constants have none
    std::vector<Input> inputs = {};
    bool copy = false;                              // of its one input, perhaps cast
    std::optional<TimeShift> shift = std::nullopt;  // of its one input
  };
  std::string relation;  // "fct_flights", "raw.arrivals"; of a WITH or a subquery: the table whose SQL it is in
  std::vector<const LineageBlock*> from;
  std::vector<Column> columns;
  bool complete = true;  // false: there may be more columns

  std::optional<size_t> Find(std::string_view column) const;  // knows no case, as SQL
};

struct LineageNode {
  const LineageBlock* block = nullptr;
  std::string path;  // "" is the row that the question began with; "0/2/": from its first relation, that one's third
  size_t column = 0;

  const LineageBlock::Column& definition() const { return block->columns[column]; }
  std::string Name() const { return block->relation + "." + definition().name; }
  std::pair<std::string, size_t> Key() const { return {path, column}; }
  LineageNode Follow(const LineageBlock::Input& input) const;
};

class ColumnLineage {
 public:
  // Both must outlive it. `schemas`: the columns of tables and sources; `aggregates`: names of SQL's.
  ColumnLineage(const Project& project, const std::map<std::string, Schema>& schemas,
                std::vector<std::string> aggregates);
  ~ColumnLineage();

  // Never null: of what is not known, there are no columns.
  const LineageBlock* BlockOf(const std::string& relation);

 private:
  friend class SelectLineage;
  LineageBlock* NewBlock();
  void FillTable(const Table& table, LineageBlock* block);
  void FillStream(const SourceTable& source, LineageBlock* block);
  void AddSchema(const std::string& relation, LineageBlock* block) const;

  const Project& project_;
  const std::map<std::string, Schema>& schemas_;
  const std::vector<std::string> aggregates_;
  std::vector<std::unique_ptr<LineageBlock>> blocks_;
  std::map<std::string, LineageBlock*> relations_;
};

}  // namespace headrace
