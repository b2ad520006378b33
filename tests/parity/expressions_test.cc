// The kernel's expressions against DuckDB's, bit for bit, over awkward values: nulls, NaN, infinities, -0, extremes, empty
// and non-ASCII text, instants before 1970. A row for which one of the two refuses must be refused by the other.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "kernel/compile/compile.h"
#include "warehouse/appender.h"
#include "warehouse/database.h"
#include "warehouse/parser.h"

namespace headrace {
namespace {

constexpr size_t kRows = 400;

const Schema& Columns() {
  static const Schema& columns = *new Schema{{"a", TypeId::kBigint},    {"b", TypeId::kBigint},    {"x", TypeId::kDouble}, {"y", TypeId::kDouble},
                                             {"s", TypeId::kVarchar},   {"u", TypeId::kVarchar},   {"p", TypeId::kBoolean}, {"q", TypeId::kBoolean},
                                             {"t", TypeId::kTimestamp}, {"v", TypeId::kTimestamp}, {"d", TypeId::kDate}};
  return columns;
}

Value AwkwardValue(TypeId type, std::mt19937_64& random) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double doubles[] = {0.0, -0.0, 1.5, -2.5, 0.5, 1e300, -1e300, 5e-324, 1e15, 123456.789, std::nan(""), kInfinity, -kInfinity, 3, -7};
  const int64_t integers[] = {0, 1, -1, 2, 7, -7, 10, 1000, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min(), 1LL << 53};
  const char* texts[] = {"", "a", "ab", "héllo", "日本語", "12", " 7 ", "-3.5", "abc", "true", "2013-01-05"};
  if (random() % 6 == 0) return Value::Null();
  switch (type) {
    case TypeId::kBoolean:
      return Value::Boolean(random() % 2 == 0);
    case TypeId::kBigint:
      return Value::Bigint(integers[random() % std::size(integers)]);
    case TypeId::kDouble:
      return Value::Double(doubles[random() % std::size(doubles)]);
    case TypeId::kVarchar:
      return Value::Varchar(texts[random() % std::size(texts)]);
    case TypeId::kDate:
      return Value::Date(static_cast<int64_t>(random() % 40000) - 10000);
    case TypeId::kTimestamp:
      return Value::Timestamp(static_cast<int64_t>(random() % 4'000'000'000'000'000) - 1'000'000'000'000'000);
  }
  return Value::Null();
}

RecordBatch AwkwardRows() {
  std::mt19937_64 random(42);
  RecordBatch rows(Columns());
  for (size_t row = 0; row < kRows; ++row) {
    for (size_t i = 0; i < rows.columns.size(); ++i) rows.columns[i].Append(AwkwardValue(rows.schema[i].type, random));
  }
  rows.num_rows = kRows;
  return rows;
}

// The value of the expression for one row; nullopt when it is refused.
std::optional<Value> OursAt(const Expression& expression, const RecordBatch& rows, uint32_t row) {
  std::vector<Column> one;
  for (const Column& column : rows.columns) one.push_back(column.Take(std::span(&row, 1)));
  const StatusOr<Column> result = Evaluate(expression, one, 1);
  if (!result.ok()) return std::nullopt;
  return result->GetValue(0);
}

bool SameAnswer(const Value& ours, const Value& theirs) {
  if (ours.is_null() || theirs.is_null()) return ours.is_null() && theirs.is_null();
  if (ours.type() == TypeId::kDouble && theirs.type() == TypeId::kDouble && std::isnan(ours.dbl()) && std::isnan(theirs.dbl())) return true;
  return ours.IdenticalTo(theirs);
}

constexpr std::string_view kExpressions[] = {
    "a + b", "a - b", "a * b", "a / b", "a // b", "a % b", "-a", "abs(a)", "mod(a, b)", "a + 1", "a * x", "a / 3",
    "x + y", "x - y", "x * y", "x / y", "x % y", "-x", "abs(x)", "floor(x)", "ceil(x)", "round(x)", "round(x, 2)", "round(x, -1)", "sqrt(x)",
    "ln(x)", "exp(x)", "isnan(x)", "isinf(x)", "isfinite(x)",
    "a = b", "a <> b", "a < b", "a <= b", "a > b", "a >= b", "x = y", "x <> y", "x < y", "x <= y", "x > y", "x >= y", "a < x",
    "s = u", "s < u", "s >= u", "p = q", "p < q", "t < v", "t = v", "d < t", "d = t",
    "a is distinct from b", "x is not distinct from y", "s is distinct from u", "a is null", "x is not null",
    "p and q", "p or q", "not p", "p and null", "p or null", "a > 0 and x > 0", "a > 0 or x > 0",
    "case when a > 0 then x when p then y else 0 end", "case when p then a end", "case when x > 0 and isfinite(x) then ln(x) else -1 end",
    "coalesce(a, b, 0)", "coalesce(x, a)", "coalesce(s, u, 'none')", "nullif(a, b)", "nullif(x, 0)", "nullif(s, '')",
    "a between -1 and 10", "x between y and 10", "a in (1, 2, null)", "a not in (1, 2)", "s in ('a', 'ab')",
    "greatest(a, b)", "least(a, b, 0)", "greatest(x, y)", "least(x, y)", "greatest(s, u)",
    "cast(a as double)", "cast(x as bigint)", "try_cast(s as bigint)", "cast(p as bigint)", "cast(a as boolean)", "cast(a as varchar)",
    "cast(x as varchar)", "cast(t as varchar)", "cast(d as varchar)", "cast(t as date)", "cast(d as timestamp)", "cast(p as varchar)",
    "extract(year from t)", "extract(month from t)", "extract(day from t)", "extract(hour from t)", "extract(minute from t)",
    "extract(second from t)", "extract(dow from t)", "extract(isodow from t)", "extract(doy from t)", "extract(week from t)",
    "extract(quarter from t)", "extract(epoch from t)", "extract(year from d)", "hour(t)", "month(d)",
    "date_trunc('second', t)", "date_trunc('minute', t)", "date_trunc('hour', t)", "date_trunc('day', t)", "date_trunc('week', t)",
    "date_trunc('month', t)", "date_trunc('quarter', t)", "date_trunc('year', t)",
    "date_diff('second', t, v)", "date_diff('minute', t, v)", "date_diff('hour', t, v)", "date_diff('day', t, v)",
    "length(s)", "substring(s, 2)", "substr(s, 2, 2)", "substr(s, -2)", "substr(s, 0, 2)", "substr(s, -2, 1)", "s || u", "concat(s, u)",
    "starts_with(s, 'a')", "contains(s, 'b')", "t >= '2013-01-01'", "t < timestamp '2001-09-09 01:46:40'",
};

class Parity : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = *Database::OpenInMemory();
    connection_ = *database_->Connect();
    rows_ = AwkwardRows();
    ASSERT_TRUE(connection_->Execute(fmt::format("CREATE TABLE awkward ({})", ColumnDefinitions(Columns()))).ok());
    const std::unique_ptr<Appender> appender = *Appender::Create(*connection_, "", "awkward");
    ASSERT_TRUE(appender->Append(rows_).ok());
    ASSERT_TRUE(appender->Close().ok());
  }

  // DuckDB's answers and, beside them, whether it refused the row.
  RecordBatch Theirs(std::string_view expression) {
    const StatusOr<RecordBatch> theirs = connection_->QueryAll(fmt::format("SELECT TRY({}) FROM awkward", expression));
    EXPECT_TRUE(theirs.ok()) << expression << ": " << theirs.status();
    return theirs.ok() ? *theirs : RecordBatch();
  }

  std::unique_ptr<Database> database_;
  std::unique_ptr<Connection> connection_;
  RecordBatch rows_;
};

TEST_F(Parity, EveryExpressionGivesDuckDbsAnswer) {
  for (const std::string_view text : kExpressions) {
    const StatusOr<std::string> tree = SerializeSelect(fmt::format("SELECT {} AS r FROM awkward", text));
    ASSERT_TRUE(tree.ok()) << text;
    const RowWiseResult compiled = CompileRowWise(Columns(), *tree, {});
    ASSERT_TRUE(compiled.row_wise) << text;
    ASSERT_TRUE(compiled.compiled.ok()) << text << ": " << compiled.compiled.errors[0].message;
    const RecordBatch theirs = Theirs(text);
    ASSERT_EQ(theirs.num_rows, kRows);
    int shown = 0;
    for (uint32_t row = 0; row < kRows && shown < 3; ++row) {
      const Value ours = OursAt(compiled.compiled.program.outputs[0], rows_, row).value_or(Value::Null());
      const Value other = theirs.columns[0].GetValue(row);
      if (SameAnswer(ours, other)) continue;
      ++shown;
      std::string cells;
      for (size_t i = 0; i < rows_.columns.size(); ++i) cells += fmt::format(" {}={}", rows_.schema[i].name, rows_.columns[i].GetValue(row).ToString());
      ADD_FAILURE() << text << ": ours " << ours.ToString() << ", DuckDB " << other.ToString() << " of" << cells;
    }
  }
}

TEST_F(Parity, TheCheckCanFail) {
  const StatusOr<std::string> tree = SerializeSelect("SELECT a + b AS r FROM awkward");
  const RowWiseResult compiled = CompileRowWise(Columns(), *tree, {});
  const RecordBatch theirs = Theirs("a - b");
  bool all_same = true;
  for (uint32_t row = 0; row < kRows; ++row) {
    all_same &= SameAnswer(OursAt(compiled.compiled.program.outputs[0], rows_, row).value_or(Value::Null()), theirs.columns[0].GetValue(row));
  }
  EXPECT_FALSE(all_same);
}

}  // namespace
}  // namespace headrace
