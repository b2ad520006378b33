// Reading the ledger's tables.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "monitoring/ledger.h"
#include "warehouse/database.h"

namespace headrace {

StatusOr<std::vector<std::string>> ModelsWithLedger(Connection& connection);

// The query that a scan runs. kNotFound if the model has no ledger, or it lacks one of the filter's features.
StatusOr<std::string> LedgerScanSql(Connection& connection, std::string_view model, const LedgerFilter& filter);

StatusOr<std::vector<LedgerPart>> LedgerParts(Connection& connection, std::string_view model);

// Those of `ids` that the model's ledger has, in no order.
StatusOr<std::vector<std::string>> ExistingIds(Connection& connection, std::string_view model,
                                               std::span<const std::string> ids);

// Nothing if no model's ledger has it.
StatusOr<std::optional<LedgerRow>> FindLedgerRow(Connection& connection, std::string_view id);

}  // namespace headrace
