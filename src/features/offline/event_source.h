// Where the events of a join come from.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "kernel/events.h"

namespace headrace {

// Takes a batch of rows of a history, in ascending ingestion order.
using EventSink = std::function<Status(const RecordBatch& input, const Arrivals& arrivals)>;

class EventSource {
 public:
  virtual ~EventSource() = default;

  // The name of the history that a view reads. Views of one history are read in one scan.
  virtual std::string HistoryOf(const ViewProgram& view) const = 0;

  // How many rows a scan of the view's history will give, for progress; 0: not known.
  virtual StatusOr<int64_t> RowsOf(const ViewProgram& view) = 0;

  // Gives all rows of the history of `views`, which is one, to sinks: the columns of InputOf(views). Any number of
  // threads may take part: each asks `make_sink` for one of its own, never two at once. No batch may have rows between
  // those of another in ingestion order.
  virtual Status Scan(std::span<const ViewProgram* const> views, const std::function<EventSink()>& make_sink) = 0;
};

// For EventSource::Scan: sinks that hand everything to `sink`, one batch at a time. It must outlive them.
std::function<EventSink()> OneAtATime(const EventSink& sink);

}  // namespace headrace
