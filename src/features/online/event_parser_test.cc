#include "features/online/event_parser.h"

#include <gtest/gtest.h>

namespace headrace {
namespace {

StreamSource MakeSource() {
  StreamSource source;
  source.name = "s.e";
  source.columns = {{"id", TypeId::kBigint}, {"t", TypeId::kTimestamp}, {"name", TypeId::kVarchar}};
  source.event_time = "t";
  return source;
}

// The good rows' ids, then each bad row as index, column and text: "1 3 | 1 id {...}".
std::string Sorted(std::string_view body) {
  const StatusOr<CheckedEvents> sorted = CheckEvents(MakeSource(), body);
  if (!sorted.ok()) return std::string(Message(sorted.status()));
  std::string result;
  for (size_t row = 0; row < sorted->good.num_rows; ++row)
    result += sorted->good.columns[0].GetValue(row).ToString() + " ";
  for (const BadRow& bad : sorted->bad) result += fmt::format("| {} {} {} ", bad.index, bad.column, bad.text);
  return result;
}

TEST(CheckEvents, TakesTheGoodElementsOfAnArrayAndGivesTheBadOnesBackAsSent) {
  EXPECT_EQ(Sorted(R"([{"id": 1, "t": 5}, {"id":  "2", "t": 5}, {"id": 3, "t": 5}])"),
            R"(1 3 | 1 id {"id":  "2", "t": 5} )");
  EXPECT_EQ(Sorted("[]"), "");
  EXPECT_EQ(Sorted(R"([{"id": 1.50, "t": 5}])"), R"(| 0 id {"id": 1.50, "t": 5} )");
}

TEST(CheckEvents, OneElementThatIsNoJsonSpoilsNoOther) {
  EXPECT_EQ(Sorted(R"([{"id": 1, "t": 5}, {"id": 2, "t": }, {"id": 3, "t": 5, "name": "a]},"}])"),
            R"(1 3 | 1  {"id": 2, "t": } )");
  EXPECT_EQ(Sorted(R"([{"id": 1, "t": 5}, {"id": 2, "id": 2, "t": 5}, [7], ])"),
            R"(1 | 1  {"id": 2, "id": 2, "t": 5} | 2  [7] | 3   )");
}

TEST(CheckEvents, TakesTheGoodLinesOfNdjsonAndSkipsEmptyOnes) {
  EXPECT_EQ(Sorted("{\"id\": 1, \"t\": 5}\n\n \r\nno json at all\r\n{\"id\": 2}\n{\"id\": 3, \"t\": 5}"),
            "1 3 | 1  no json at all | 2 t {\"id\": 2} ");
  EXPECT_EQ(Sorted("[1]\n{\"id\": 1, \"t\": 5}\n"), "1 | 0  [1] ");
  EXPECT_EQ(Sorted("\n \n"), "");
}

TEST(CheckEvents, KeepsBytesThatAreNoUtf8) {
  EXPECT_EQ(Sorted("{\"id\": 1, \"t\": 5, \"name\": \"\xE9\"}\n{\"id\": 2, \"t\": 5}"),
            "2 | 0  {\"id\": 1, \"t\": 5, \"name\": \"\xE9\"} ");
  EXPECT_EQ(Sorted(std::string_view("a\0b", 3)), std::string("| 0  a\0b ", 9));
}

TEST(CheckEvents, ADocumentOverSeveralLinesIsOneRow) {
  EXPECT_EQ(Sorted("{\"id\": 1,\n \"t\": 5}"), "1 ");
  EXPECT_EQ(Sorted("{\n\"id\": 1,\n\"t\": }\n"), "| 0  {\n\"id\": 1,\n\"t\": } ");
  EXPECT_EQ(Sorted("[\n{\"id\": 1, \"t\": 5},\n"), "| 0  [\n{\"id\": 1, \"t\": 5}, ");
}

TEST(CheckEvents, ABadRowNamesItsColumnAndReason) {
  const StatusOr<CheckedEvents> sorted = CheckEvents(MakeSource(), R"([{"id": 1}, {"id": 1, "t": 5, "nam": "x"}, 7])");
  ASSERT_TRUE(sorted.ok()) << sorted.status();
  ASSERT_EQ(sorted->bad.size(), 3U);
  EXPECT_EQ(sorted->bad[0].reason, "the event time must not be null");
  EXPECT_EQ(sorted->bad[1].column, "nam");
  EXPECT_EQ(sorted->bad[2].reason, "expected an object, got 7");
  EXPECT_EQ(Sorted(""), "the body is empty; send an object, an array of objects, or lines of them");
}

TEST(CheckEvents, AgreesWithParseEventsWhereNothingIsBad) {
  for (const std::string_view body : {R"({"id": 1, "t": 5})", R"([{"id": 1, "t": 5}, {"t": 6}])",
                                      "{\"id\": 1, \"t\": 5}\n{\"name\": \"\\\"]\", \"t\": 6}\n"}) {
    const StatusOr<RecordBatch> parsed = ParseEvents(MakeSource(), body);
    const StatusOr<CheckedEvents> sorted = CheckEvents(MakeSource(), body);
    ASSERT_TRUE(parsed.ok() && sorted.ok()) << body;
    ASSERT_EQ(parsed->num_rows, sorted->good.num_rows) << body;
    for (size_t i = 0; i < parsed->columns.size(); ++i)
      EXPECT_TRUE(parsed->columns[i].StartsWith(sorted->good.columns[i])) << body;
  }
}

TEST(CheckEvents, ARowOfTheFutureIsBad) {
  const StatusOr<CheckedEvents> sorted = CheckEvents(MakeSource(), R"([{"id": 1, "t": 10}, {"id": 2, "t": 11}])", 10);
  ASSERT_TRUE(sorted.ok()) << sorted.status();
  EXPECT_EQ(sorted->good.num_rows, 1U);
  ASSERT_EQ(sorted->bad.size(), 1U);
  EXPECT_EQ(sorted->bad[0].column, "t");
  EXPECT_EQ(sorted->bad[0].text, R"({"id": 2, "t": 11})");
  EXPECT_NE(sorted->bad[0].reason.find("future_skew"), std::string::npos);
}

}  // namespace
}  // namespace headrace
