#include "kernel/packed_events.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/prefetch.h"

namespace headrace {
namespace {

constexpr size_t kCompactTextsAtLeast = 256;  // bytes

// A value of fixed width, as its bits; 0 for a null.
int64_t BitsOf(const ColumnView& column, size_t row) {
  int64_t bits = 0;
  if (column.type() == TypeId::kDouble) {
    std::memcpy(&bits, &column.doubles()[row], sizeof bits);
  } else {
    bits = column.ints()[row];
  }
  return bits;
}

// Moves what lies at [position, size) up by one place.
template <typename T>
void OpenGap(T* values, size_t position, size_t size) {
  std::memmove(values + position + 1, values + position, (size - position) * sizeof(T));
}

template <typename T>
void DropFront(T* values, size_t rows, size_t size) {
  std::memmove(values, values + rows, (size - rows) * sizeof(T));
}

}  // namespace

uint8_t* PackedEvents::Validity(size_t slot) const {
  const size_t words = RetractedAt() + (form_.has_retracted ? 1 : 0);
  return reinterpret_cast<uint8_t*>(Words(words)) + slot * form_.capacity;
}

size_t PackedEvents::BytesOf(const Form& form) const {
  const size_t words = RetractedAt() + (form.has_retracted ? 1 : 0);
  return form.capacity * (words * sizeof(int64_t) + (form.has_nulls ? slots_->size() : 0));
}

// The same rows, in memory of another form.
void PackedEvents::Reshape(const Form& form) {
  PackedEvents reshaped(*slots_);
  reshaped.block_.reset(static_cast<int64_t*>(std::malloc(BytesOf(form))));
  if (reshaped.block_ == nullptr) throw std::bad_alloc();
  reshaped.form_ = form;
  for (size_t column = 0; size_ > 0 && column < RetractedAt(); ++column)
    std::memcpy(reshaped.Words(column), Words(column), size_ * sizeof(int64_t));
  if (form_.has_retracted) {
    std::memcpy(reshaped.Words(RetractedAt()), Words(RetractedAt()), size_ * sizeof(int64_t));
  } else if (form.has_retracted) {
    std::fill_n(reshaped.Words(RetractedAt()), size_, EventRows::kNeverRetracted);
  }
  for (size_t slot = 0; form.has_nulls && slot < slots_->size(); ++slot) {
    if (form_.has_nulls) {
      std::copy_n(Validity(slot), size_, reshaped.Validity(slot));
    } else {
      std::fill_n(reshaped.Validity(slot), size_, uint8_t{1});
    }
  }
  block_ = std::move(reshaped.block_);
  form_ = form;
}

// A gap at `position`, in every column.
void PackedEvents::MakeRoom(size_t position, bool retracted, bool null) {
  constexpr uint32_t kDoubledUpTo = 1024;
  Form form = form_;
  form.has_retracted |= retracted;
  form.has_nulls |= null;
  if (size_ == form.capacity)
    form.capacity += form.capacity < kDoubledUpTo ? std::max(form.capacity, 1U) : form.capacity / 4;
  if (form.capacity != form_.capacity || form.has_retracted != form_.has_retracted || form.has_nulls != form_.has_nulls)
    Reshape(form);
  if (position == size_) return;
  const size_t words = RetractedAt() + (form_.has_retracted ? 1 : 0);
  for (size_t column = 0; column < words; ++column) OpenGap(Words(column), position, size_);
  for (size_t slot = 0; form_.has_nulls && slot < slots_->size(); ++slot) OpenGap(Validity(slot), position, size_);
}

void PackedEvents::Reserve(size_t rows) {
  if (rows <= form_.capacity) return;
  Form form = form_;
  form.capacity = static_cast<uint32_t>(rows);
  Reshape(form);
}

uint64_t PackedEvents::AddText(std::string_view text) {
  if (texts_ == nullptr) texts_ = std::make_unique<std::string>();
  const uint64_t begin = texts_->size();
  const auto length = static_cast<uint32_t>(text.size());
  texts_->append(reinterpret_cast<const char*>(&length), sizeof length);
  texts_->append(text);
  return begin;
}

void PackedEvents::Insert(size_t position, const EventsView& events, size_t row) {
  const TimestampUs retracted_at = events.retracted_at.empty() ? EventRows::kNeverRetracted : events.retracted_at[row];
  const bool null =
      std::any_of(events.slots.begin(), events.slots.end(), [&](const ColumnView& slot) { return slot.IsNull(row); });
  MakeRoom(position, retracted_at != EventRows::kNeverRetracted, null);
  Words(kEventTime)[position] = events.event_time[row];
  Words(kAvailableAt)[position] = events.available_at[row];
  Words(kIngest)[position] = events.ingest[row];
  if (form_.has_retracted) Words(RetractedAt())[position] = retracted_at;
  for (size_t slot = 0; slot < slots_->size(); ++slot) {
    const ColumnView& column = events.slots[slot];
    const int64_t bits =
        HoldsBytes(column.type()) ? static_cast<int64_t>(AddText(column.str(row))) : BitsOf(column, row);
    std::memcpy(Words(kFirstSlot + slot) + position, &bits, sizeof bits);
    if (form_.has_nulls) Validity(slot)[position] = column.IsNull(row) ? 0 : 1;
  }
  ++size_;
}

void PackedEvents::EraseFront(size_t rows) {
  const size_t words = RetractedAt() + (form_.has_retracted ? 1 : 0);
  for (size_t column = 0; column < words; ++column) DropFront(Words(column), rows, size_);
  for (size_t slot = 0; form_.has_nulls && slot < slots_->size(); ++slot) DropFront(Validity(slot), rows, size_);
  size_ -= static_cast<uint32_t>(rows);
  if (size_ < form_.capacity / 4) {
    Form form = form_;
    form.capacity = std::max(size_, 1U);
    Reshape(form);
  }
  CompactTexts();
}

// Where more than half of the texts are of rows that are gone.
void PackedEvents::CompactTexts() {
  if (texts_ == nullptr || texts_->size() < kCompactTextsAtLeast) return;
  const EventsView events = view();
  size_t used = 0;
  for (const ColumnView& column : events.slots) {
    for (size_t row = 0; HoldsBytes(column.type()) && row < size_; ++row)
      used += sizeof(uint32_t) + column.str(row).size();
  }
  if (2 * used > texts_->size()) return;
  const std::unique_ptr<std::string> old = std::move(texts_);  // which `events` looks at
  for (size_t slot = 0; slot < slots_->size(); ++slot) {
    const ColumnView& column = events.slots[slot];
    for (size_t row = 0; HoldsBytes(column.type()) && row < size_; ++row)
      Words(kFirstSlot + slot)[row] = static_cast<int64_t>(AddText(column.str(row)));
  }
}

EventsView PackedEvents::view() const {
  EventsView events;
  if (size_ == 0) {
    for (const TypeId type : *slots_) events.slots.emplace_back(type, nullptr, nullptr, 0);
    return events;
  }
  events.event_time = {Words(kEventTime), size_};
  events.available_at = {Words(kAvailableAt), size_};
  events.ingest = {Words(kIngest), size_};
  if (form_.has_retracted) events.retracted_at = {Words(RetractedAt()), size_};
  for (size_t slot = 0; slot < slots_->size(); ++slot) {
    const TypeId type = (*slots_)[slot];
    const int64_t* words = Words(kFirstSlot + slot);
    const uint8_t* validity = form_.has_nulls ? Validity(slot) : nullptr;
    if (HoldsBytes(type)) {
      const ColumnView::PackedTexts texts = {reinterpret_cast<const uint64_t*>(words), texts_->data()};
      events.slots.emplace_back(type, texts, validity, size_);
    } else {
      events.slots.emplace_back(type, static_cast<const void*>(words), validity, size_);
    }
  }
  return events;
}

void PackedEvents::PrefetchEnd() const {
  if (size_ == form_.capacity) return;  // it will move
  for (size_t column = 0; column < RetractedAt(); ++column) PrefetchToWrite(Words(column) + size_, sizeof(int64_t));
}

void PackedEvents::PrefetchFew() const {
  constexpr size_t kFew = 64;
  if (size_ > kFew) return;
  PrefetchToRead(Words(kEventTime), size_ * sizeof(int64_t));
  for (size_t slot = 0; slot < slots_->size(); ++slot)
    PrefetchToRead(Words(kFirstSlot + slot), size_ * sizeof(int64_t));
}

EventRows PackedEvents::Rows() const {
  std::vector<uint32_t> rows(size_);
  for (uint32_t row = 0; row < size_; ++row) rows[row] = row;
  return Take(rows);
}

EventRows PackedEvents::Take(std::span<const uint32_t> rows) const {
  const EventsView events = view();
  EventRows taken;
  for (const TypeId type : *slots_) taken.slots.emplace_back(type);
  for (size_t slot = 0; slot < slots_->size(); ++slot) {
    for (const uint32_t row : rows) events.slots[slot].AppendTo(row, &taken.slots[slot]);
  }
  for (const uint32_t row : rows) {
    taken.event_time.push_back(events.event_time[row]);
    taken.available_at.push_back(events.available_at[row]);
    taken.retracted_at.push_back(events.retracted_at.empty() ? EventRows::kNeverRetracted : events.retracted_at[row]);
    taken.ingest.push_back(events.ingest[row]);
  }
  return taken;
}

size_t PackedEvents::HeapBytes() const {
  return BytesOf(form_) + (texts_ == nullptr ? 0 : sizeof(std::string) + texts_->capacity());
}

}  // namespace headrace
