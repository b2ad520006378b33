#include <algorithm>

#include "warehouse/cast_sql.h"
#include "warehouse/history.h"
#include "warehouse/history_sql.h"
#include "warehouse/schema_objects.h"
#include "warehouse/sql_text.h"

namespace headrace {
namespace {

constexpr std::string_view kCurrent = "temp.headrace_current";
constexpr std::string_view kDifference = "temp.headrace_difference";

// The update of one view's history, a step a function.
class BatchHistoryUpdate {
 public:
  BatchHistoryUpdate(Connection& connection, const BatchHistorySpec& spec, int64_t release, TimestampUs published_at)
      : connection_(connection), spec_(spec), release_(release), published_at_(published_at) {
    report_.name = ViewHistoryName(spec.view);
    relation_ = HistoryRelation(report_.name);
  }

  StatusOr<HistoryReport> Run() {
    HR_RETURN_IF_ERROR(CopyTable());
    HR_ASSIGN_OR_RETURN(report_.null_event_times, CountOf(connection_, kCurrent, "_event_time is null"));
    HR_RETURN_IF_ERROR(connection_.Execute(fmt::format("delete from {} where _event_time is null", kCurrent)));
    HR_ASSIGN_OR_RETURN(const bool first, IsFirst());
    HR_RETURN_IF_ERROR(first ? TakeAll() : ApplyDifference());
    HR_RETURN_IF_ERROR(connection_.Execute(fmt::format("drop table {}", kCurrent)));
    HR_ASSIGN_OR_RETURN(report_.rows, CountOf(connection_, relation_));
    if (first) report_.added = report_.rows;
    return report_;
  }

 private:
  // The table's rows as they are now, in our types, in a temporary table whose rowid is their place.
  Status CopyTable() {
    const std::string from = "select * from " + RelationSql(spec_.table);
    HR_ASSIGN_OR_RETURN(const std::vector<TypedColumn> found, DescribeTypes(connection_, from));
    HR_RETURN_IF_ERROR(CheckColumns(found));
    HR_ASSIGN_OR_RETURN(schema_, connection_.Describe(fmt::format("select {} from {}", ColumnList(spec_.columns),
                                                                  RelationSql(spec_.table))));
    std::string list;
    std::vector<TypeId> types;
    for (const Field& field : schema_) {
      list += CastSql(Named(found, field.name), field.type) + " as " + QuoteIdentifier(field.name) + ", ";
      types.push_back(field.type);
    }
    const std::string event_time = CastSql(Named(found, spec_.event_time), TypeId::kTimestamp);
    std::string available_at = event_time;
    if (!spec_.available_at.empty()) {
      available_at =
          fmt::format("coalesce({}, {})", CastSql(Named(found, spec_.available_at), TypeId::kTimestamp), event_time);
    } else if (spec_.delay_us) {
      available_at = fmt::format("{} + to_microseconds({})", event_time, *spec_.delay_us);
    }
    HR_RETURN_IF_ERROR(connection_.Execute(
        fmt::format("create or replace temp table headrace_current as select {}{} as _event_time, {} as _available_at "
                    "from {}",
                    list, event_time, available_at, RelationSql(spec_.table))));
    return CheckFinite(connection_, kCurrent, spec_.columns, types);
  }

  static const TypedColumn& Named(const std::vector<TypedColumn>& columns, const std::string& name) {
    return *std::find_if(columns.begin(), columns.end(), [&](const TypedColumn& c) { return c.name == name; });
  }

  Status CheckColumns(const std::vector<TypedColumn>& found) const {
    std::vector<std::string> wanted = spec_.columns;
    wanted.push_back(spec_.event_time);
    if (!spec_.available_at.empty()) wanted.push_back(spec_.available_at);
    for (const std::string& name : wanted) {
      if (std::none_of(found.begin(), found.end(), [&](const TypedColumn& c) { return c.name == name; })) {
        return InvalidArgument("feature view {}: {} has no column '{}'", spec_.view, spec_.table, name);
      }
    }
    return absl::OkStatus();
  }

  // Whether there is no history to compare with; one of other columns or types is none.
  StatusOr<bool> IsFirst() {
    HR_ASSIGN_OR_RETURN(const ObjectKind existing, FindObject(connection_, "history", report_.name));
    if (existing == ObjectKind::kNone) return true;
    HR_ASSIGN_OR_RETURN(
        const Schema kept,
        connection_.Describe(fmt::format(
            "select * exclude (_event_time, _available_at, _retracted_at, _ingest, _release) from {}", relation_)));
    if (kept == schema_) return false;
    report_.note = "the columns that the view reads have changed: its history starts again with this release";
    return true;
  }

  std::string Columns(std::string_view qualifier = "") const {
    std::vector<std::string> names = spec_.columns;
    names.push_back("_event_time");
    return ColumnList(names, qualifier);
  }

  Status TakeAll() {
    return connection_.Execute(
        fmt::format("create or replace table {} as select {}, _available_at, null::timestamp as _retracted_at, "
                    "row_number() over (order by rowid) - 1 as _ingest, {}::bigint as _release from {} order by rowid",
                    relation_, Columns(), release_, kCurrent));
  }

  // Each distinct row that the release has more often (n > 0) or less often (n < 0) than the history's live rows. One
  // pass of grouping, so that numbering equal rows is left to those that differ, which are few.
  Status FindDifference() {
    return connection_.Execute(
        fmt::format("create or replace temp table headrace_difference as select {0}, sum(_n)::bigint as _n from ("
                    "select {0}, 1 as _n from {1} union all "
                    "select {0}, -1 as _n from {2} where _retracted_at is null) group by all having sum(_n) <> 0",
                    Columns(), kCurrent, relation_));
  }

  std::string SameRow() const {
    std::string result = "r._event_time = d._event_time";
    for (const std::string& name : spec_.columns) {
      result += fmt::format(" and r.{0} is not distinct from d.{0}", QuoteIdentifier(name));
    }
    return result;
  }

  Status AddNewRows() {
    std::string available_at = fmt::format("make_timestamp({})", published_at_);
    if (spec_.delay_us) {
      available_at = fmt::format("greatest({}, _event_time + to_microseconds({}))", available_at, *spec_.delay_us);
    }
    HR_ASSIGN_OR_RETURN(const int64_t next, NextIngest());
    return connection_.Execute(fmt::format(
        "insert into {0} select {1}, {2}, null, {3} + row_number() over (order by _place) - 1, {4} from ("
        "select r.*, r.rowid as _place from {5} r join {6} d on {7} where d._n > 0 "
        "qualify row_number() over (partition by {8} order by r.rowid desc) <= d._n) order by _place",
        relation_, Columns(), available_at, next, release_, kCurrent, kDifference, SameRow(), Columns("d")));
  }

  Status RetractGoneRows() {
    return connection_.Execute(
        fmt::format("update {0} set _retracted_at = make_timestamp({1}) where _ingest in ("
                    "select r._ingest from {0} r join {2} d on {3} where d._n < 0 and r._retracted_at is null "
                    "qualify row_number() over (partition by {4} order by r._ingest desc) <= -d._n)",
                    relation_, published_at_, kDifference, SameRow(), Columns("d")));
  }

  StatusOr<int64_t> NextIngest() {
    HR_ASSIGN_OR_RETURN(const Value next,
                        connection_.QueryValue(fmt::format("select coalesce(max(_ingest) + 1, 0) from {}", relation_)));
    return next.int64();
  }

  Status ApplyDifference() {
    HR_RETURN_IF_ERROR(FindDifference());
    HR_ASSIGN_OR_RETURN(const RecordBatch counts,
                        connection_.QueryAll(fmt::format("select coalesce(sum(greatest(_n, 0)), 0)::bigint, "
                                                         "coalesce(sum(greatest(-_n, 0)), 0)::bigint from {}",
                                                         kDifference)));
    report_.added = counts.columns[0].ints()[0];
    report_.retracted = counts.columns[1].ints()[0];
    // Retract first, so that the new rows are not among those that may go.
    if (report_.retracted > 0) HR_RETURN_IF_ERROR(RetractGoneRows());
    if (report_.added > 0) HR_RETURN_IF_ERROR(AddNewRows());
    return connection_.Execute(fmt::format("drop table {}", kDifference));
  }

  Connection& connection_;
  const BatchHistorySpec& spec_;
  const int64_t release_;
  const TimestampUs published_at_;
  std::string relation_;
  Schema schema_;  // of spec_.columns
  HistoryReport report_;
};

}  // namespace

StatusOr<HistoryReport> UpdateBatchHistory(Connection& connection, const BatchHistorySpec& spec, int64_t release,
                                           TimestampUs published_at) {
  return BatchHistoryUpdate(connection, spec, release, published_at).Run();
}

}  // namespace headrace
