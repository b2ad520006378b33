// The events of views, from raw history: what the warehouse's histories and the log of accepted events hold.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "engine/workspace.h"
#include "features/offline/point_in_time_join.h"
#include "features/online/online_features.h"

namespace headrace {

struct ScanOptions {
  bool include_log = true;
  uint64_t log_until = 0;  // 0: the whole log
  // As a replay from this instant has them: rows of a stream's history that were known later count as pushed, at their
  // recorded availability (rule 2), and the live log does not exist.
  std::optional<TimestampUs> replay_from;
  // By view. Its history as it was at an earlier state; the log is cut by log_until.
  std::map<std::string, HistoryCut> as_of;
  // By view. Events before the instant may be left out: a scan then reads less.
  std::map<std::string, TimestampUs> needed_from;
};

// What has come to a view's history and to the log since an earlier state.
struct Since {
  HistoryCut history;
  uint64_t log_position = 0;
};

struct HistoryLayout;

class HistoryScan : public EventSource {
 public:
  HistoryScan(Workspace& workspace, std::shared_ptr<const ProjectState> state, const ScanOptions& options)
      : workspace_(workspace), state_(std::move(state)), options_(options) {}

  std::string HistoryOf(const ViewProgram& view) const override;
  StatusOr<int64_t> RowsOf(const ViewProgram& view) override;
  Status Scan(std::span<const ViewProgram* const> views, const std::function<EventSink()>& make_sink) override;

  // Rows that came after a state, and rows of it that were retracted since, with the instant at which they were.
  Status ScanChanges(const EventView& view, const ViewProgram& program, const Since& since, const EventSink& sink);

  // Without the log: what online state starts from. Rows of streams that were known after `until` are left out.
  static HistoryReader ReaderForOnline(Workspace& workspace, std::optional<TimestampUs> until);

 private:
  const EventView& ViewOf(const ViewProgram& program) const { return state_->definitions.event_views.at(program.name); }
  StatusOr<HistoryLayout> LayoutFor(Connection& connection, const EventView& view, const Schema& input) const;
  Status ScanInParallel(std::span<const ViewProgram* const> views, const Schema& input,
                        const std::function<EventSink()>& make_sink);
  // In any order of rows.
  Status ScanKnown(const EventView& view, const ViewProgram& program, std::optional<TimestampUs> known_until,
                   const EventSink& sink);
  Status Emit(const EventView& view, RecordBatch rows, const HistoryLayout& layout, const EventSink& sink) const;
  Status ScanLog(const EventView& view, const Schema& input, uint64_t after, const EventSink& sink);
  // `views` are of one history.
  HistoryQuery QueryOf(std::span<const ViewProgram* const> views, std::vector<std::string> columns) const;

  Workspace& workspace_;
  const std::shared_ptr<const ProjectState> state_;
  const ScanOptions options_;
};

// Which history a view starts from, for checkpoints and manifests: changes when the history is taken or published anew.
StatusOr<std::string> HistoryVersionText(Connection& connection, const std::string& history_name);
// The same of an earlier state, as long as the history has only grown and been retracted from since.
StatusOr<std::string> HistoryVersionTextAt(Connection& connection, const EventView& view, const HistoryCut& cut);

// A hash of the log's entries up to `until`; "" of none. Of what was exported the hash is known: no more than the rest,
// and a part of one segment, is read.
StatusOr<std::string> LogHash(Workspace& workspace, uint64_t until);

}  // namespace headrace
