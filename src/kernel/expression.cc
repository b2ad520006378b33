#include "kernel/expression.h"

#include <optional>
#include <utility>

namespace headrace {
namespace {

// A column that is either borrowed from the input or was computed here.
class Operand {
 public:
  explicit Operand(const Column* borrowed) : borrowed_(borrowed) {}
  explicit Operand(Column owned) : owned_(std::move(owned)) {}
  const Column& column() const { return owned_ ? *owned_ : *borrowed_; }
  Column Release() && { return owned_ ? *std::move(owned_) : *borrowed_; }

 private:
  const Column* borrowed_ = nullptr;
  std::optional<Column> owned_;
};

StatusOr<Operand> EvaluateOperand(const Expression& expression, std::span<const Column> inputs, size_t rows);

Column ConstantColumn(const Value& value, TypeId type, size_t rows) {
  Column column(type);
  column.Reserve(rows);
  for (size_t i = 0; i < rows; ++i) column.Append(value);
  return column;
}

// AND when `stop` is 0 (false decides), OR when it is 1 (true decides).
StatusOr<Column> EvaluateLogic(const Expression& expression, std::span<const Column> inputs, size_t rows,
                               int64_t stop) {
  std::vector<int64_t> values(rows, 1 - stop);
  std::vector<uint8_t> valid(rows, 1);
  for (const Expression& child : expression.children) {
    HR_ASSIGN_OR_RETURN(const Operand operand, EvaluateOperand(child, inputs, rows));
    for (size_t i = 0; i < rows; ++i) {
      const bool decided = valid[i] != 0 && values[i] == stop;
      if (decided) continue;
      if (operand.column().IsNull(i)) {
        valid[i] = 0;
        values[i] = 0;
      } else if (operand.column().ints()[i] == stop) {
        valid[i] = 1;
        values[i] = stop;
      }
    }
  }
  return Column::Integers(TypeId::kBoolean, std::move(values), std::move(valid));
}

// Evaluates branches only for the rows that take them, and puts the pieces together in the rows' order.
class BranchAssembler {
 public:
  BranchAssembler(std::span<const Column> inputs, size_t rows, TypeId type)
      : inputs_(inputs), type_(type), piece_of_(rows, 0), place_in_piece_(rows, 0) {
    pieces_.push_back(Operand(ConstantColumn(Value::Null(), type, 1)));  // piece 0: the null that nobody claimed
    open_.reserve(rows);
    for (uint32_t i = 0; i < rows; ++i) open_.push_back(i);
  }

  const std::vector<uint32_t>& open() const { return open_; }

  // `expression` over the rows that no branch has taken yet.
  StatusOr<Column> EvaluateOpen(const Expression& expression) { return EvaluateAt(expression, open_); }

  // Gives the rows open()[places] the values of `expression`.
  Status Claim(const std::vector<uint32_t>& places, const Expression& expression) {
    std::vector<uint32_t> rows;
    rows.reserve(places.size());
    for (const uint32_t place : places) rows.push_back(open_[place]);
    HR_ASSIGN_OR_RETURN(Column values, EvaluateAt(expression, rows));
    ClaimValues(places, std::move(values), /*places_index_values=*/false);
    return absl::OkStatus();
  }

  // Gives the rows open()[places] values[i] (of the i-th place, or of the place itself) and closes them.
  void ClaimValues(const std::vector<uint32_t>& places, Column values, bool places_index_values) {
    std::vector<uint8_t> taken(open_.size(), 0);
    for (uint32_t i = 0; i < places.size(); ++i) {
      const uint32_t row = open_[places[i]];
      piece_of_[row] = static_cast<uint32_t>(pieces_.size());
      place_in_piece_[row] = places_index_values ? places[i] : i;
      taken[places[i]] = 1;
    }
    pieces_.push_back(Operand(std::move(values)));
    size_t kept = 0;
    for (size_t i = 0; i < open_.size(); ++i) {
      if (taken[i] == 0) open_[kept++] = open_[i];
    }
    open_.resize(kept);
  }

  Column Assemble() const {
    Column result(type_);
    result.Reserve(piece_of_.size());
    for (size_t i = 0; i < piece_of_.size(); ++i) result.AppendFrom(pieces_[piece_of_[i]].column(), place_in_piece_[i]);
    return result;
  }

 private:
  StatusOr<Column> EvaluateAt(const Expression& expression, const std::vector<uint32_t>& rows) {
    if (rows.size() == piece_of_.size()) return Evaluate(expression, inputs_, rows.size());
    std::vector<Column> taken;
    taken.reserve(inputs_.size());
    for (const Column& input : inputs_) taken.push_back(input.Take(rows));
    return Evaluate(expression, taken, rows.size());
  }

  std::span<const Column> inputs_;
  TypeId type_;
  std::vector<uint32_t> open_;
  std::vector<uint32_t> piece_of_;
  std::vector<uint32_t> place_in_piece_;
  std::vector<Operand> pieces_;
};

StatusOr<Column> EvaluateCase(const Expression& expression, std::span<const Column> inputs, size_t rows) {
  BranchAssembler branches(inputs, rows, expression.type);
  const size_t pairs = expression.children.size() / 2;
  for (size_t i = 0; i < pairs && !branches.open().empty(); ++i) {
    HR_ASSIGN_OR_RETURN(const Column condition, branches.EvaluateOpen(expression.children[2 * i]));
    HR_RETURN_IF_ERROR(branches.Claim(SelectedRows(condition), expression.children[2 * i + 1]));
  }
  if (!branches.open().empty()) {
    HR_ASSIGN_OR_RETURN(Column otherwise, branches.EvaluateOpen(expression.children.back()));
    std::vector<uint32_t> all(branches.open().size());
    for (uint32_t i = 0; i < all.size(); ++i) all[i] = i;
    branches.ClaimValues(all, std::move(otherwise), /*places_index_values=*/true);
  }
  return branches.Assemble();
}

StatusOr<Column> EvaluateCoalesce(const Expression& expression, std::span<const Column> inputs, size_t rows) {
  BranchAssembler branches(inputs, rows, expression.type);
  for (const Expression& child : expression.children) {
    if (branches.open().empty()) break;
    HR_ASSIGN_OR_RETURN(Column values, branches.EvaluateOpen(child));
    std::vector<uint32_t> present;
    for (uint32_t i = 0; i < values.size(); ++i) {
      if (!values.IsNull(i)) present.push_back(i);
    }
    branches.ClaimValues(present, std::move(values), /*places_index_values=*/true);
  }
  return branches.Assemble();
}

StatusOr<Column> EvaluateFunction(const Expression& expression, std::span<const Column> inputs, size_t rows) {
  std::vector<Operand> operands;
  operands.reserve(expression.children.size());
  std::vector<const Column*> arguments;
  arguments.reserve(expression.children.size());
  for (const Expression& child : expression.children) {
    HR_ASSIGN_OR_RETURN(Operand operand, EvaluateOperand(child, inputs, rows));
    operands.push_back(std::move(operand));
  }
  for (const Operand& operand : operands) arguments.push_back(&operand.column());
  Column result(expression.type);
  HR_RETURN_IF_ERROR(expression.kernel(arguments, rows, &result));
  return result;
}

StatusOr<Operand> EvaluateOperand(const Expression& expression, std::span<const Column> inputs, size_t rows) {
  if (expression.kind == Expression::Kind::kColumn) return Operand(&inputs[expression.column]);
  HR_ASSIGN_OR_RETURN(Column column, Evaluate(expression, inputs, rows));
  return Operand(std::move(column));
}

}  // namespace

Expression Expression::Column(size_t index, TypeId type, std::string name) {
  Expression expression;
  expression.kind = Kind::kColumn;
  expression.type = type;
  expression.column = index;
  expression.text = std::move(name);
  return expression;
}

Expression Expression::Constant(Value value, TypeId type) {
  Expression expression;
  expression.kind = Kind::kConstant;
  expression.type = type;
  expression.constant = std::move(value);
  return expression;
}

StatusOr<Column> Evaluate(const Expression& expression, std::span<const Column> inputs, size_t rows) {
  switch (expression.kind) {
    case Expression::Kind::kColumn:
      return inputs[expression.column];
    case Expression::Kind::kConstant:
      return ConstantColumn(expression.constant, expression.type, rows);
    case Expression::Kind::kFunction:
      return EvaluateFunction(expression, inputs, rows);
    case Expression::Kind::kAnd:
      return EvaluateLogic(expression, inputs, rows, 0);
    case Expression::Kind::kOr:
      return EvaluateLogic(expression, inputs, rows, 1);
    case Expression::Kind::kCase:
      return EvaluateCase(expression, inputs, rows);
    case Expression::Kind::kCoalesce:
      return EvaluateCoalesce(expression, inputs, rows);
    case Expression::Kind::kCast: {
      HR_ASSIGN_OR_RETURN(const Operand operand, EvaluateOperand(expression.children[0], inputs, rows));
      return CastColumn(operand.column(), expression.type, expression.try_cast, expression.zoned);
    }
  }
  return Internal("unknown expression kind");
}

std::vector<uint32_t> SelectedRows(const Column& condition) {
  std::vector<uint32_t> rows;
  for (uint32_t i = 0; i < condition.size(); ++i) {
    if (!condition.IsNull(i) && condition.ints()[i] != 0) rows.push_back(i);
  }
  return rows;
}

}  // namespace headrace
