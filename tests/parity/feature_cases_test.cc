// Runs the feature cases of tests/parity/cases: text that anyone can read and add to.
//
//   # a comment
//   view NAME entity=k[,k2] event_time=t [windows=1h,all] [ttl=1d] [delay=1h] [available_at=col] [exact_distinct=9]
//   [exact_quantiles=9] select ... from events
//                                                  an empty line ends the SQL
//   events k:bigint t:timestamp [known:timestamp] [gone:timestamp] x:double
//   1 | 2020-01-01 10:00 | ... | 1.5               one a line; `known` and `gone` are available_at and retracted_at
//
//   at 2020-01-01 11:00 key 1                      key parts separated by ' | '
//   n_1h = 1
//   s_1h = null
//
// Each `at` is answered three ways - reference, sweep, online state - which must agree with each other and the text.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "catalog/project.h"
#include "kernel/compile/compile.h"
#include "kernel/key_events.h"
#include "kernel/naive.h"
#include "kernel/sweep.h"
#include "warehouse/parser.h"

namespace headrace {
namespace {

std::vector<std::string> Split(const std::string& text, char mark) {
  std::vector<std::string> parts;
  for (const absl::string_view part : absl::StrSplit(text, mark)) parts.emplace_back(absl::StripAsciiWhitespace(part));
  return parts;
}

StatusOr<Value> ParseCell(const std::string& text, TypeId type) {
  if (text == "null") return Value::Null();
  Column column(TypeId::kVarchar);
  column.AppendString(text);
  HR_ASSIGN_OR_RETURN(const Column cast, CastColumn(column, type, false));
  return cast.GetValue(0);
}

// One file, executed line by line.
class CaseFile {
 public:
  explicit CaseFile(const std::filesystem::path& path) : name_(path.filename().string()), in_(path) {}

  void Run() {
    std::string line;
    while (Next(&line)) {
      if (line.starts_with("view ")) {
        ReadView(line);
      } else if (line.starts_with("events ")) {
        ReadEvents(line);
      } else if (line.starts_with("at ")) {
        ReadQuestion(line);
      } else if (!line.empty()) {
        ADD_FAILURE() << Where() << "a line of no known kind: " << line;
      }
    }
    EXPECT_GT(questions_, 0) << name_ << " asks nothing";
  }

 private:
  std::string Where() const { return fmt::format("{}:{}: ", name_, number_); }

  bool Next(std::string* line) {
    while (std::getline(in_, *line)) {
      ++number_;
      if (!line->starts_with("#")) return true;
    }
    return false;
  }

  void ReadView(const std::string& head) {
    definition_ = {};
    const std::vector<std::string> words = Split(head, ' ');
    definition_.name = words.at(1);
    for (size_t i = 2; i < words.size(); ++i) {
      const std::vector<std::string> pair = Split(words[i], '=');
      SetOption(pair.at(0), pair.at(1));
    }
    sql_.clear();
    for (std::string line; Next(&line) && !line.empty();) sql_ += line + "\n";
  }

  void SetOption(const std::string& key, const std::string& value) {
    if (key == "entity") definition_.entity = Split(value, ',');
    if (key == "event_time") definition_.event_time = value;
    if (key == "available_at") definition_.available_at = value;
    if (key == "ttl") definition_.ttl_us = *ParseDuration(value);
    if (key == "delay") definition_.delay_us = *ParseDuration(value);
    if (key == "exact_distinct") definition_.exact.distinct = std::stoll(value);
    if (key == "exact_quantiles") definition_.exact.quantile_values = std::stoll(value);
    if (key != "windows") return;
    for (std::string text : Split(value, ',')) {
      std::replace(text.begin(), text.end(), '_', ' ');
      const StatusOr<WindowSpec> parsed = ParseWindow(text);
      ASSERT_TRUE(parsed.ok()) << Where() << parsed.status();
      const WindowSpec& window = *parsed;
      definition_.windows.push_back({window.length_us, window.rows, window.offset_us, window.suffix, window.period});
    }
  }

  void ReadEvents(const std::string& head) {
    RecordBatch rows;
    std::vector<std::string> words = Split(head, ' ');
    for (size_t i = 1; i < words.size(); ++i) {
      const std::vector<std::string> pair = Split(words[i], ':');
      rows.schema.push_back({pair.at(0), *ParseTypeName(pair.at(1))});
      rows.columns.emplace_back(rows.schema.back().type);
    }
    for (std::string line; Next(&line) && !line.empty(); ++rows.num_rows) {
      const std::vector<std::string> cells = Split(line, '|');
      ASSERT_EQ(cells.size(), rows.columns.size()) << Where();
      for (size_t i = 0; i < cells.size(); ++i) {
        const StatusOr<Value> value = ParseCell(cells[i], rows.schema[i].type);
        ASSERT_TRUE(value.ok()) << Where() << value.status();
        rows.columns[i].Append(*value);
      }
    }
    definition_.input = rows.schema;
    Compile(rows);
  }

  void Compile(const RecordBatch& rows) {
    const StatusOr<std::string> tree = SerializeSelect(sql_);
    ASSERT_TRUE(tree.ok()) << Where() << tree.status();
    Compiled<ViewProgram> compiled = CompileView(definition_, *tree);
    ASSERT_TRUE(compiled.ok()) << Where() << compiled.errors[0].message;
    program_ = std::move(compiled.program);
    RecordBatch input;
    input.num_rows = rows.num_rows;
    for (const Field& field : program_.input) {
      input.schema.push_back(field);
      input.columns.push_back(*rows.Find(field.name));
    }
    const auto instants = [&](std::string_view name, const Column* otherwise, TimestampUs missing) {
      const Column* column = rows.Find(name);
      std::vector<TimestampUs> result;
      for (size_t row = 0; row < rows.num_rows; ++row) {
        const Column* source = column != nullptr && !column->IsNull(row) ? column : otherwise;
        result.push_back(source == nullptr || source->IsNull(row) ? missing : source->ints()[row]);
      }
      return result;
    };
    const std::vector<TimestampUs> known = instants("known", rows.Find(definition_.event_time), 0);
    const std::vector<TimestampUs> gone = instants("gone", nullptr, EventRows::kNeverRetracted);
    std::vector<int64_t> ingest(rows.num_rows);
    std::iota(ingest.begin(), ingest.end(), 0);
    StatusOr<EventRows> events = PrepareEvents(program_, input, {false, known, gone, ingest});
    ASSERT_TRUE(events.ok()) << Where() << events.status();
    events_ = *std::move(events);
  }

  void ReadQuestion(const std::string& head) {
    const size_t key_mark = head.find(" key ");
    const StatusOr<TimestampUs> t = ParseTimestamp(head.substr(3, key_mark - 3));
    ASSERT_TRUE(t.ok()) << Where() << t.status();
    std::vector<Column> parts;
    const std::vector<std::string> cells = Split(head.substr(key_mark + 5), '|');
    ASSERT_EQ(cells.size(), program_.entity.size()) << Where();
    for (size_t i = 0; i < cells.size(); ++i) {
      parts.emplace_back(program_.entity[i].type);
      parts.back().Append(*ParseCell(cells[i] == "''" ? "" : cells[i], program_.entity[i].type));
    }
    std::string encoded;
    const std::optional<std::string> key = EncodeKey(parts, 0, &encoded) ? std::optional(encoded) : std::nullopt;
    Check(key, *t);
    ++questions_;
  }

  void Check(const std::optional<std::string>& key, TimestampUs t) {
    const StatusOr<std::vector<Value>> naive = NaiveFeatures(program_, events_, key, t);
    ASSERT_TRUE(naive.ok()) << Where() << naive.status();
    if (key) {
      ExpectSame(*naive, Swept(*key, t), "sweep");
      ExpectSame(*naive, Online(*key, t), "online state");
    }
    for (std::string line; Next(&line) && !line.empty();) {
      const size_t equals = line.find(" = ");
      const std::optional<size_t> feature = FindField(program_.features, line.substr(0, equals));
      ASSERT_TRUE(feature.has_value()) << Where() << "no such feature: " << line;
      EXPECT_EQ((*naive)[*feature].ToString(), line.substr(equals + 3)) << Where() << line.substr(0, equals);
    }
  }

  std::vector<uint32_t> RowsOf(const std::string& key) const {
    std::vector<uint32_t> rows;
    for (uint32_t row = 0; row < events_.size(); ++row) {
      std::string encoded;
      if (EncodeKey(events_.keys, row, &encoded) && encoded == key) rows.push_back(row);
    }
    return rows;
  }

  std::vector<Column> Swept(const std::string& key, TimestampUs t) const {
    std::vector<uint32_t> rows = RowsOf(key);
    std::sort(rows.begin(), rows.end(), [&](uint32_t a, uint32_t b) { return ComesBefore(events_, a, events_, b); });
    const EventRows sorted = events_.Take(rows);
    FeatureCells cells(program_);
    KeySweep(program_).Run({EventsView(sorted), 0, sorted.size(), std::span(&t, 1)}, &cells);
    return *FinishFeatures(program_, std::move(cells));
  }

  std::vector<Column> Online(const std::string& key, TimestampUs t) const {
    const ReadPlan plan(program_);
    KeyEvents state(plan);
    const EventsView events(events_);
    for (const uint32_t row : RowsOf(key)) state.Insert(events, row);
    Cells row(NumCells(program_));
    state.Read(GroupRead(plan, 0), t, &row);
    FeatureCells cells(program_);
    cells.AppendRow(row);
    return *FinishFeatures(program_, std::move(cells));
  }

  void ExpectSame(const std::vector<Value>& naive, const std::vector<Column>& others, std::string_view way) {
    for (size_t i = 0; i < naive.size(); ++i) {
      EXPECT_TRUE(naive[i].IdenticalTo(others[i].GetValue(0)))
          << Where() << way << ": " << others[i].GetValue(0).ToString() << ", reference " << naive[i].ToString();
    }
  }

  const std::string name_;
  std::ifstream in_;
  int number_ = 0;
  int questions_ = 0;
  ViewDefinition definition_;
  std::string sql_;
  ViewProgram program_;
  EventRows events_;
};

TEST(FeatureCases, EveryFileSaysWhatHappens) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(HEADRACE_FEATURE_CASES)) {
    if (entry.path().extension() != ".test") continue;
    SCOPED_TRACE(entry.path().filename().string());
    CaseFile(entry.path()).Run();
    ++files;
  }
  EXPECT_GT(files, 0);
}

}  // namespace
}  // namespace headrace
