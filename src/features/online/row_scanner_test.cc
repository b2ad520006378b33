// What the quick way takes is what the tree gives, and what it leaves is none of its business.
#include "features/online/row_scanner.h"

#include <gtest/gtest.h>

#include <random>

#include "base/json.h"
#include "features/online/event_parser.h"

namespace headrace {
namespace {

StreamSource MakeSource() {
  StreamSource source;
  source.name = "s.e";
  source.columns = {{"id", TypeId::kBigint},    {"t", TypeId::kTimestamp},   {"x", TypeId::kDouble},
                    {"name", TypeId::kVarchar}, {"yes", TypeId::kBoolean},   {"day", TypeId::kDate},
                    {"i", TypeId::kBigint},     {"price", DecimalOf(12, 2)}, {"list", ListOf(TypeId::kBigint)},
                    {"a\"b", TypeId::kBigint},  {"Grüße", TypeId::kBigint}};
  source.event_time = "t";
  return source;
}

// "id=1 t=... ..." of every row, so that a double's bits show; or the error.
std::string Text(const StatusOr<RecordBatch>& rows) {
  if (!rows.ok()) return std::string(Message(rows.status()));
  std::string text;
  for (size_t row = 0; row < rows->num_rows; ++row) {
    for (size_t i = 0; i < rows->columns.size(); ++i)
      text += fmt::format("{}={} ", rows->schema[i].name, rows->columns[i].GetValue(row).ToString());
    text += "\n";
  }
  return text;
}

// What is right about a row; nothing when something is wrong.
std::optional<std::vector<Value>> ValuesOf(const StreamSource& source, const Json& row) {
  if (!row.is_object()) return std::nullopt;
  for (const auto& [name, value] : row.object()) {
    if (!FindField(source.columns, name)) return std::nullopt;
  }
  std::vector<Value> values;
  for (const Field& field : source.columns) {
    const Json* cell = row.Find(field.name);
    const StatusOr<Value> value = cell == nullptr ? Value::Null() : FromJson(*cell, field.type);
    if (!value.ok() || (field.name == source.event_time && value->is_null())) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

// ParseEvents by the book: a tree of the body, the rows one after the other, each cell by its name. What is wrong with
// a row CheckRow says, which must then see that it is wrong.
StatusOr<RecordBatch> ParseByTree(const StreamSource& source, std::string_view body) {
  Json::Array documents;
  StatusOr<Json> document = Json::Parse(body);
  if (document.ok()) {
    documents = document->is_array() ? document->array() : Json::Array{*document};
  } else if (body.find('\n') == std::string_view::npos) {
    return document.status();
  } else {
    HR_ASSIGN_OR_RETURN(documents, Json::ParseLines(body));
  }
  RecordBatch rows(source.columns);
  for (size_t index = 0; index < documents.size(); ++index) {
    const std::optional<std::vector<Value>> values = ValuesOf(source, documents[index]);
    if (!values) {
      const BadRow bad = CheckRow(source, documents[index].Dump()).bad.at(0);
      if (bad.column.empty()) return InvalidArgument("row {}: {}", index, bad.reason);
      return InvalidArgument("row {}, column '{}': {}", index, bad.column, bad.reason);
    }
    for (size_t i = 0; i < values->size(); ++i) rows.columns[i].Append((*values)[i]);
    ++rows.num_rows;
  }
  return rows;
}

// Bodies of rows that are mostly right, in every form that JSON has for them, and some that are nearly right.
class Bodies {
 public:
  explicit Bodies(uint64_t seed) : chance_(seed) {}

  std::string Next() {
    const bool lines = OneIn(2);
    std::string body = lines ? "" : Blank() + "[";
    const size_t rows = chance_() % 5;
    for (size_t row = 0; row < rows; ++row) {
      if (row > 0) body += lines ? (OneIn(5) ? "\r\n" : OneIn(9) ? "\n \n" : "\n") : ",";
      body += Row();
    }
    if (!lines) body += OneIn(30) ? "" : OneIn(30) ? ",]" : "]";
    if (OneIn(3)) body += "\n";
    if (OneIn(60)) body[chance_() % (body.size() + 1)] = Pick({"{", "}", "\"", ",", "0", "\n", " ", "\x01", "\xC3"})[0];
    return body;
  }

 private:
  bool OneIn(uint64_t n) { return chance_() % n == 0; }
  std::string Pick(const std::vector<std::string>& from) { return from[chance_() % from.size()]; }
  std::string Blank() { return OneIn(4) ? Pick({" ", "\t", "  ", "\r"}) : ""; }

  std::string Row() {
    std::string row = Blank() + "{" + Member("t");
    const std::vector<std::string> names = {"id", "x", "name", "yes", "day", "i", "price", "list", "a\\\"b", "Grüße"};
    for (const std::string& name : names) {
      if (OneIn(3))
        row = OneIn(5) ? Blank() + "{" + Member(name) + "," + row.substr(row.find('{') + 1) : row + "," + Member(name);
    }
    if (OneIn(60)) row += "," + Member(Pick(names));  // perhaps twice
    if (OneIn(60)) row += ",\"unknown\":1";
    if (OneIn(200)) row += ",";
    return row + "}" + Blank();
  }

  std::string Member(const std::string& name) {
    return Blank() + "\"" + name + "\"" + Blank() + ":" + Blank() + Cell(name) + Blank();
  }

  std::string Cell(const std::string& name) {
    if (name != "t" && OneIn(12)) return "null";
    if (OneIn(80))
      return Pick({"nul", "null1", "true", "1", "1.5", "\"1\"", "[1]", "{}", "", "-", "01", "1.", "tru", "\"a"});
    if (name == "t")
      return Pick({"5", "1385892000000000", "-7", "\"2013-12-01T10:00:00Z\"", "\"2013-12-01T10:00:00.5+02:00\""});
    if (name == "x") return Number();
    if (name == "name") return Words();
    if (name == "yes") return Pick({"true", "false"});
    if (name == "day") return Pick({"\"2013-12-01\"", "\"1969-01-31\""});
    if (name == "price") return Pick({"12.50", "\"0.01\"", "-7", "1e3"});
    if (name == "list") return Pick({"[]", "[1, 2]", "[null]"});
    return Pick({"0", "-0", "7", "-12", "999999999999999999", "1000000000000000000", "9223372036854775807",
                 "-9223372036854775808", "9223372036854775808"});
  }

  std::string Number() {
    if (OneIn(3)) {
      return Pick({"0",
                   "-0",
                   "-0.0",
                   "1e5",
                   "1E+5",
                   "2.5e-7",
                   "5e-324",
                   "2e-324",
                   "1e-400",
                   "1.7976931348623157e308",
                   "1e308",
                   "1e309",
                   "0.1",
                   "123456789012345678",
                   "12345678901234567890",
                   "9007199254740993",
                   "0.1000000000000000055511151231257827",
                   "-0e0",
                   "1e",
                   "1e+",
                   ".5",
                   "+1",
                   "\"NaN\"",
                   "\"-Infinity\""});
    }
    const auto whole = static_cast<int64_t>(chance_()) >> (chance_() % 64);
    if (OneIn(3)) return fmt::format("{}.{}", whole, chance_() >> (chance_() % 64));
    const double any = std::bit_cast<double>(chance_());
    return OneIn(2) || !std::isfinite(any) ? fmt::format("{}e{}", whole, static_cast<int>(chance_() % 40) - 20)
                                           : fmt::format("{}", any);
  }

  std::string Words() {
    return "\"" + Pick({"", "a", "]},{\\\"", "Grüße", "\\u00e9", "\\n", "\U0001F600", "a b", "\\\\"}) +
           (OneIn(40) ? Pick({"\xFF", "\x01", "\xED\xA0\x80", "\\x", "\xC0\x80", "\n"}) : "") + "\"";
  }

  std::mt19937_64 chance_;
};

TEST(RowScanner, ParseEventsAgreesWithTheTreeOnEveryBody) {
  const StreamSource source = MakeSource();
  Bodies bodies(11);
  int good = 0;
  int rows = 0;
  constexpr int kBodies = 30'000;
  for (int i = 0; i < kBodies; ++i) {
    const std::string body = bodies.Next();
    const StatusOr<RecordBatch> expected = ParseByTree(source, body);
    const StatusOr<RecordBatch> parsed = ParseEvents(source, body);
    ASSERT_EQ(Text(parsed), Text(expected)) << body;
    ASSERT_EQ(parsed.ok(), expected.ok()) << body;
    if (!parsed.ok()) continue;
    ++good;
    rows += static_cast<int>(parsed->num_rows);
    for (size_t column = 0; column < source.columns.size(); ++column) {
      ASSERT_TRUE(parsed->columns[column].StartsWith(expected->columns[column])) << body;
      ASSERT_EQ(parsed->columns[column].size(), parsed->num_rows) << body;
    }
  }
  EXPECT_GT(good, kBodies / 4);  // or little was compared
  EXPECT_LT(good, kBodies - kBodies / 4);
  EXPECT_GT(rows, kBodies / 4);
}

class Taken : public ::testing::Test {
 protected:
  // The row's cells; what is left of the text behind "|". "-": it was not taken.
  std::string Take(std::string_view text, TimestampUs latest = kMaxTimestampUs) {
    const Schema columns = {
        {"id", TypeId::kBigint}, {"t", TypeId::kTimestamp}, {"x", TypeId::kDouble}, {"s", TypeId::kVarchar}};
    RecordBatch batch(columns);
    RowScanner scanner(columns, "t", latest);
    const std::string_view before = text;
    if (!scanner.Take(&text, &batch)) {
      EXPECT_EQ(text, before);
      EXPECT_EQ(batch.num_rows, 0U);
      for (const Column& column : batch.columns) EXPECT_EQ(column.size(), 0U);
      return "-";
    }
    std::string cells;
    for (const Column& column : batch.columns) cells += column.GetValue(0).ToString() + " ";
    return cells + "|" + std::string(text);
  }
};

TEST_F(Taken, TheCommonFormInAnyOrderAndWithBlanks) {
  EXPECT_EQ(Take(R"({"id":1,"t":2,"x":0.5,"s":"a"})"), "1 1970-01-01T00:00:00.000002Z 0.5 a |");
  EXPECT_EQ(Take("\t{ \"s\" : \"\xC3\xA9\" ,\r\n\"x\":3, \"t\" : \"1970-01-01\" } ,{"),
            "null 1970-01-01T00:00:00Z 3.0 \xC3\xA9 |,{");
  EXPECT_EQ(Take(R"({"id":null,"t":0,"x":-0})"), "null 1970-01-01T00:00:00Z 0.0 null |");
  EXPECT_EQ(Take(R"({"t":0,"x":-0.0})"), "null 1970-01-01T00:00:00Z -0.0 null |");
}

TEST_F(Taken, NothingThatMayBeWrongOrIsRare) {
  for (const std::string_view text : {"",
                                      "{",
                                      "{}",
                                      "[]",
                                      "7",
                                      R"({"id":1})",
                                      R"({"t":null})",
                                      R"({"t":1,"t":1})",
                                      R"({"t":1,"u":1})",
                                      R"({"t":1,})",
                                      R"({"t":1.0})",
                                      R"({"t":01})",
                                      R"({"t":-})",
                                      R"({"t":1234567890123456789})",
                                      R"({"t":1,"id":"1"})",
                                      R"({"t":1,"x":1e999})",
                                      R"({"t":1,"x":1.})",
                                      R"({"t":1,"x":1e})",
                                      R"({"t":1,"x":NaN})",
                                      R"({"t":1,"x":"NaN"})",
                                      R"({"t":1,"s":"\n"})",
                                      "{\"t\":1,\"s\":\"\x1F\"}",
                                      "{\"t\":1,\"s\":\"\xFF\"}",
                                      R"({"t":1,"s":"a)",
                                      R"({"t":1 2})",
                                      R"({"t":1)",
                                      R"({"t":"yesterday"})",
                                      R"({"t":1,"s":nul})",
                                      R"({"t":1,"id":truefalse})",
                                      R"({"t" 1})"}) {
    EXPECT_EQ(Take(text), "-") << text;
  }
}

TEST_F(Taken, NoRowOfTheFuture) {
  EXPECT_EQ(Take(R"({"t":9})", 9), "null 1970-01-01T00:00:00.000009Z null null |");
  EXPECT_EQ(Take(R"({"t":10})", 9), "-");
}

}  // namespace
}  // namespace headrace
