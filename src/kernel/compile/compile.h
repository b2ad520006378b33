// From the syntax tree of a view's SQL to a program.
//
// The input is one statement of what DuckDB's json_serialize_sql prints, positions without a place as null: the same
// parser that runs the tables. What the
// kernel cannot do is refused with the byte offset of the offending text in the SQL and a hint what to write instead;
// all errors of a statement are reported, not the first alone.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/view.h"

namespace headrace {

struct CompileError {
  int64_t offset = -1;  // bytes into the SQL; -1: not known
  std::string message;
  std::string hint;
};

template <typename Program>
struct Compiled {
  Program program;  // usable only without errors
  std::vector<CompileError> errors;
  bool ok() const { return errors.empty(); }
};

// What is not in a view's SQL but in its config and in the relation it reads.
struct ViewDefinition {
  std::string name;
  Schema input;  // all columns of the relation that the first stage (or the view) reads
  std::vector<RowProgram> stages;
  std::vector<std::string> entity;
  std::string event_time;
  std::string available_at;  // "" or a column
  std::optional<DurationUs> delay_us;
  std::vector<Window> windows;
  std::optional<DurationUs> ttl_us;
  ExactLimits exact;
};

Compiled<ViewProgram> CompileView(const ViewDefinition& definition, std::string_view syntax_tree);

// `fields`: the request's fields; `features`: every feature of other views, as "view.feature".
Compiled<RequestProgram> CompileRequestView(const std::string& name, const Schema& fields, const Schema& features,
                                            std::string_view syntax_tree);

// Rule 25: only expressions over one row. Not row-wise is no error: such a table feeds batch views.
// `aggregates`: the names of the database's aggregate functions, lower case.
struct RowWiseResult {
  bool row_wise = false;
  Compiled<RowProgram> compiled;  // when row_wise
};
RowWiseResult CompileRowWise(const Schema& input, std::string_view syntax_tree,
                             std::span<const std::string> aggregates);

}  // namespace headrace
