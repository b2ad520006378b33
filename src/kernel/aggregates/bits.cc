// bool_and, bool_or, bit_and, bit_or, bit_xor: from how many rows have each bit.
#include <array>

#include "kernel/aggregates/states.h"

namespace headrace::aggregates {
namespace {

class BitState final : public MergeableState<BitState> {
 public:
  static constexpr StateForm kForm = StateForm::kBits;
  void Encode(ByteWriter* out) const override {
    out->PutI64(count_);
    out->PutU8(static_cast<uint8_t>(bits_));
    for (size_t bit = 0; bit < bits_; ++bit) out->PutI64(ones_[bit]);
  }
  Status Decode(ByteReader* in) override {
    uint8_t bits = 0;
    HR_RETURN_IF_ERROR(GetRows(in, &count_));
    HR_RETURN_IF_ERROR(in->GetU8(&bits));
    if (bits != bits_) return DataLoss("{} bits in the place of {}", bits, bits_);
    for (size_t bit = 0; bit < bits_; ++bit) {
      HR_RETURN_IF_ERROR(GetRows(in, &ones_[bit]));
      if (ones_[bit] > count_) return DataLoss("{} of {} rows have a bit", ones_[bit], count_);
    }
    return absl::OkStatus();
  }

  explicit BitState(const AggregateCall& call)
      : kind_(call.kind), slot_(*call.argument), bits_(call.argument_type == TypeId::kBoolean ? 1 : 64) {}

  void Add(const EventsView& rows, size_t row) override { Accumulate(rows, row, +1); }
  void Subtract(const EventsView& rows, size_t row) override { Accumulate(rows, row, -1); }
  void MergeSame(const BitState& other) {
    count_ += other.count_;
    for (size_t bit = 0; bit < bits_; ++bit) ones_[bit] += other.ones_[bit];
  }
  bool AppendResult(TimestampUs, Column* out) const override {
    if (count_ == 0) {
      out->AppendNull();
      return false;
    }
    uint64_t result = 0;
    for (size_t bit = 0; bit < bits_; ++bit) result |= static_cast<uint64_t>(IsSet(ones_[bit])) << bit;
    out->AppendInt(static_cast<int64_t>(result));
    return false;
  }

 private:
  void Accumulate(const EventsView& rows, size_t row, int sign) {
    count_ += sign;
    const auto value = static_cast<uint64_t>(rows.slots[slot_].ints()[row]);
    for (size_t bit = 0; bit < bits_; ++bit) ones_[bit] += ((value >> bit) & 1) != 0 ? sign : 0;
  }
  bool IsSet(int64_t ones) const {
    if (kind_ == AggregateKind::kBitXor) return ones % 2 != 0;
    const bool needs_all = kind_ == AggregateKind::kBoolAnd || kind_ == AggregateKind::kBitAnd;
    return needs_all ? ones == count_ : ones > 0;
  }

  const AggregateKind kind_;
  const size_t slot_;
  const size_t bits_;
  int64_t count_ = 0;
  std::array<int64_t, 64> ones_{};
};

}  // namespace

std::unique_ptr<AggregateState> MakeBitState(const AggregateCall& call) {
  return std::make_unique<BitState>(call);
}

}  // namespace headrace::aggregates
