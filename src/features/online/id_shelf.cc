#include "features/online/id_shelf.h"

#include <algorithm>
#include <random>

#include "base/codec.h"

namespace headrace {
namespace {

std::string NewPrefix() {
  std::random_device random;
  return fmt::format("{}{:08x}{:08x}/", IdShelf::kAllShelves, random(), random());
}

std::string EncodeArrival(TimestampUs arrival) {
  ByteWriter out;
  out.PutI64(arrival);
  return std::move(out).Finish();
}

StatusOr<TimestampUs> DecodeArrival(std::string_view bytes) {
  ByteReader in(bytes);
  TimestampUs arrival = 0;
  HR_RETURN_IF_ERROR(in.GetI64(&arrival));
  return arrival;
}

}  // namespace

IdShelf::IdShelf(OnlineStore& store) : store_(store), prefix_(NewPrefix()) {}

IdShelf::~IdShelf() {
  if (!rows_.empty()) (void)store_.DropStates(prefix_);  // else the next start does
}

bool IdShelf::ArrivedBefore(std::string_view bytes, TimestampUs oldest) {
  const StatusOr<TimestampUs> arrival = DecodeArrival(bytes);
  return arrival.ok() && *arrival < oldest;
}

Status IdShelf::Put(const std::vector<std::pair<std::string, TimestampUs>>& ids) {
  if (ids.empty()) return absl::OkStatus();
  std::vector<OnlineStore::StateChange> changes;
  changes.reserve(ids.size());
  for (const auto& [id, arrival] : ids) changes.push_back({prefix_ + id, EncodeArrival(arrival), false});
  // Neighbours are put beside each other: of ids in no order each would be somewhere else.
  std::sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  HR_RETURN_IF_ERROR(store_.WriteStates(changes));
  rows_.push_back({ids.back().second, ids.size()});
  size_ += ids.size();
  return absl::OkStatus();
}

StatusOr<bool> IdShelf::Contains(std::string_view id, TimestampUs oldest) const {
  if (size_ == 0) return false;
  HR_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, store_.ReadState(prefix_ + std::string(id)));
  if (!bytes) return false;
  HR_ASSIGN_OR_RETURN(const TimestampUs arrival, DecodeArrival(*bytes));
  return arrival >= oldest;
}

Status IdShelf::Visit(TimestampUs oldest, const IdVisitor& visitor) const {
  if (size_ == 0) return absl::OkStatus();
  return store_.ReadStates(prefix_, [&](std::string_view name, std::string_view bytes) -> Status {
    HR_ASSIGN_OR_RETURN(const TimestampUs arrival, DecodeArrival(bytes));
    if (arrival >= oldest) visitor(name.substr(prefix_.size()), arrival);
    return absl::OkStatus();
  });
}

void IdShelf::Expire(TimestampUs oldest) {
  for (; !rows_.empty() && rows_.front().last_arrival < oldest; rows_.pop_front()) size_ -= rows_.front().ids;
}

}  // namespace headrace
