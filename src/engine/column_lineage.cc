#include "engine/column_lineage.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "kernel/compile/syntax.h"
#include "warehouse/parser.h"

namespace headrace {

using compile::ClassOf;
using compile::ListOf;
using compile::NodeOf;
using compile::TextOf;
using compile::TypeOf;

namespace {

std::string LowerOf(const Json& name) {
  return name.is_string() ? absl::AsciiStrToLower(name.str()) : "";
}

std::string OutputName(const Json& item) {
  std::string alias = TextOf(item, "alias");
  if (!alias.empty() || ClassOf(item) != "COLUMN_REF") return alias;
  return ListOf(item, "column_names").back().str();
}

// The column names of AS t(a, b).
std::vector<std::string> AliasesOf(const Json& from, const char* key) {
  std::vector<std::string> names;
  for (const Json& name : ListOf(from, key)) names.push_back(name.str());
  return names;
}

}  // namespace

std::optional<size_t> LineageBlock::Find(std::string_view column) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (absl::EqualsIgnoreCase(ToAbsl(columns[i].name), ToAbsl(column))) return i;
  }
  return std::nullopt;
}

LineageNode LineageNode::Follow(const LineageBlock::Input& input) const {
  if (!input.from) return {block, path, input.column};
  return {block->from[*input.from], fmt::format("{}{}/", path, *input.from), input.column};
}

// One SELECT. Relations of WITH are blocks like tables.
class SelectLineage {
 public:
  using Scope = std::map<std::string, LineageBlock*>;  // what WITH defines, in lower case

  SelectLineage(ColumnLineage* lineage, Scope scope, LineageBlock* block)
      : lineage_(*lineage), scope_(std::move(scope)), block_(block) {}

  void Run(const Json& node) {
    block_->complete = false;
    for (const Json& entry : ListOf(NodeOf(node, "cte_map"), "map")) Define(entry);
    if (TypeOf(node) != "SELECT_NODE") return;
    AddFrom(NodeOf(node, "from_table"));
    block_->complete = true;
    const bool groups = Groups(node);
    for (const Json& item : ListOf(node, "select_list")) {
      if (ClassOf(item) == "STAR") {
        AddStar(item);
      } else {
        AddColumn(OutputName(item), item);
      }
    }
    if (!groups) return;
    for (LineageBlock::Column& column : block_->columns) column = {.name = column.name};
  }

 private:
  struct FromItem {
    std::string name;  // lower case
    const LineageBlock* block;
  };

  LineageBlock* Nested(const Json& query, const std::vector<std::string>& aliases) {
    LineageBlock* nested = lineage_.NewBlock();
    nested->relation = block_->relation;
    SelectLineage(&lineage_, scope_, nested).Run(NodeOf(query, "node"));
    for (size_t i = 0; i < aliases.size() && i < nested->columns.size(); ++i) nested->columns[i].name = aliases[i];
    return nested;
  }

  // A WITH sees those before it. A recursive one is not followed: its block stays empty.
  void Define(const Json& entry) {
    const Json& value = NodeOf(entry, "value");
    const Json& query = NodeOf(value, "query");
    scope_[LowerOf(NodeOf(entry, "key"))] = Nested(query, AliasesOf(value, "aliases"));
  }

  void AddFrom(const Json& from) {
    const std::string type = TypeOf(from);
    if (type == "JOIN") {
      AddFrom(NodeOf(from, "left"));
      const std::string join = TextOf(from, "join_type");
      if (join == "SEMI" || join == "ANTI") return;
      for (const Json& column : ListOf(from, "using_columns")) shared_.insert(LowerOf(column));
      natural_ |= TextOf(from, "ref_type") == "NATURAL";
      keeps_right_ |= join == "RIGHT" || join == "OUTER" || join == "FULL";
      return AddFrom(NodeOf(from, "right"));
    }
    if (type == "EMPTY") return;
    std::string name = TextOf(from, "alias");
    const LineageBlock* block = nullptr;
    if (type == "BASE_TABLE") {
      if (name.empty()) name = TextOf(from, "table_name");
      block = Relation(TextOf(from, "schema_name"), TextOf(from, "table_name"));
      block = Renamed(block, AliasesOf(from, "column_name_alias"));
    } else if (type == "SUBQUERY") {
      block = Nested(NodeOf(from, "subquery"), AliasesOf(from, "column_name_alias"));
    } else {
      LineageBlock* unknown = lineage_.NewBlock();
      unknown->complete = false;
      block = unknown;
    }
    items_.push_back({absl::AsciiStrToLower(name), block});
    block_->from.push_back(block);
  }

  const LineageBlock* Relation(const std::string& schema, const std::string& table) {
    if (!schema.empty()) return lineage_.BlockOf(schema + "." + table);
    const auto defined = scope_.find(absl::AsciiStrToLower(table));
    return defined != scope_.end() ? defined->second : lineage_.BlockOf(table);
  }

  const LineageBlock* Renamed(const LineageBlock* block, const std::vector<std::string>& aliases) {
    if (aliases.empty()) return block;
    LineageBlock* renamed = lineage_.NewBlock();
    renamed->relation = block_->relation;
    renamed->from = {block};
    renamed->complete = block->complete;
    for (size_t i = 0; i < block->columns.size(); ++i) {
      const std::string& name = i < aliases.size() ? aliases[i] : block->columns[i].name;
      renamed->columns.push_back({name, true, {{0, i, true}}, true, TimeShift{}});
    }
    return renamed;
  }

  bool Groups(const Json& node) const {
    if (!ListOf(node, "group_expressions").empty() || !NodeOf(node, "having").is_null()) return true;
    if (TextOf(node, "aggregate_handling") == "FORCE_AGGREGATES") return true;
    return HasAggregate(NodeOf(node, "select_list"));
  }

  // Those of a subquery are its own, and those over a window leave the rows as they are.
  bool HasAggregate(const Json& node) const {
    if (node.is_array())
      return std::any_of(node.array().begin(), node.array().end(),
                         [&](const Json& item) { return HasAggregate(item); });
    if (!node.is_object() || ClassOf(node) == "SUBQUERY") return false;
    if (ClassOf(node) == "FUNCTION") {
      const std::string name = absl::AsciiStrToLower(TextOf(node, "function_name"));
      const std::vector<std::string>& known = lineage_.aggregates_;
      if (std::find(known.begin(), known.end(), name) != known.end()) return true;
    }
    return std::any_of(node.object().begin(), node.object().end(),
                       [&](const Json::Member& m) { return HasAggregate(m.second); });
  }

  void AddStar(const Json& star) {
    const Json* columns = star.Find("columns");
    if ((columns != nullptr && columns->is_bool() && columns->boolean()) || !NodeOf(star, "expr").is_null()) {
      block_->complete = false;  // columns('regex')
      return;
    }
    std::set<std::string> excluded;
    for (const Json& name : ListOf(star, "exclude_list")) excluded.insert(LowerOf(name));
    for (const Json& name : ListOf(star, "qualified_exclude_list")) excluded.insert(LowerOf(NodeOf(name, "column")));
    std::map<std::string, const Json*> replaced;
    for (const Json& entry : ListOf(star, "replace_list"))
      replaced[LowerOf(NodeOf(entry, "key"))] = &NodeOf(entry, "value");
    std::map<std::string, std::string> renamed;
    for (const Json& entry : ListOf(star, "rename_list"))
      renamed[LowerOf(NodeOf(NodeOf(entry, "key"), "column"))] = TextOf(entry, "value");
    const std::string relation = absl::AsciiStrToLower(TextOf(star, "relation_name"));
    std::set<std::string> shared_done;
    for (size_t i = 0; i < items_.size(); ++i) {
      if (!relation.empty() && items_[i].name != relation) continue;
      block_->complete &= items_[i].block->complete;
      for (size_t c = 0; c < items_[i].block->columns.size(); ++c) {
        const std::string& name = items_[i].block->columns[c].name;
        const std::string lower = absl::AsciiStrToLower(name);
        if (excluded.contains(lower)) continue;
        if (relation.empty() && (natural_ || shared_.contains(lower)) && !shared_done.insert(lower).second) continue;
        if (const auto it = replaced.find(lower); it != replaced.end()) {
          AddColumn(name, *it->second);
          continue;
        }
        const auto it = renamed.find(lower);
        LineageBlock::Column column{it == renamed.end() ? name : it->second, true, {{i, c, true}}, true, TimeShift{}};
        if (relation.empty() && keeps_right_ && (natural_ || shared_.contains(lower))) column = {.name = column.name};
        block_->columns.push_back(std::move(column));
      }
    }
  }

  void AddColumn(const std::string& name, const Json& expression) {
    ExpressionReads reads = ReadsOfRow(expression, lineage_.aggregates_);
    LineageBlock::Column column{name, reads.row_wise, {}, reads.copy, reads.shift};
    for (const ColumnRead& read : reads.columns) {
      const std::optional<LineageBlock::Input> input = Resolve(read);
      if (!input) column.computed = false;
      if (input) column.inputs.push_back(*input);
    }
    if (!column.computed) column = {.name = name};
    block_->columns.push_back(std::move(column));
  }

  std::optional<LineageBlock::Input> Resolve(const ColumnRead& read) const {
    const std::string& name = read.names.back();
    std::optional<LineageBlock::Input> found;
    for (size_t i = 0; i < items_.size(); ++i) {
      if (read.names.size() > 1 && items_[i].name != absl::AsciiStrToLower(read.names[read.names.size() - 2])) continue;
      const std::optional<size_t> column = items_[i].block->Find(name);
      if (!column) continue;
      if (found) {
        const bool is_shared = natural_ || shared_.contains(absl::AsciiStrToLower(name));
        if (read.names.size() > 1 || !is_shared || keeps_right_) return std::nullopt;
        break;
      }
      found = {i, *column, read.whole};
    }
    const bool complete =
        std::all_of(items_.begin(), items_.end(), [](const FromItem& i) { return i.block->complete; });
    if (found || read.names.size() > 1 || !complete) return found;
    // In DuckDB an expression may name a column that stands before it in the same list.
    const std::optional<size_t> sibling = block_->Find(name);
    if (sibling) return LineageBlock::Input{std::nullopt, *sibling, read.whole};
    return std::nullopt;
  }

  ColumnLineage& lineage_;
  Scope scope_;
  LineageBlock* block_;
  std::vector<FromItem> items_;
  std::set<std::string> shared_;  // columns of USING
  bool natural_ = false;
  bool keeps_right_ = false;  // a RIGHT or FULL join: a shared column is of either side
};

ColumnLineage::ColumnLineage(const Project& project, const std::map<std::string, Schema>& schemas,
                             std::vector<std::string> aggregates)
    : project_(project), schemas_(schemas), aggregates_(std::move(aggregates)) {}

ColumnLineage::~ColumnLineage() = default;

LineageBlock* ColumnLineage::NewBlock() {
  blocks_.push_back(std::make_unique<LineageBlock>());
  return blocks_.back().get();
}

const LineageBlock* ColumnLineage::BlockOf(const std::string& relation) {
  const auto [it, is_new] = relations_.emplace(relation, nullptr);
  if (!is_new) return it->second;
  LineageBlock* block = NewBlock();
  block->relation = relation;
  it->second = block;  // before it is filled: tables in a cycle, an error of its own, find it empty
  const auto source = project_.sources.find(relation);
  const auto table = project_.tables.find(relation);
  if (table != project_.tables.end()) FillTable(table->second, block);
  if (source != project_.sources.end() && source->second.stream) FillStream(source->second, block);
  AddSchema(relation, block);
  return block;
}

void ColumnLineage::FillTable(const Table& table, LineageBlock* block) {
  const StatusOr<std::string> text = SerializeSelect(table.sql.sql);
  if (!text.ok()) return;
  const StatusOr<Json> tree = Json::Parse(*text);
  if (tree.ok()) SelectLineage(this, {}, block).Run(NodeOf(*tree, "node"));
}

void ColumnLineage::FillStream(const SourceTable& source, LineageBlock* block) {
  if (source.stream->history_table.empty()) return;
  const LineageBlock* history = BlockOf(source.stream->history_table);
  block->from = {history};
  for (const ColumnSpec& column : source.columns) {
    const std::optional<size_t> from = history->Find(column.name);
    if (from) block->columns.push_back({column.name, true, {{0, *from, true}}, true, TimeShift{}});
  }
}

void ColumnLineage::AddSchema(const std::string& relation, LineageBlock* block) const {
  const auto schema = schemas_.find(relation);
  block->complete = schema != schemas_.end();
  if (schema == schemas_.end()) return;
  for (const Field& field : schema->second) {
    if (!block->Find(field.name)) block->columns.push_back({.name = field.name});
  }
}

}  // namespace headrace
