// The states of one definition, and how they come about.
//
//   the checkpoint                     -> RestoreFromCheckpoint  |
//   history                            -> FillFromHistory        |-> ReplayLog -> up to date
//   the set before, where nothing differs -> KeepFrom               up to date
//
// All but ReplayLog's last stretch can be done beside the states that are served.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/json.h"
#include "features/online/event_log.h"
#include "features/online/group_state.h"
#include "features/online/known_ids.h"
#include "features/online/online_definition.h"
#include "online_store/store.h"

namespace headrace {

struct ViewSet {
  // Views that read the same events, and their state.
  struct Group {
    std::vector<OnlineViewSpec> views;  // by their place in the state's group
    std::shared_ptr<GroupState> state;

    const std::string& name() const { return views[0].view; }
    const std::string& stream() const { return views[0].stream; }
  };
  struct Place {
    size_t group = 0;
    size_t member = 0;  // of the group
  };

  std::shared_ptr<const OnlineDefinition> definition;
  std::vector<Group> groups;
  std::map<std::string, Place> places;  // by view
  DurationUs keep_us = 0;               // how far back reads reach
  // By stream that has views: how far back its longest window reaches; kMaxTimestampUs: without end.
  std::map<std::string, DurationUs> reach_us;
  std::map<std::string, std::shared_ptr<const HistoryIds>> history_ids;  // by stream with event ids

  size_t MemoryBytes() const;
};

// By group: the log position that its state includes.
using Included = std::map<std::string, uint64_t>;

// States without events. `keep_us`: 0 for the longest window and a day (rule 12). The store must outlive them.
std::shared_ptr<ViewSet> MakeViewSet(OnlineDefinition definition, DurationUs keep_us, OnlineStore& store);

// Takes over states and ids from `before` where view and history are the same, and nothing was forgotten that `set`
// answers for. Kept states go on being changed by who has `before`. Gives the groups whose state was kept.
std::set<std::string> KeepFrom(const ViewSet& before, ViewSet* set);

// Ids of streams that KeepFrom has not taken over. What is more than some `memory_bytes` of them goes to the store.
Status LoadHistoryIds(const HistoryReader& history, size_t memory_bytes, OnlineStore& store, ViewSet* set);

// Which definition and history the states of a checkpoint were made from, and how far back they answer.
inline constexpr std::string_view kMetaState = "meta";
// `stored_until`: the store has every event of the groups up to this ingestion number.
Json EncodeMeta(const ViewSet& set, int64_t stored_until);

// Restores the groups that the store's checkpoint still fits, into some `memory_bytes`.
StatusOr<Included> RestoreFromCheckpoint(const OnlineStore& store, size_t memory_bytes, ViewSet* set);
// What the names of states begin with that are in the store and none of the set's groups has.
StatusOr<std::vector<std::string>> StatesOfOthers(const OnlineStore& store, const ViewSet& set);

// Fills the groups but those that it `has` from history, several at once, and puts them in `included`, at 0. What is
// more than some `memory_bytes` goes to the store.
Status FillFromHistory(const HistoryReader& history, const std::set<std::string>& has, size_t memory_bytes,
                       ViewSet* set, Included* included);

// Applies the log's entries up to `until` to the groups in `included`, each from where its state ends, and moves that.
// `on_request` gets every request after `after`. What is more than some `memory_bytes` goes to the store.
struct LogRange {
  uint64_t after = 0;
  uint64_t until = 0;
  size_t memory_bytes = std::numeric_limits<size_t>::max();
};
Status ReplayLog(const OnlineStore& store, const LogRange& range, const ViewSet& set, Included* included,
                 const std::function<void(uint64_t position, const LoggedRequest&)>& on_request);

// Drops what no read at `horizon` or later can see of the groups whose states are new.
void Forget(TimestampUs horizon, const Included& included, const ViewSet& set);

}  // namespace headrace
