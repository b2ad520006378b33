// What is kept of each replay, so that its ledger rows can be verified and explained later: .headrace/replays/ID.json.
#pragma once

#include <string>

#include "base/status.h"
#include "base/time.h"

namespace headrace {

struct ReplayRecord {
  std::string id;
  std::string model;
  TimestampUs from = 0;
  TimestampUs to = 0;
};

Status SaveReplay(const std::string& state_folder, const ReplayRecord& record);
StatusOr<ReplayRecord> LoadReplay(const std::string& state_folder, const std::string& id);

}  // namespace headrace
