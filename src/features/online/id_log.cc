#include "features/online/id_log.h"

#include <algorithm>
#include <cstring>

namespace headrace {
namespace {

constexpr size_t kBlockBytes = 64 << 10;

template <typename Int>
Int Load(const char* bytes) {
  Int value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

template <typename Int>
void Store(Int value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

}  // namespace

IdLog::IdLog(bool with_arrivals)
    : arrival_bytes_(with_arrivals ? sizeof(TimestampUs) : 0), refs_(0, Hash{this}, Equal{this}) {}

const char* IdLog::At(Ref ref) const {
  return blocks_[(ref >> 32) - first_block_].data() + (ref & 0xFFFFFFFF);
}

std::string_view IdLog::IdAt(Ref ref) const {
  const char* length = At(ref) + arrival_bytes_;
  return {length + sizeof(uint32_t), Load<uint32_t>(length)};
}

TimestampUs IdLog::ArrivalAt(Ref ref) const {
  return arrival_bytes_ == 0 ? kMaxTimestampUs : Load<TimestampUs>(At(ref));
}

size_t IdLog::EntryBytes(Ref ref) const {
  return arrival_bytes_ + sizeof(uint32_t) + IdAt(ref).size();
}

bool IdLog::Contains(std::string_view id, TimestampUs oldest) const {
  const auto it = refs_.find(id);
  return it != refs_.end() && ArrivalAt(*it) >= oldest;
}

void IdLog::Append(std::string_view id, TimestampUs arrival) {
  const size_t bytes = arrival_bytes_ + sizeof(uint32_t) + id.size();
  if (blocks_.empty() || blocks_.back().capacity() - blocks_.back().size() < bytes) {
    blocks_.emplace_back().reserve(std::max(bytes, kBlockBytes));
    block_bytes_ += blocks_.back().capacity();
  }
  std::string& block = blocks_.back();
  const Ref ref = (first_block_ + blocks_.size() - 1) << 32 | block.size();
  if (arrival_bytes_ > 0) Store(arrival, &block);
  Store(static_cast<uint32_t>(id.size()), &block);
  block.append(id);
  if (const auto [it, inserted] = refs_.insert(ref); !inserted) {
    refs_.erase(it);
    refs_.insert(ref);
  }
}

void IdLog::Visit(TimestampUs oldest, const IdVisitor& visitor) const {
  for (const Ref ref : refs_) {
    if (ArrivalAt(ref) >= oldest) visitor(IdAt(ref), ArrivalAt(ref));
  }
}

IdLog::Place IdLog::End() const {
  if (blocks_.empty()) return {first_block_, 0};
  return {first_block_ + blocks_.size() - 1, blocks_.back().size()};
}

void IdLog::EraseRef(Ref ref) {
  const auto it = refs_.find(IdAt(ref));
  if (it != refs_.end() && *it == ref) refs_.erase(it);
}

void IdLog::DropSince(const Place& place) {
  const size_t kept_blocks = place.block - first_block_ + (place.offset > 0 ? 1 : 0);
  size_t offset = place.offset;
  for (size_t i = place.block - first_block_; i < blocks_.size(); ++i, offset = 0) {
    while (offset < blocks_[i].size()) {
      const Ref ref = (first_block_ + i) << 32 | offset;
      offset += EntryBytes(ref);
      EraseRef(ref);
    }
  }
  for (; blocks_.size() > kept_blocks; blocks_.pop_back()) block_bytes_ -= blocks_.back().capacity();
  if (place.offset > 0) blocks_.back().resize(place.offset);
}

TimestampUs IdLog::FirstArrival() const {
  return ArrivalAt(first_block_ << 32 | first_offset_);
}

void IdLog::VisitOldest(size_t most, const IdVisitor& visitor) const {
  size_t offset = first_offset_;
  for (size_t i = 0; i < blocks_.size() && most > 0; ++i, offset = 0) {
    for (; offset < blocks_[i].size() && most > 0; --most) {
      const Ref ref = (first_block_ + i) << 32 | offset;
      visitor(IdAt(ref), ArrivalAt(ref));
      offset += EntryBytes(ref);
    }
  }
}

void IdLog::DropFirst() {
  const Ref ref = first_block_ << 32 | first_offset_;
  first_offset_ += EntryBytes(ref);
  EraseRef(ref);
  if (first_offset_ < blocks_.front().size()) return;
  block_bytes_ -= blocks_.front().capacity();
  blocks_.pop_front();
  ++first_block_;
  first_offset_ = 0;
}

size_t IdLog::bytes() const {
  return block_bytes_ + refs_.capacity() * (sizeof(Ref) + 1);
}

}  // namespace headrace
