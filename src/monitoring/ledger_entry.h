// What the ledger's journal holds: one record is one prediction, or the labels of one call.
//
//   prediction   u8 1 | text id | i64 time | text model | i64 version | text alias | text replay | text request
//                | u64 bits of value | u32 n, n x u64 bits of class values | i64 latency_us | i64 asked_at
//                | text definitions
//                | u32 n, n x feature
//   feature      text name | u8 type | u8 null | 8 bytes, or text for VARCHAR; nothing when null
//   labels       u8 2 | text model | u32 n, n x (text id | u64 bits of label | i64 known_at)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"
#include "monitoring/ledger.h"

namespace headrace {

struct ModelLabels {
  std::string model;
  std::vector<Label> labels;
};

using LedgerEntry = std::variant<Prediction, ModelLabels>;

std::string EncodeEntry(const LedgerEntry& entry);
// Predictions of equal features share one schema: the one in `*features`, which becomes the last one seen.
StatusOr<LedgerEntry> DecodeEntry(std::string_view payload, std::shared_ptr<const Schema>* features);

// kInvalidArgument for what the tables could not hold: values that are not of their feature's type, text that is not
// UTF-8, instants and dates out of DuckDB's range, no id. What passes can be flushed.
Status CheckPrediction(const Prediction& prediction);
Status CheckLabels(const ModelLabels& labels);

}  // namespace headrace
