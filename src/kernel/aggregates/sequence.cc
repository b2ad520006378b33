// Aggregates of the events in the order: first, last, nth_last, the lists of first and last, arg_min, arg_max, product,
// ew_avg, rate, drawdown, and those of the events' instants alone. Their states hold the events; the value is one pass
// over them.
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "base/nested.h"
#include "kernel/aggregate.h"
#include "kernel/aggregates/decayed_average.h"
#include "kernel/aggregates/log_product.h"
#include "kernel/aggregates/states.h"
#include "kernel/computed_double.h"

namespace headrace::aggregates {
namespace {

using K = AggregateKind;

struct Place {
  TimestampUs event_time;
  TimestampUs available_at;
  int64_t ingest;
  auto operator<=>(const Place&) const = default;
};

struct Entry {
  Value value;
  Value compared;  // arg_min, arg_max
};

constexpr double kUsPerSecondDouble = 1e6;

class SequenceState final : public MergeableState<SequenceState> {
 public:
  static constexpr StateForm kForm = StateForm::kSequence;
  void Encode(ByteWriter* out) const override {
    out->PutU32(static_cast<uint32_t>(entries_.size()));
    for (const auto& [place, entry] : entries_) {
      out->PutI64(place.event_time);
      out->PutI64(place.available_at);
      out->PutI64(place.ingest);
      out->PutValue(entry.value);
      out->PutType(entry.compared.is_null() ? TypeId::kBoolean : entry.compared.type());
      out->PutValue(entry.compared);
    }
  }
  Status Decode(ByteReader* in) override {
    uint32_t count = 0;
    HR_RETURN_IF_ERROR(in->GetU32(&count));
    entries_.clear();
    for (uint32_t i = 0; i < count; ++i) HR_RETURN_IF_ERROR(DecodeEntry(in));
    return absl::OkStatus();
  }

  explicit SequenceState(const AggregateCall& call) : call_(call) {}

  void Add(const EventsView& rows, size_t row) override {
    Entry entry;
    if (call_.argument) entry.value = rows.slots[*call_.argument].GetValue(row);
    if (call_.second) entry.compared = rows.slots[*call_.second].GetValue(row);
    entries_.emplace(PlaceOf(rows, row), std::move(entry));
  }
  void Subtract(const EventsView& rows, size_t row) override { entries_.erase(PlaceOf(rows, row)); }
  void MergeSame(const SequenceState& other) { entries_.insert(other.entries_.begin(), other.entries_.end()); }

  bool AppendResult(TimestampUs t, Column* out) const override {
    if (IsList(call_.result_type)) {
      AppendList(out);
    } else if (call_.result_type == TypeId::kDouble && !TakesValue()) {
      AppendNumber(Number(t), out);
    } else if (call_.kind == K::kCountDays || call_.kind == K::kSessions) {
      out->AppendInt(call_.kind == K::kCountDays ? CountDays() : CountSessions());
    } else {
      out->Append(Chosen());
    }
    return false;
  }

 private:
  static Place PlaceOf(const EventsView& rows, size_t row) {
    return {rows.event_time[row], rows.available_at[row], rows.ingest[row]};
  }

  Status DecodeEntry(ByteReader* in) {
    Place place{};
    Entry entry;
    HR_RETURN_IF_ERROR(in->GetI64(&place.event_time));
    HR_RETURN_IF_ERROR(in->GetI64(&place.available_at));
    HR_RETURN_IF_ERROR(in->GetI64(&place.ingest));
    HR_ASSIGN_OR_RETURN(entry.value, in->GetValue(call_.argument_type));
    HR_ASSIGN_OR_RETURN(const TypeId compared_type, in->GetType());
    HR_ASSIGN_OR_RETURN(entry.compared, in->GetValue(compared_type));
    const bool ascends = entries_.empty() || entries_.rbegin()->first < place;
    const bool comparable = entry.compared.is_null() != call_.second.has_value() &&
                            (entries_.empty() || entry.compared.is_null() ||
                             entry.compared.type() == entries_.begin()->second.compared.type());
    const bool has_value = !entry.value.is_null() || !call_.argument || NullIsValue(call_.kind);
    if (!ascends || !comparable || !has_value) return DataLoss("a damaged event of a sequence");
    entries_.emplace_hint(entries_.end(), place, std::move(entry));
    return absl::OkStatus();
  }

  // Whether the result is the value of one event.
  bool TakesValue() const {
    return call_.kind == K::kFirst || call_.kind == K::kLast || call_.kind == K::kNthLast || call_.kind == K::kArgMin ||
           call_.kind == K::kArgMax;
  }
  size_t nth() const { return static_cast<size_t>(call_.parameter); }

  static void AppendNumber(const std::optional<double>& number, Column* out) {
    if (number) {
      out->AppendDouble(AggregatedDouble(*number));
    } else {
      out->AppendNull();
    }
  }

  // Rule 21: the oldest first; null when there is none.
  void AppendList(Column* out) const {
    if (entries_.empty()) return out->AppendNull();
    const size_t length = std::min(nth(), entries_.size());
    auto from = entries_.begin();
    if (call_.kind == K::kLastList) from = std::prev(entries_.end(), static_cast<ptrdiff_t>(length));
    Column elements(call_.argument_type);
    for (size_t i = 0; i < length; ++i, ++from) elements.Append(from->second.value);
    out->AppendString(EncodeList(elements));
  }

  Value Chosen() const {
    if (entries_.empty()) return Value::Null();
    if (call_.kind == K::kFirst) return entries_.begin()->second.value;
    if (call_.kind == K::kLast) return entries_.rbegin()->second.value;
    if (call_.kind == K::kNthLast)
      return nth() > entries_.size() ? Value::Null()
                                     : std::prev(entries_.end(), static_cast<ptrdiff_t>(nth()))->second.value;
    // Rule 20: among equals the first in the order.
    auto best = entries_.begin();
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
      const int order = CompareValues(it->second.compared, best->second.compared);
      if (call_.kind == K::kArgMin ? order < 0 : order > 0) best = it;
    }
    return best->second.value;
  }

  std::optional<double> Number(TimestampUs t) const {
    if (entries_.empty()) return std::nullopt;
    switch (call_.kind) {
      case K::kProduct:
        return Product();
      case K::kEwAvg:
        return EwAvg();
      case K::kRate:
        return Rate();
      case K::kDrawdown:
        return Drawdown();
      case K::kSecondsSinceLast:
        return Seconds(t, entries_.rbegin()->first);
      case K::kSecondsSinceNthLast:
        return nth() > entries_.size()
                   ? std::nullopt
                   : std::optional(Seconds(t, std::prev(entries_.end(), static_cast<ptrdiff_t>(nth()))->first));
      default:
        return LongestGap();
    }
  }

  // Instants may lie farther apart than 64 bits say.
  static double Microseconds(TimestampUs from, TimestampUs to) {
    return static_cast<double>(static_cast<__int128>(to) - from);
  }
  static double Seconds(TimestampUs t, const Place& place) {
    return Microseconds(place.event_time, t) / kUsPerSecondDouble;
  }

  double Product() const {
    LogProduct product;
    for (const auto& [place, entry] : entries_) product.Multiply(entry.value.dbl());
    return product.Round();
  }

  double EwAvg() const {
    DecayedAverage average(static_cast<DurationUs>(call_.parameter));
    for (const auto& [place, entry] : entries_) average.Add(place.event_time, entry.value.dbl());
    return average.Round();
  }

  // From the first value to the last, per second; null while no time lies between them.
  std::optional<double> Rate() const {
    const auto& [first, first_entry] = *entries_.begin();
    const auto& [last, last_entry] = *entries_.rbegin();
    if (last.event_time == first.event_time) return std::nullopt;
    return (last_entry.value.dbl() - first_entry.value.dbl()) /
           (Microseconds(first.event_time, last.event_time) / kUsPerSecondDouble);
  }

  // The largest fall from a value to a later one; 0 when none is lower than one before.
  double Drawdown() const {
    double peak = entries_.begin()->second.value.dbl();
    double largest = 0;
    for (const auto& [place, entry] : entries_) {
      const double v = entry.value.dbl();
      if (std::isnan(v)) return v;
      if (v > peak) peak = v;
      if (peak > v && peak - v > largest) largest = peak - v;
    }
    return largest;
  }

  // In seconds, between neighbours; null of a single event.
  std::optional<double> LongestGap() const {
    if (entries_.size() < 2) return std::nullopt;
    double longest = 0;
    TimestampUs before = entries_.begin()->first.event_time;
    for (const auto& [place, entry] : entries_) {
      longest = std::max(longest, Microseconds(before, place.event_time));
      before = place.event_time;
    }
    return longest / kUsPerSecondDouble;
  }

  // Days of UTC.
  int64_t CountDays() const {
    std::set<int64_t> days;
    for (const auto& [place, entry] : entries_) {
      const int64_t day = place.event_time / kUsPerDay;
      days.insert(place.event_time % kUsPerDay < 0 ? day - 1 : day);
    }
    return static_cast<int64_t>(days.size());
  }

  // Runs of events with no more than the gap between neighbours.
  int64_t CountSessions() const {
    int64_t sessions = 0;
    TimestampUs before = 0;
    for (const auto& [place, entry] : entries_) {
      if (sessions == 0 || Microseconds(before, place.event_time) > call_.parameter) ++sessions;
      before = place.event_time;
    }
    return sessions;
  }

  const AggregateCall call_;
  std::map<Place, Entry> entries_;
};

}  // namespace

std::unique_ptr<AggregateState> MakeSequenceState(const AggregateCall& call) {
  return std::make_unique<SequenceState>(call);
}

}  // namespace headrace::aggregates
