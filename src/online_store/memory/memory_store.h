// A store without a disk: what tests compare with, and what a replay runs on.
#pragma once

#include <map>
#include <mutex>

#include "online_store/store.h"

namespace headrace {

class MemoryStore : public OnlineStore {
 public:
  StatusOr<uint64_t> Append(std::string_view entry) override;
  uint64_t LastPosition() const override;
  Status ReadLog(uint64_t after, const LogVisitor& visitor) const override;
  Status Sync() override { return absl::OkStatus(); }
  Status Truncate(uint64_t up_to) override;
  uint64_t TruncatedPosition() const override;
  Status WriteStates(const std::vector<StateChange>& changes) override;
  Status WriteCheckpoint(const Checkpoint& checkpoint) override;
  uint64_t CheckpointPosition() const override;
  Status ReadStates(std::string_view prefix, const StateVisitor& visitor) const override;
  StatusOr<std::optional<std::string>> ReadState(std::string_view name) const override;
  Status DropStates(std::string_view prefix) override;
  void SetExpiry(StateExpired expired) override;
  Status Verify() const override { return absl::OkStatus(); }
  Status Snapshot(const std::string&) const override { return FailedPrecondition("a store in memory has no files"); }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> log_;  // the entries after truncated_
  uint64_t truncated_ = 0;
  uint64_t checkpoint_position_ = 0;
  std::map<std::string, std::string, std::less<>> states_;
  StateExpired expired_;
};

}  // namespace headrace
