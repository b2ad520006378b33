// The ledger's side of DuckDB: ledger."MODEL", one table per model, and headrace.ledger_journal, which says up to
// which record a journal is in them.
//
//   headrace.ledger_journal   journal VARCHAR | position BIGINT
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "monitoring/ledger_entry.h"
#include "warehouse/database.h"

namespace headrace {

// The ledger's table of a model: ledger."late_arrival".
std::string LedgerRelation(std::string_view model);

// The table's column that holds feature `feature`, by name and type (see monitoring/ledger.h): its name if the table
// has it, else the name that it is to get.
struct LedgerColumn {
  std::string name;
  bool exists = false;
};
LedgerColumn FindLedgerColumn(const Schema& table, const Field& feature);

// Whether there is a ledger of the model, and what its table's columns are.
StatusOr<std::optional<Schema>> LedgerTableSchema(Connection& connection, std::string_view model);

// Writes the tables. One thread at a time.
class LedgerTables {
 public:
  static StatusOr<std::unique_ptr<LedgerTables>> Open(Database& warehouse);

  // The number of the last record of `journal` that is in the tables; 0 for none.
  StatusOr<uint64_t> Position(std::string_view journal);

  // Brings `entries`, in their order, into the tables, and sets the journal's position, in one transaction.
  Status Apply(std::span<const LedgerEntry* const> entries, std::string_view journal, uint64_t position);

 private:
  // A transaction's work on one model.
  struct Work {
    std::vector<const Prediction*> predictions;
    std::vector<const ModelLabels*> labels;
  };

  explicit LedgerTables(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
  Status GrowTable(const std::string& model, const std::vector<const Prediction*>& predictions);
  Status Insert(const std::string& model, const std::vector<const Prediction*>& predictions);
  Status Update(const std::string& model, const std::vector<const ModelLabels*>& labels);
  Status SetPosition(std::string_view journal, uint64_t position);
  Status ApplyWork(const std::map<std::string, Work>& work, std::string_view journal, uint64_t position);

  std::unique_ptr<Connection> connection_;
  std::map<std::string, Schema> tables_;  // of the models seen
};

}  // namespace headrace
