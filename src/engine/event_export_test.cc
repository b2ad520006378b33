// Whatever is exported and truncated, and when: who reads the log reads the same.
#include "engine/event_export.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/decimal.h"
#include "catalog/testing/project_folder.h"
#include "features/online/quarantine.h"
#include "online_store/memory/memory_store.h"
#include "online_store/testing/borrowed_store.h"
#include "warehouse/parquet.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> LogOf(const OnlineStore& store, uint64_t after = 0) {
  std::vector<std::string> entries;
  const Status read = store.ReadLog(after, [&](uint64_t position, std::string_view entry) {
    entries.push_back(fmt::format("{}:{}", position, entry));
    return absl::OkStatus();
  });
  EXPECT_TRUE(read.ok()) << read;
  return entries;
}

// A log of random requests, twice: in `store`, which is exported and truncated, and in `all`, which is not.
class EventExportTest : public ::testing::Test {
 protected:
  EventExportTest() : chance_(17) { Reopen(); }

  // As another start of the process has it.
  void Reopen() {
    joined_.reset();
    StatusOr<std::unique_ptr<EventSegments>> segments = EventSegments::Open(Events());
    ASSERT_TRUE(segments.ok()) << segments.status();
    segments_ = *std::move(segments);
    StatusOr<std::unique_ptr<OnlineStore>> joined = Join();
    ASSERT_TRUE(joined.ok()) << joined.status();
    joined_ = *std::move(joined);
  }

  StatusOr<std::unique_ptr<OnlineStore>> Join() {
    return JoinWithSegments(std::make_unique<BorrowedStore>(store_), *segments_);
  }
  std::string Events() const { return folder_.path() + "/.headrace/events"; }

  RecordBatch RandomRows(size_t rows) {
    RecordBatch batch({{"id", TypeId::kBigint},
                       {"t", TypeId::kTimestamp},
                       {"day", TypeId::kDate},
                       {"yes", TypeId::kBoolean},
                       {"x", TypeId::kDouble},
                       {"price", DecimalOf(12, 2)},
                       {"note", TypeId::kVarchar}});
    const std::vector<double> doubles = {0.1, -0.0, 0.0, std::nan(""), -INFINITY, 5e-324};
    const std::vector<std::string> texts = {"", "a", "Grüße", std::string("zero\0byte", 9), "line\nbreak"};
    for (size_t row = 0; row < rows; ++row) {
      const auto number = static_cast<int64_t>(chance_());
      batch.columns[0].AppendInt(number);
      batch.columns[1].AppendInt(number % 1'000'000'000'000);
      batch.columns[2].AppendInt(number % 100'000);
      batch.columns[3].AppendInt(number & 1);
      batch.columns[4].AppendDouble(doubles[chance_() % doubles.size()]);
      AppendDecimal(number % 1'000'000'000, &batch.columns[5]);
      batch.columns[6].AppendString(texts[chance_() % texts.size()]);
    }
    batch.num_rows = rows;
    if (chance_() % 2 == 0) {
      for (Column& column : batch.columns) column.AppendNull();
      ++batch.num_rows;
    }
    return batch;
  }

  void Push() {
    std::vector<LoggedRequest> requests;
    const size_t count = 1 + chance_() % 4;
    for (size_t i = 0; i < count; ++i) {
      if (chance_() % 4 == 0) {
        std::vector<QuarantinedRow> bad =
            ToQuarantined("s.a", {{i, "x", "wrong \xFF", std::string("{\"x\": \xC3}\0", 10)}});
        requests.push_back(LogKept(bad, arrival_));
        if (chance_() % 2 == 0) requests.push_back(LogReleased("s.a", {bad[0].id}, arrival_));
        continue;
      }
      LoggedRequest request;
      request.source = chance_() % 2 == 0 ? "s.a" : "s.b";
      request.arrival = arrival_;
      request.first_ingest = next_ingest_;
      request.rows = RandomRows(1 + chance_() % 3);
      if (narrow_) request.rows.schema.pop_back(), request.rows.columns.pop_back();
      next_ingest_ += static_cast<int64_t>(request.rows.num_rows);
      requests.push_back(std::move(request));
    }
    arrival_ += static_cast<int64_t>(chance_() % 1000);
    const std::string entry = EncodeLogEntry(requests);
    ASSERT_TRUE(joined_->Append(entry).ok());
    ASSERT_TRUE(all_.Append(entry).ok());
  }

  void PushMany(int count) {
    for (int i = 0; i < count; ++i) Push();
  }

  ExportReport Export(const ExportLimits& limits = {}) {
    StatusOr<ExportReport> report = ExportLog(*joined_, *segments_, limits);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *report : ExportReport{};
  }

  void CheckpointAndTruncate() {
    ASSERT_TRUE(joined_->WriteCheckpoint({joined_->LastPosition(), {}}).ok());
    ExportReport report;
    ASSERT_TRUE(TruncateBehind(*joined_, *segments_, &report).ok());
  }

  std::mt19937_64 chance_;
  const ProjectFolder folder_;
  MemoryStore store_, all_;
  std::unique_ptr<EventSegments> segments_;
  std::unique_ptr<OnlineStore> joined_;
  TimestampUs arrival_ = 1'700'000'000'000'000;
  int64_t next_ingest_ = kFirstPushedIngest;
  bool narrow_ = false;
};

TEST_F(EventExportTest, ExportedOrNotTheLogReadsAlikeByteByByte) {
  for (int round = 0; round < 25; ++round) {
    PushMany(1 + static_cast<int>(chance_() % 20));
    if (chance_() % 2 == 0) Export({.bytes = 1 + chance_() % 4000, .rows = 1 + chance_() % 40});
    if (chance_() % 2 == 0) CheckpointAndTruncate();
    if (chance_() % 4 == 0) Reopen();
    const uint64_t after = chance_() % (joined_->LastPosition() + 1);
    ASSERT_EQ(LogOf(*joined_, after), LogOf(all_, after)) << "round " << round;
  }
  EXPECT_GT(store_.TruncatedPosition(), 100u);
  ASSERT_EQ(LogOf(*joined_), LogOf(all_));
}

TEST_F(EventExportTest, TheLogsHashIsTheSameBeforeAndAfter) {
  PushMany(50);
  std::map<uint64_t, std::string> hashes;
  std::string hash;
  ASSERT_TRUE(all_.ReadLog(0,
                           [&](uint64_t position, std::string_view entry) -> Status {
                             HR_ASSIGN_OR_RETURN(hash, ExtendLogHash(hash, entry));
                             hashes[position] = hash;
                             return absl::OkStatus();
                           })
                  .ok());
  Export({.bytes = 2000, .rows = 1000});
  EXPECT_GT(segments_->List().size(), 3u);
  for (const Segment& segment : segments_->List()) EXPECT_EQ(segment.log_hash, hashes[segment.last]);
  EXPECT_EQ(segments_->KnownLogHash(50), (std::pair<uint64_t, std::string>(50, hash)));
  EXPECT_LT(segments_->KnownLogHash(49).first, 50u);
}

TEST_F(EventExportTest, EveryEntryIsExportedOnce) {
  PushMany(10);
  EXPECT_EQ(Export().last, 10u);
  EXPECT_EQ(Export().segments, 0);
  PushMany(5);
  Reopen();
  const ExportReport report = Export();
  EXPECT_EQ(report.first, 11u);
  EXPECT_EQ(report.last, 15u);
}

TEST_F(EventExportTest, TheLogIsTruncatedBehindExportAndCheckpointOnly) {
  PushMany(10);
  ASSERT_TRUE(joined_->WriteCheckpoint({10, {}}).ok());
  EXPECT_EQ(joined_->Truncate(10).code(), absl::StatusCode::kFailedPrecondition);  // not exported
  Export();
  PushMany(5);
  Export();
  EXPECT_EQ(joined_->Truncate(15).code(), absl::StatusCode::kFailedPrecondition);  // not in the checkpoint
  ExportReport report;
  ASSERT_TRUE(TruncateBehind(*joined_, *segments_, &report).ok());
  EXPECT_EQ(report.truncated, 10u);
  EXPECT_EQ(LogOf(*joined_), LogOf(all_));
}

TEST_F(EventExportTest, WhatACrashLeftWithoutAManifestDoesNotCount) {
  PushMany(10);
  Export();
  fs::remove(segments_->List()[0].folder + "/segment.json");
  fs::create_directories(Events() + "/000000000011-000000000012");
  Reopen();
  EXPECT_EQ(segments_->LastPosition(), 0u);
  PushMany(3);
  Export();
  CheckpointAndTruncate();
  EXPECT_EQ(std::distance(fs::directory_iterator(Events()), {}), 1);
  EXPECT_EQ(LogOf(*joined_), LogOf(all_));
}

TEST_F(EventExportTest, ASourceWhoseColumnsChangeBeginsASegment) {
  PushMany(20);
  narrow_ = true;
  PushMany(20);
  EXPECT_GE(Export().segments, 2);
  CheckpointAndTruncate();
  EXPECT_EQ(LogOf(*joined_), LogOf(all_));
}

TEST_F(EventExportTest, AReaderGoesOnWhileTheLogIsExportedAndTruncated) {
  PushMany(30);
  Export({.bytes = 1, .rows = 1});
  ASSERT_TRUE(joined_->WriteCheckpoint({30, {}}).ok());
  ASSERT_TRUE(joined_->Truncate(10).ok());
  std::vector<std::string> seen;
  ASSERT_TRUE(joined_
                  ->ReadLog(0,
                            [&](uint64_t position, std::string_view entry) {
                              seen.push_back(fmt::format("{}:{}", position, entry));
                              return position == 5 ? joined_->Truncate(30) : absl::OkStatus();
                            })
                  .ok());
  EXPECT_EQ(seen, LogOf(all_));
}

TEST_F(EventExportTest, OtherEnginesReadTheEventsOfASource) {
  PushMany(40);
  Export({.bytes = 2000, .rows = 1000});
  std::vector<int64_t> expected;
  ASSERT_TRUE(all_.ReadLog(0,
                           [&](uint64_t, std::string_view entry) -> Status {
                             HR_ASSIGN_OR_RETURN(const std::vector<LoggedRequest> requests, DecodeLogEntry(entry));
                             for (const LoggedRequest& request : requests) {
                               for (size_t row = 0; request.source == "s.a" && row < request.rows.num_rows; ++row)
                                 expected.push_back(request.first_ingest + static_cast<int64_t>(row));
                             }
                             return absl::OkStatus();
                           })
                  .ok());
  const std::unique_ptr<Database> database = *Database::OpenInMemory();
  const std::unique_ptr<Connection> connection = *database->Connect();
  const StatusOr<RecordBatch> rows =
      connection->QueryAll(fmt::format("select _ingest from read_parquet('{}/*/s.a.parquet')", Events()));
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(std::vector<int64_t>(rows->columns[0].ints().begin(), rows->columns[0].ints().end()), expected);
}

class DamageTest : public EventExportTest {
 protected:
  DamageTest() {
    PushMany(20);
    Export({.bytes = 1000, .rows = 1000});
    CheckpointAndTruncate();
  }
  std::string PathIn(size_t segment, const std::string& file) { return segments_->List()[segment].folder + "/" + file; }
  void FlipAByte(const std::string& path, std::streamoff at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const auto byte = static_cast<char>(file.get());
    file.seekp(at);
    file.put(static_cast<char>(byte ^ 1));
  }
  Status ReadAll() {
    return joined_->ReadLog(0, [](uint64_t, std::string_view) { return absl::OkStatus(); });
  }
};

TEST_F(DamageTest, ADamagedFileIsNamedAndRefused) {
  const SegmentFile file = segments_->List()[1].files[0];
  const std::string path = PathIn(1, file.name);
  FlipAByte(path, file.bytes / 2);
  Reopen();
  const Status read = ReadAll();
  EXPECT_EQ(read.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(read.message()), ::testing::HasSubstr(path));
}

TEST_F(DamageTest, AMissingFileIsNamed) {
  const std::string path = PathIn(0, segments_->List()[0].files[0].name);
  fs::remove(path);
  Reopen();
  EXPECT_THAT(std::string(ReadAll().message()), ::testing::HasSubstr(path));
}

TEST_F(DamageTest, ADamagedManifestIsNamedAndRefused) {
  const std::string path = PathIn(0, "segment.json");
  FlipAByte(path, 60);
  const Status opened = EventSegments::Open(Events()).status();
  EXPECT_EQ(opened.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(opened.message()), ::testing::HasSubstr(path));
}

TEST_F(DamageTest, AMissingSegmentIsNamed) {
  fs::remove_all(segments_->List()[0].folder);
  EXPECT_THAT(std::string(EventSegments::Open(Events()).status().message()), ::testing::HasSubstr("log entries 1 to"));
}

TEST_F(DamageTest, AStoreOfAnotherMomentIsRefused) {
  MemoryStore older;
  ASSERT_TRUE(older.Append("x").ok());
  EXPECT_EQ(JoinWithSegments(std::make_unique<BorrowedStore>(older), *segments_).status().code(),
            absl::StatusCode::kDataLoss);
  fs::remove_all(Events());
  segments_ = *EventSegments::Open(Events());
  EXPECT_EQ(Join().status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace headrace
