// Views of one history whose events are the same: those that select the same rows, by the same key, at the same
// instants. Their events are partitioned and sorted once, with the values that any of them keeps.
#pragma once

#include <span>
#include <vector>

#include "kernel/view.h"

namespace headrace {

struct EventGroup {
  struct Member {
    const ViewProgram* view;      // as it was compiled
    ViewProgram program;          // the same over the group's slots
    std::vector<size_t> slot_of;  // of each of its own slots: the group's
  };

  ViewProgram events;  // of the first member, with the slots of all
  std::vector<Member> members;

  // By slot: whether count(x) alone reads it, so that only nulls matter.
  std::vector<uint8_t> OnlyCounted() const;

  size_t RowBytes() const;  // of an event, about; texts count as 16 bytes
};

// The columns that views of one history read, each once, in the order of their first mention.
Schema InputOf(std::span<const ViewProgram* const> views);

// In the order of the views. `input`: InputOf(views), which the groups' events read.
std::vector<EventGroup> GroupByEvents(std::span<const ViewProgram* const> views, const Schema& input);

}  // namespace headrace
