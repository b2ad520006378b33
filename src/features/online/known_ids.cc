#include "features/online/known_ids.h"

#include <algorithm>

namespace headrace {
namespace {

constexpr size_t kShelvedAtOnce = 10'000;

}  // namespace

void HistoryIds::Add(std::string_view id) {
  if (in_memory_.Contains(id, kMinTimestampUs)) return;
  if (in_memory_.bytes() < memory_bytes_) return in_memory_.Append(id, kMaxTimestampUs);
  to_shelve_.emplace_back(id, kMaxTimestampUs);
  if (to_shelve_.size() >= kShelvedAtOnce) Finish();
}

void HistoryIds::Finish() {
  if (!shelf_.Put(to_shelve_).ok()) {
    for (const auto& [id, arrival] : to_shelve_) in_memory_.Append(id, arrival);
  }
  to_shelve_.clear();
}

StatusOr<bool> HistoryIds::Contains(std::string_view id) const {
  if (in_memory_.Contains(id, kMinTimestampUs)) return true;
  return shelf_.Contains(id, kMinTimestampUs);
}

Status HistoryIds::Visit(const IdVisitor& visitor) const {
  in_memory_.Visit(kMinTimestampUs, visitor);
  return shelf_.Visit(kMinTimestampUs, visitor);
}

StatusOr<bool> KnownIds::Add(std::string_view id, TimestampUs arrival, TimestampUs oldest) {
  if (pushed_.Contains(id, oldest)) return false;
  HR_ASSIGN_OR_RETURN(bool is_known, shelf_.Contains(id, oldest));
  if (!is_known && history_ != nullptr) {
    HR_ASSIGN_OR_RETURN(is_known, history_->Contains(id));
  }
  if (is_known) return false;
  pushed_.Append(id, arrival);
  return true;
}

void KnownIds::Expire(TimestampUs oldest, size_t most) {
  shelf_.Expire(oldest);
  for (size_t i = 0; i < most && !pushed_.empty() && pushed_.FirstArrival() < oldest; ++i) pushed_.DropFirst();
}

Status KnownIds::Shelve(size_t most) {
  while (most > 0 && !pushed_.empty()) {
    std::vector<std::pair<std::string, TimestampUs>> ids;
    pushed_.VisitOldest(std::min(most, kShelvedAtOnce),
                        [&](std::string_view id, TimestampUs arrival) { ids.emplace_back(id, arrival); });
    HR_RETURN_IF_ERROR(shelf_.Put(ids));
    for (size_t i = 0; i < ids.size(); ++i) pushed_.DropFirst();
    most -= ids.size();
  }
  return absl::OkStatus();
}

Status KnownIds::Visit(TimestampUs oldest, const IdVisitor& visitor) const {
  pushed_.Visit(oldest, visitor);
  // One that came again after it had expired is in both, and once known: as it came last.
  HR_RETURN_IF_ERROR(shelf_.Visit(oldest, [&](std::string_view id, TimestampUs arrival) {
    if (!pushed_.Contains(id, oldest)) visitor(id, arrival);
  }));
  return history_ == nullptr ? absl::OkStatus() : history_->Visit(visitor);
}

}  // namespace headrace
