// The ledger: every prediction with the feature values that it used, and later its label.
//
//   Append --write()--> journal (.headrace/predictions) --Flush, one transaction--> DuckDB: ledger."MODEL"
//                                                                                   headrace.ledger_journal
//
// A prediction is safe from the process's death when Append returns: its bytes are with the operating system. It is
// safe from the machine's death once flushed. The transaction that brings journal records into the tables also commits
// the number of the last of them, so each is applied exactly once, whenever the process dies. Format of the journal:
// monitoring/journal.h.
//
// ledger."late_arrival":
//   id              VARCHAR
//   time            TIMESTAMP   the prediction's instant
//   model_version   BIGINT
//   alias           VARCHAR     the alias that was asked for, or ""
//   replay          VARCHAR     the replay's id, or "" for a live prediction
//   request         VARCHAR     JSON text: keys and request fields as they were sent
//   value           DOUBLE
//   class_values    VARCHAR     JSON array of doubles, which keep their bits; null unless multiclass
//   latency_us      BIGINT
//   definitions     VARCHAR     hash of the feature definitions
//   label           DOUBLE      null until known
//   label_known_at  TIMESTAMP
//   asked_at        TIMESTAMP   the server's present when it was asked: before `time` for a question about the future
//   "view.feature"  its type    one column per feature of any version; null where the version does not have it
// Rows are in the order of their acknowledgement. When a feature changes its type, or differs from another in case
// only, its new values go to a column of their own: "view.feature::DOUBLE", then "view.feature::DOUBLE::2", ...
// All but NaN payloads keeps its bits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/column.h"
#include "base/status.h"
#include "base/time.h"
#include "warehouse/database.h"

namespace headrace {

struct Prediction {
  std::string id;  // unique over all models
  TimestampUs time = 0;
  TimestampUs asked_at = 0;
  std::string model;
  int64_t version = 0;
  std::string alias;
  std::string replay;
  std::string request_json;
  std::shared_ptr<const Schema> features;  // shared by the predictions of a model's version
  std::vector<Value> values;               // one per feature: null, or of its type
  double value = 0;
  std::vector<double> class_values;  // multiclass: one per class; else empty
  int64_t latency_us = 0;
  std::string definitions;
};

struct Label {
  std::string id;
  double label = 0;
  TimestampUs known_at = 0;
};

struct LabelCounts {
  int64_t joined = 0;
  int64_t unknown = 0;
  std::vector<std::string> unknown_ids;  // the first few
};

struct LedgerOptions {
  std::string folder;  // of the journal; made if missing; one process at a time
  DurationUs flush_interval = kUsPerSecond / 2;
  size_t flush_bytes = 4 << 20;          // a flush begins when so much waits
  size_t max_waiting_bytes = 256 << 20;  // Append refuses past this: DuckDB cannot take what comes
  size_t segment_bytes = 16 << 20;       // of a file of the journal
};

// A row of the ledger as stored.
struct LedgerRow {
  Prediction prediction;  // features: every feature column of the table
  std::optional<double> label;
  std::optional<TimestampUs> label_known_at;
};

// Some of the latest predictions, drawn at random.
struct LedgerSample {
  TimestampUs asked_from = 0;  // of those that were asked then or later
  int64_t rows = 0;            // at most so many
};

struct LedgerFilter {
  std::optional<std::string> replay = {};  // "" for live predictions only
  std::optional<int64_t> version = {};
  std::optional<std::string> id = {};
  // The feature columns to read, which come under these names; without it, all there are. Every one must be there.
  std::optional<Schema> features = {};
  std::optional<LedgerSample> sample = {};
};

// The predictions of one version, in one replay or live: they share their features and the history that they saw.
struct LedgerPart {
  int64_t version = 0;
  std::string replay;  // "" for live predictions
};

// Rows of one model's ledger, in the ledger's order. One thread at a time; the database must live on.
class LedgerScan {
 public:
  ~LedgerScan();
  const Schema& schema() const;  // the fixed columns as above, then the features
  StatusOr<std::optional<RecordBatch>> Next();

 private:
  friend class Ledger;
  LedgerScan(std::unique_ptr<Connection> connection, std::unique_ptr<ResultStream> rows);
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<ResultStream> rows_;
};

// Thread-safe. The database must outlive it.
class Ledger {
 public:
  // Recovers what a dead process left in the journal, and begins to flush in the background. A torn end of the journal
  // is cut off; kDataLoss, naming the file and the byte, for damage anywhere else.
  static StatusOr<std::unique_ptr<Ledger>> Open(const LedgerOptions& options, Database& warehouse);
  ~Ledger();  // closes; an error is lost, but the journal keeps what it holds
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // All of them or, on an error, none. Waits for a write() that several threads share, never for DuckDB.
  // kInvalidArgument if values do not fit their features; kResourceExhausted past max_waiting_bytes.
  Status Append(std::span<const Prediction> predictions);

  // Joins labels to the model's predictions; a later label of an id replaces the earlier one. As safe as Append when it
  // returns; in the table after the next flush. Unknown ids are counted and dropped.
  StatusOr<LabelCounts> AddLabels(std::string_view model, std::span<const Label> labels);

  // Everything that was acknowledged before the call is in the tables when it returns, for every connection.
  Status Flush();

  // Flushes and stops the background thread. Append and AddLabels fail from here on.
  Status Close();

  // Reading flushes first.
  StatusOr<std::vector<std::string>> Models();  // that have a ledger, by name
  StatusOr<std::unique_ptr<LedgerScan>> Scan(std::string_view model, const LedgerFilter& filter = {});
  StatusOr<std::vector<LedgerPart>> Parts(std::string_view model);  // by version, then replay; kNotFound as Scan
  // kNotFound if no model's ledger has it.
  StatusOr<LedgerRow> FindPrediction(std::string_view id);

  size_t waiting_bytes() const;      // acknowledged, not yet in the tables
  Status last_flush_status() const;  // of the background thread: OK, or why the tables lag behind

 private:
  class Impl;
  explicit Ledger(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The columns that every ledger has, in their order.
const Schema& LedgerColumns();

}  // namespace headrace
