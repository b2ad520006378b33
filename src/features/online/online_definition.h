// What the online side serves, and where it comes from.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "features/online/event_parser.h"
#include "kernel/events.h"
#include "kernel/feature_plan.h"

namespace headrace {

// One event view and where its events come from.
struct OnlineViewSpec {
  std::string view;
  std::string stream;           // live: the stream that feeds it; batch: ""
  std::string definition_hash;  // of everything that decides its events and values
  std::string history_version;  // of the history that it starts from: a new one means a new start
  std::string history;          // its name; views of one history may share their events
  bool operator==(const OnlineViewSpec&) const = default;
};

// What the online side serves: replaced as a whole when a build publishes or definitions change.
struct OnlineDefinition {
  std::shared_ptr<const ViewCatalog> catalog;
  std::vector<OnlineViewSpec> views;
  std::map<std::string, StreamSource> streams;
  std::map<std::string, std::string> id_versions;  // by stream with event ids: of the history that has them
  TimestampUs published_at = kMinTimestampUs;      // of the release that the histories are in
};

// History, as the warehouse holds it; may be called by several threads at once. `view` scans give batches in
// program.input's columns; `ids` gives one batch column of event ids of a stream.
struct HistoryReader {
  std::function<Status(const OnlineViewSpec&, const ViewProgram&,
                       const std::function<Status(const RecordBatch&, const Arrivals&)>&)>
      view;
  std::function<Status(const StreamSource&, const std::function<Status(const Column&)>&)> ids;
};

}  // namespace headrace
