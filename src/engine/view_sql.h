// Feature views as standard SQL: what a view means, for readers and for tests that hold the kernel to it.
#pragma once

#include <string>
#include <string_view>

#include "engine/definitions.h"

namespace headrace {

// A query that gives, for each row of a relation labels(<entity columns>, t), in its order: the entity columns, t, and
// the features of the event view as "view.feature", over the view's history in the warehouse (warehouse/history.h).
//
//   history --stages, where--> events --key, visibility (rule 1), window (rule 6)--> groups of events per label row
//
// `labels` is the SELECT that gives the labels; "" for one of every key at an instant just after its last event. Events
// pushed since the last build are in the server's log, which SQL does not see.
//
// Where DuckDB's functions differ from the kernel's they are wrapped: integer sums outside 64 bits are null (rule 17),
// zeros of min, max, sum and avg are +0.0 (rule 16). Sums and means of doubles may differ in their last bits: the
// kernel rounds once, DuckDB at every step.
std::string EventViewSql(const EventView& view, const ViewProgram& program, std::string_view labels = "");

}  // namespace headrace
