// The reference: what a feature is, written to be read. No sorting, no state, no sharing; quadratic and proud of it.
// Property tests hold the sweep and the online state to it, and `headrace verify --naive` can use it.
#pragma once

#include "kernel/aggregate.h"
#include "kernel/events.h"

namespace headrace {

// The features of one view for one key at the instant `t`, over all `events` (of any keys, in any order).
// `key`: the encoded key (EncodeKey), or nullopt for a key with a null part.
StatusOr<std::vector<Value>> NaiveFeatures(const ViewProgram& program, const EventRows& events,
                                           const std::optional<std::string>& key, std::optional<TimestampUs> t);

// Which rows of `events` the features of one window (or of a latest-value view) are computed from.
std::vector<uint32_t> NaiveSourceRows(const ViewProgram& program, const EventRows& events,
                                      const std::optional<std::string>& key, std::optional<TimestampUs> t,
                                      size_t window);

}  // namespace headrace
