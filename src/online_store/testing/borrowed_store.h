// A store that outlives what stands on it, as a disk does: whoever owns this one may go, and another may come.
#pragma once

#include "online_store/store.h"

namespace headrace {

class BorrowedStore : public OnlineStore {
 public:
  explicit BorrowedStore(OnlineStore& store) : store_(store) {}
  StatusOr<uint64_t> Append(std::string_view entry) override { return store_.Append(entry); }
  uint64_t LastPosition() const override { return store_.LastPosition(); }
  Status ReadLog(uint64_t after, const LogVisitor& visitor) const override { return store_.ReadLog(after, visitor); }
  Status Sync() override { return store_.Sync(); }
  Status Truncate(uint64_t up_to) override { return store_.Truncate(up_to); }
  uint64_t TruncatedPosition() const override { return store_.TruncatedPosition(); }
  Status WriteStates(const std::vector<StateChange>& changes) override { return store_.WriteStates(changes); }
  Status WriteCheckpoint(const Checkpoint& checkpoint) override { return store_.WriteCheckpoint(checkpoint); }
  uint64_t CheckpointPosition() const override { return store_.CheckpointPosition(); }
  Status ReadStates(std::string_view prefix, const StateVisitor& visitor) const override {
    return store_.ReadStates(prefix, visitor);
  }
  Status ReadStatesInParallel(std::string_view prefix, int threads, const StateVisitor& visitor) const override {
    return store_.ReadStatesInParallel(prefix, threads, visitor);
  }
  StatusOr<std::optional<std::string>> ReadState(std::string_view name) const override {
    return store_.ReadState(name);
  }
  Status DropStates(std::string_view prefix) override { return store_.DropStates(prefix); }
  void SetExpiry(StateExpired expired) override { store_.SetExpiry(std::move(expired)); }
  Status Verify() const override { return store_.Verify(); }
  Status Snapshot(const std::string& folder) const override { return store_.Snapshot(folder); }

 private:
  OnlineStore& store_;
};

}  // namespace headrace
