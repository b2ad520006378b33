#include "kernel/compile/columns.h"

namespace headrace::compile {
namespace {

void MarkColumns(const Expression& expression, std::vector<bool>* used) {
  if (expression.kind == Expression::Kind::kColumn) (*used)[expression.column] = true;
  for (const Expression& child : expression.children) MarkColumns(child, used);
}

void Renumber(const std::vector<size_t>& new_index, Expression* expression) {
  if (expression->kind == Expression::Kind::kColumn) expression->column = new_index[expression->column];
  for (Expression& child : expression->children) Renumber(new_index, &child);
}

std::vector<Expression*> FinalExpressions(ViewProgram* program) {
  std::vector<Expression*> expressions = {&program->event_time};
  if (program->where) expressions.push_back(&*program->where);
  if (program->available_at) expressions.push_back(&*program->available_at);
  for (Expression& key : program->keys) expressions.push_back(&key);
  for (Expression& slot : program->slots) expressions.push_back(&slot);
  return expressions;
}

// Marks what `expressions` read of `size` columns, renumbers them to the columns that stay, returns which stay.
std::vector<bool> Compact(size_t size, const std::vector<Expression*>& expressions) {
  std::vector<bool> used(size, false);
  for (const Expression* expression : expressions) MarkColumns(*expression, &used);
  std::vector<size_t> new_index(size, 0);
  size_t next = 0;
  for (size_t i = 0; i < size; ++i) {
    new_index[i] = next;
    next += used[i] ? 1 : 0;
  }
  for (Expression* expression : expressions) Renumber(new_index, expression);
  return used;
}

template <typename T>
void Keep(const std::vector<bool>& used, std::vector<T>* items) {
  std::vector<T> kept;
  for (size_t i = 0; i < items->size(); ++i) {
    if (used[i]) kept.push_back(std::move((*items)[i]));
  }
  *items = std::move(kept);
}

}  // namespace

bool SameExpression(const Expression& a, const Expression& b) {
  if (a.kind != b.kind || a.type != b.type || a.column != b.column || a.kernel != b.kernel ||
      a.try_cast != b.try_cast || !a.constant.IdenticalTo(b.constant) || a.children.size() != b.children.size()) {
    return false;
  }
  for (size_t i = 0; i < a.children.size(); ++i) {
    if (!SameExpression(a.children[i], b.children[i])) return false;
  }
  return true;
}

void PruneSchema(Schema* schema, const std::vector<Expression*>& expressions) {
  Keep(Compact(schema->size(), expressions), schema);
}

void PruneColumns(ViewProgram* program) {
  std::vector<Expression*> readers = FinalExpressions(program);
  for (size_t i = program->stages.size(); i-- > 0;) {
    RowProgram& stage = program->stages[i];
    const std::vector<bool> used = Compact(stage.output.size(), readers);
    Keep(used, &stage.output);
    Keep(used, &stage.outputs);
    readers.clear();
    if (stage.where) readers.push_back(&*stage.where);
    for (Expression& output : stage.outputs) readers.push_back(&output);
  }
  PruneSchema(&program->input, readers);
}

}  // namespace headrace::compile
