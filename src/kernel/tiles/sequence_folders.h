// The folds of aggregates that look at the order of events (kernel/aggregates/sequence.cc).
#pragma once

#include "kernel/tiles/folder.h"

namespace headrace {

// `compared_type`: of the second argument of arg_min and arg_max; of others, anything.
std::unique_ptr<Folder> MakeSequenceFolder(const AggregateCall& call, TypeId compared_type);

}  // namespace headrace
