// The kernel's expressions (expressions.txt) against DuckDB's, bit for bit, over awkward values: nulls, NaN,
// infinities, -0, extremes, empty and non-ASCII text, instants before 1970 and where clocks change. A row for which one
// of the two refuses must be refused by the other.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <fstream>
#include <limits>
#include <random>

#include "base/decimal.h"
#include "engine/expression_sql.h"
#include "kernel/compile/compile.h"
#include "warehouse/appender.h"
#include "warehouse/database.h"
#include "warehouse/parser.h"

namespace headrace {
namespace {

constexpr size_t kRows = 600;

const Schema& Columns() {
  static const Schema& columns =
      *new Schema{{"a", TypeId::kBigint},       {"b", TypeId::kBigint},       {"n", TypeId::kBigint},
                  {"x", TypeId::kDouble},       {"y", TypeId::kDouble},       {"s", TypeId::kVarchar},
                  {"u", TypeId::kVarchar},      {"p", TypeId::kBoolean},      {"q", TypeId::kBoolean},
                  {"t", TypeId::kTimestamp},    {"v", TypeId::kTimestamp},    {"d", TypeId::kDate},
                  {"e", TypeId::kDate},         {"w", TypeId::kTimestamp},    {"like_pattern", TypeId::kVarchar},
                  {"regex", TypeId::kVarchar},  {"json", TypeId::kVarchar},   {"zone", TypeId::kVarchar},
                  {"number", TypeId::kVarchar}, {"moment", TypeId::kVarchar}, {"c", DecimalOf(9, 2)},
                  {"f", DecimalOf(18, 6)},      {"g", DecimalOf(38, 10)},     {"h", DecimalOf(4, 4)}};
  return columns;
}

constexpr std::string_view kLikePatterns[] = {"",    "%",    "a%", "%b",    "_",    "__",  "%_%", "a_",     "h_llo",
                                              "%é%", "_日%", "A%", "HÉLLO", "%%b%", "a!%", "!_",  "%a%b%c%"};
constexpr std::string_view kRegexes[] = {"a",  "^a", "b$",      "[ab]+", "(a)(b)?", "h.llo", "\\d+",   "(\\d)(\\d)",
                                         "^$", "",   "(?i)ABC", "日",    "(",       "a.c",   "\\p{L}+"};
constexpr std::string_view kJsonTexts[] = {"{}",
                                           "[]",
                                           "null",
                                           "1",
                                           "\"text\"",
                                           R"({"a": 1})",
                                           R"({"a": {"b": [1, 2.5, "x", null, true]}})",
                                           R"({"a": "é\n\"q\""})",
                                           R"({"a": -7, "b": 1e300})",
                                           R"({"a": null})",
                                           R"([{"a": 1}, {"a": 2}])",
                                           R"({"a": {"b": []}, "a b": 3})",
                                           R"({"a": 0.1, "b": -0.0})",
                                           R"({"a": 1e20, "b": 123456789012345678e5})",
                                           R"({"a": 0.000001, "b": 1.5e-7})",
                                           R"({"a": 1e21, "b": 0.1e-5})",
                                           R"({"a": 12.5e3, "b": 100.0})"};
constexpr std::string_view kZones[] = {
    "UTC",          "America/New_York",  "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca",
    "Pacific/Apia", "America/Sao_Paulo", "Etc/GMT+5",     "Asia/Tehran"};
constexpr std::string_view kNumbers[] = {"0",
                                         "-0",
                                         "1",
                                         "+7",
                                         " 12 ",
                                         "1.5",
                                         "-2.5",
                                         "1e3",
                                         "1e400",
                                         "nan",
                                         "Infinity",
                                         "-inf",
                                         "",
                                         " ",
                                         "x",
                                         "1_000",
                                         "15e-1",
                                         "1.e2",
                                         "1e-400",
                                         "+-1",
                                         "_1",
                                         "01",
                                         "9223372036854775807",
                                         "9223372036854775808",
                                         "-9223372036854775808",
                                         "1.",
                                         ".5",
                                         "1e-3",
                                         "true",
                                         "F",
                                         "yes"};
constexpr std::string_view kMoments[] = {"2020-02-29",
                                         "2020-02-30",
                                         "1969-12-31 23:59:59.999999",
                                         "2020-01-01T00:00:00Z",
                                         "12:00",
                                         "",
                                         "x",
                                         " 2020-01-01",
                                         "2020-01-01 12:30",
                                         "2020-01-01 12:30:15.5",
                                         "1900-01-01",
                                         "2020-01-01 00:00:00+02",
                                         "2020-01-01T23:30:00-05:30",
                                         "2020-06-01 12:00:00.1234567",
                                         "2020-01-01 12:00:00.5+01:00",
                                         "2020-01-01T23:59:59.999"};
constexpr std::string_view kTexts[] = {
    "",           "a",      "ab",    "héllo",         "日本語", "12",          " 7 ",      "-3.5",        "abc", "true",
    "2013-01-05", "ÀÉ ß İ", "aXbXc", "\xC2\xA0 a\t ", "a%b_c",  "foo bar baz", "🦆🦆", "line\nbreak", "Abc"};

template <size_t size>
Value OneOf(const std::string_view (&texts)[size], std::mt19937_64& random) {
  return Value::Varchar(std::string(texts[random() % size]));
}

// Within three hours of an instant at which the clocks of some zone of kZones changed, or of the epoch.
Value NearClockChange(std::mt19937_64& random) {
  static const char* const kChanges[] = {"2021-03-14 07:00:00", "2021-11-07 06:00:00", "2021-03-28 01:00:00",
                                         "2021-10-31 01:00:00", "2021-04-03 15:00:00", "2021-10-02 15:30:00",
                                         "2011-12-30 10:00:00", "2018-11-04 03:00:00", "1970-01-01 00:00:00",
                                         "1945-08-14 23:00:00", "2040-03-25 01:00:00"};
  const TimestampUs change = *ParseTimestamp(kChanges[random() % std::size(kChanges)]);
  const auto minutes = static_cast<int64_t>(random() % 1440) - 720;
  const int64_t us[] = {0, 0, 1, 999'999};
  return Value::Timestamp(change + minutes * 60 * kUsPerSecond + us[random() % std::size(us)]);
}

// Any bits: every exponent, denormal numbers, NaN; or a number of everyday size.
double AnyDouble(std::mt19937_64& random) {
  if (random() % 2 == 0) return std::bit_cast<double>(random());
  return static_cast<double>(static_cast<int64_t>(random() % 2'000'001) - 1'000'000) /
         std::pow(10.0, static_cast<double>(random() % 8));
}

std::string AnyText(std::mt19937_64& random) {
  static constexpr std::string_view kPieces[] = {"a", "b", "A", "é", "É",  "日", "🦆", " ",
                                                 "%", "_", "1", ".", "\n", "ß",  "-"};
  std::string text;
  for (size_t size = random() % 12; text.size() < size;) text += kPieces[random() % std::size(kPieces)];
  return text;
}

// Everyday numbers, halves of a whole, and those of every size up to the last that the type holds.
Value AnyDecimal(TypeId type, std::mt19937_64& random) {
  const Int128 most = PowerOfTen(WidthOf(type)) - 1;
  const auto small = static_cast<Int128>(random() % 4001) - 2000;
  Int128 units = small * PowerOfTen(ScaleOf(type)) / 8;
  if (random() % 4 == 0) units = most / PowerOfTen(static_cast<int>(random()) % WidthOf(type) & 0x1f) - small;
  if (random() % 8 == 0) units = random() % 2 == 0 ? most : 0;
  if (units > most || units < -most) units = small % (most + 1);
  return Value::Bytes(type, EncodeDecimal(random() % 2 == 0 ? units : -units));
}

Value AwkwardValue(const Field& column, std::mt19937_64& random) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double doubles[] = {0.0,          -0.0,      1.5,        -2.5, 0.5, 1e300, -1e300, 5e-324, 1e15, 123456.789,
                            std::nan(""), kInfinity, -kInfinity, 3,    -7,  1,     -1,     2.675,  1e-7};
  const int64_t integers[] = {0,
                              1,
                              -1,
                              2,
                              7,
                              -7,
                              10,
                              1000,
                              std::numeric_limits<int64_t>::max(),
                              std::numeric_limits<int64_t>::min(),
                              1LL << 53,
                              12345,
                              -15};
  if (random() % 6 == 0) return Value::Null();
  if (column.name == "n") return Value::Bigint(static_cast<int64_t>(random() % 40) - 12);
  if (column.name == "w") return NearClockChange(random);
  if (column.name == "like_pattern") return OneOf(kLikePatterns, random);
  if (column.name == "regex") return OneOf(kRegexes, random);
  if (column.name == "json") return OneOf(kJsonTexts, random);
  if (column.name == "zone") return OneOf(kZones, random);
  if (column.name == "number") return OneOf(kNumbers, random);
  if (column.name == "moment") return OneOf(kMoments, random);
  if (IsDecimal(column.type)) return AnyDecimal(column.type, random);
  switch (column.type) {
    case TypeId::kBoolean:
      return Value::Boolean(random() % 2 == 0);
    case TypeId::kBigint:
      return Value::Bigint(random() % 4 == 0 ? static_cast<int64_t>(random()) >> random() % 64
                                             : integers[random() % std::size(integers)]);
    case TypeId::kDouble:
      return Value::Double(random() % 2 == 0 ? AnyDouble(random) : doubles[random() % std::size(doubles)]);
    case TypeId::kVarchar:
      return random() % 3 == 0 ? Value::Varchar(AnyText(random)) : OneOf(kTexts, random);
    case TypeId::kDate:
      return Value::Date(static_cast<int64_t>(random() % 40000) - 10000);
    case TypeId::kTimestamp:
      return Value::Timestamp(static_cast<int64_t>(random() % 4'000'000'000'000'000) - 1'000'000'000'000'000);
  }
  return Value::Null();
}

RecordBatch AwkwardRows() {
  std::mt19937_64 random(42);
  std::mt19937_64 decimals(43);
  RecordBatch rows(Columns());
  for (size_t row = 0; row < kRows; ++row) {
    for (size_t i = 0; i < rows.columns.size(); ++i) {
      rows.columns[i].Append(AwkwardValue(rows.schema[i], IsDecimal(rows.schema[i].type) ? decimals : random));
    }
  }
  rows.num_rows = kRows;
  return rows;
}

// The value of the expression for one row; an error when it is refused.
StatusOr<Value> OursAt(const Expression& expression, const RecordBatch& rows, uint32_t row) {
  std::vector<Column> one;
  for (const Column& column : rows.columns) one.push_back(column.Take(std::span(&row, 1)));
  HR_ASSIGN_OR_RETURN(const Column result, Evaluate(expression, one, 1));
  return result.GetValue(0);
}

bool SameAnswer(const Value& ours, const Value& theirs) {
  if (ours.is_null() || theirs.is_null()) return ours.is_null() && theirs.is_null();
  if (ours.type() == TypeId::kDouble && theirs.type() == TypeId::kDouble && std::isnan(ours.dbl()) &&
      std::isnan(theirs.dbl()))
    return true;
  return ours.IdenticalTo(theirs);
}

// The lines of expressions.txt: one expression each, '#' begins a remark.
std::vector<std::string> Expressions() {
  std::ifstream file(HEADRACE_SOURCE_DIR "/tests/parity/expressions.txt");
  std::vector<std::string> expressions;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] != '#') expressions.push_back(line);
  }
  return expressions;
}

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

Expression Compile(const std::string& text) {
  const StatusOr<std::string> tree = SerializeSelect(fmt::format("SELECT {} AS r FROM awkward", text));
  EXPECT_TRUE(tree.ok()) << text << ": " << tree.status();
  if (!tree.ok()) return {};
  RowWiseResult compiled = CompileRowWise(Columns(), *tree, {});
  EXPECT_TRUE(compiled.row_wise) << text;
  EXPECT_TRUE(compiled.compiled.ok()) << text << ": "
                                      << (compiled.compiled.ok() ? "" : compiled.compiled.errors[0].message);
  return compiled.compiled.ok() && compiled.row_wise ? std::move(compiled.compiled.program.outputs[0]) : Expression();
}

TEST_F(Parity, EveryExpressionGivesDuckDbsAnswer) {
  for (const std::string& text : Expressions()) {
    const Expression expression = Compile(text);
    const RecordBatch theirs = Theirs(text);
    if (theirs.num_rows != kRows) {
      ADD_FAILURE() << text << ": DuckDB does not take it";
      continue;
    }
    int shown = 0;
    for (uint32_t row = 0; row < kRows && shown < 3; ++row) {
      const StatusOr<Value> answer = OursAt(expression, rows_, row);
      const Value ours = answer.value_or(Value::Null());
      const Value other = theirs.columns[0].GetValue(row);
      if (SameAnswer(ours, other)) continue;
      ++shown;
      std::string cells;
      for (size_t i = 0; i < rows_.columns.size(); ++i)
        cells += fmt::format(" {}={}", rows_.schema[i].name, rows_.columns[i].GetValue(row).ToString());
      ADD_FAILURE() << text << ": ours " << ours.ToString() << " (" << answer.status().message() << ")"
                    << ", DuckDB " << other.ToString() << " of" << cells;
    }
  }
}

// `show sql` prints expressions as SQL again.
TEST_F(Parity, TheSqlOfAnExpressionGivesItsAnswers) {
  for (const std::string& text : Expressions()) {
    const Expression expression = Compile(text);
    const std::string sql = ToSql(expression, NamesOf(Columns()));
    const RecordBatch theirs = Theirs(sql);
    if (theirs.num_rows != kRows) {
      ADD_FAILURE() << text << " as " << sql << ": DuckDB does not take it";
      continue;
    }
    for (uint32_t row = 0; row < kRows; ++row) {
      const Value ours = OursAt(expression, rows_, row).value_or(Value::Null());
      const Value other = theirs.columns[0].GetValue(row);
      if (SameAnswer(ours, other)) continue;
      ADD_FAILURE() << text << " as " << sql << ": ours " << ours.ToString() << ", DuckDB " << other.ToString();
      break;
    }
  }
}

TEST_F(Parity, AWholeColumnGivesWhatItsRowsGive) {
  for (const std::string& text : Expressions()) {
    const Expression expression = Compile(text);
    const StatusOr<Column> whole = Evaluate(expression, rows_.columns, kRows);
    bool any_refused = false;
    for (uint32_t row = 0; row < kRows; ++row) {
      const StatusOr<Value> one = OursAt(expression, rows_, row);
      any_refused |= !one.ok();
      if (!one.ok() || !whole.ok()) continue;
      ASSERT_TRUE(SameAnswer(*one, whole->GetValue(row))) << text << " in row " << row;
    }
    EXPECT_EQ(whole.ok(), !any_refused) << text;
  }
}

TEST_F(Parity, TheCheckCanFail) {
  const StatusOr<std::string> tree = SerializeSelect("SELECT a + b AS r FROM awkward");
  const RowWiseResult compiled = CompileRowWise(Columns(), *tree, {});
  const RecordBatch theirs = Theirs("a - b");
  bool all_same = true;
  for (uint32_t row = 0; row < kRows; ++row) {
    all_same &= SameAnswer(OursAt(compiled.compiled.program.outputs[0], rows_, row).value_or(Value::Null()),
                           theirs.columns[0].GetValue(row));
  }
  EXPECT_FALSE(all_same);
}

}  // namespace
}  // namespace headrace
