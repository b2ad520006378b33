#include "features/online/quarantine.h"

#include <gtest/gtest.h>

#include "online_store/memory/memory_store.h"

namespace headrace {
namespace {

std::vector<QuarantinedRow> TwoRows(const std::string& source) {
  return ToQuarantined(source, {{1, "x", "no number", "{\"x\": \"\xFF\"}"}, {12, "", "not JSON", ""}});
}

TEST(Quarantine, IdsOfOneRequestSortByIndex) {
  const std::vector<QuarantinedRow> rows = TwoRows("s.e");
  EXPECT_LT(rows[0].id, rows[1].id);
  EXPECT_NE(rows[0].id, TwoRows("s.e")[0].id);
}

TEST(Quarantine, ReadsBackWhatTheLogKept) {
  MemoryStore store;
  Quarantine quarantine;
  const std::vector<QuarantinedRow> rows = TwoRows("s.e");
  const std::vector<LoggedRequest> entry = {LogKept(TwoRows("s.other"), 5), LogKept(rows, 7)};
  const uint64_t position = *store.Append(EncodeLogEntry(entry));
  for (const LoggedRequest& request : entry) quarantine.Apply(position, request);
  EXPECT_EQ(quarantine.Counts(), (std::map<std::string, int64_t>{{"s.e", 2}, {"s.other", 2}}));

  const StatusOr<std::vector<QuarantinedRow>> read = quarantine.Read(store, "s.e", "", 10);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ((*read)[0].id, rows[0].id);
  EXPECT_EQ((*read)[0].received_at, 7);
  EXPECT_EQ((*read)[0].row.text, "{\"x\": \"\xFF\"}");
  EXPECT_EQ((*read)[0].row.reason, "no number");
  EXPECT_EQ((*read)[1].row.index, 12U);

  quarantine.Apply(position + 1, LogReleased("s.e", {rows[0].id}, 9));
  EXPECT_FALSE(quarantine.Holds("s.e", rows[0].id));
  EXPECT_TRUE(quarantine.Holds("s.e", rows[1].id));
  EXPECT_EQ(quarantine.Read(store, "s.e", "", 10)->size(), 1U);
}

TEST(Quarantine, AScanOfTheLogFindsWhatIsHeldStill) {
  const std::vector<QuarantinedRow> rows = TwoRows("s.e");
  QuarantineScan scan;
  ASSERT_TRUE(scan.Add(EncodeLogEntry({LogKept(rows, 7)})).ok());
  ASSERT_TRUE(scan.Add("an entry of others is not even decoded").ok());
  ASSERT_TRUE(scan.Add(EncodeLogEntry({LogReleased("s.e", {rows[1].id}, 9)})).ok());
  const std::vector<QuarantinedRow> held = std::move(scan).Finish();
  ASSERT_EQ(held.size(), 1U);
  EXPECT_EQ(held[0].id, rows[0].id);
}

}  // namespace
}  // namespace headrace
