// Rows of a request as JSON -> the columns that a feature plan needs. Rules 13, 26 and 28.
#pragma once

#include "base/json.h"
#include "kernel/feature_plan.h"

namespace headrace {

struct RequestRows {
  RecordBatch entities;  // columns of plan.entities
  RecordBatch request;   // columns of plan.request_fields
  size_t num_rows = 0;
};

// [{"carrier": "UA", "distance": 1400}, ...]: one object a row, of predict. Every entity and request field must be
// there (null is a value); other members are kept for the ledger alone. Errors name row and column.
StatusOr<RequestRows> RowsFromObjects(const FeaturePlan& plan, const Json& rows);

// {"carrier": ["UA", "AA"]} and {"distance": [1400, 900]}: columns of equal length, of features. A missing entity, a
// name that no wanted view has, and unequal lengths are errors.
StatusOr<RequestRows> RowsFromColumns(const FeaturePlan& plan, const Json* entities, const Json* request);

// "at": null or absent: nullopt; else RFC 3339 or integer microseconds.
StatusOr<std::optional<TimestampUs>> ParseAt(const Json& body);

}  // namespace headrace
