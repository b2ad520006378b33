#include "online_store/memory/memory_store.h"

#include <algorithm>

namespace headrace {

StatusOr<uint64_t> MemoryStore::Append(std::string_view entry) {
  const std::lock_guard lock(mutex_);
  log_.emplace_back(entry);
  return truncated_ + log_.size();
}

uint64_t MemoryStore::LastPosition() const {
  const std::lock_guard lock(mutex_);
  return truncated_ + log_.size();
}

Status MemoryStore::ReadLog(uint64_t after, const LogVisitor& visitor) const {
  // As they are now; the visitor may come back for states, or write some.
  std::vector<std::string> entries;
  {
    const std::lock_guard lock(mutex_);
    if (after < truncated_)
      return absl::OutOfRangeError(fmt::format("online store: the log begins after entry {}", truncated_));
    entries.assign(log_.begin() + static_cast<ptrdiff_t>(std::min<uint64_t>(after - truncated_, log_.size())),
                   log_.end());
  }
  for (const std::string& entry : entries) HR_RETURN_IF_ERROR(visitor(++after, entry));
  return absl::OkStatus();
}

Status MemoryStore::Truncate(uint64_t up_to) {
  const std::lock_guard lock(mutex_);
  if (up_to > checkpoint_position_)
    return FailedPrecondition("online store: no checkpoint includes log entry {} yet", up_to);
  if (up_to <= truncated_) return absl::OkStatus();
  log_.erase(log_.begin(), log_.begin() + static_cast<ptrdiff_t>(up_to - truncated_));
  truncated_ = up_to;
  return absl::OkStatus();
}

uint64_t MemoryStore::TruncatedPosition() const {
  const std::lock_guard lock(mutex_);
  return truncated_;
}

Status MemoryStore::WriteStates(const std::vector<StateChange>& changes) {
  const std::lock_guard lock(mutex_);
  for (const StateChange& change : changes) {
    if (change.append) {
      states_[change.name] += change.bytes;
    } else if (change.bytes.empty()) {
      states_.erase(change.name);
    } else {
      states_[change.name] = change.bytes;
    }
  }
  return absl::OkStatus();
}

Status MemoryStore::WriteCheckpoint(const Checkpoint& checkpoint) {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, bytes] : checkpoint.states) {
    if (bytes.empty()) {
      states_.erase(name);
    } else {
      states_[name] = bytes;
    }
  }
  checkpoint_position_ = checkpoint.position;
  if (expired_) std::erase_if(states_, [&](const auto& state) { return expired_(state.first, state.second); });
  return absl::OkStatus();
}

void MemoryStore::SetExpiry(StateExpired expired) {
  const std::lock_guard lock(mutex_);
  expired_ = std::move(expired);
}

uint64_t MemoryStore::CheckpointPosition() const {
  const std::lock_guard lock(mutex_);
  return checkpoint_position_;
}

Status MemoryStore::ReadStates(std::string_view prefix, const StateVisitor& visitor) const {
  const std::lock_guard lock(mutex_);
  for (auto it = states_.lower_bound(prefix); it != states_.end() && it->first.starts_with(prefix); ++it) {
    HR_RETURN_IF_ERROR(visitor(it->first, it->second));
  }
  return absl::OkStatus();
}

StatusOr<std::optional<std::string>> MemoryStore::ReadState(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto it = states_.find(name);
  return it == states_.end() ? std::nullopt : std::optional(it->second);
}

Status MemoryStore::DropStates(std::string_view prefix) {
  const std::lock_guard lock(mutex_);
  auto it = states_.lower_bound(prefix);
  while (it != states_.end() && it->first.starts_with(prefix)) it = states_.erase(it);
  return absl::OkStatus();
}

}  // namespace headrace
