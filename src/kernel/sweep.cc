#include "kernel/sweep.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <queue>

#include "kernel/tournament.h"

namespace headrace {
namespace {

// What an aggregate keeps while events enter and leave.
class Running {
 public:
  explicit Running(const AggregateCall& call) : call_(call), state_(call) {}

  void Reset(const EventRows& events, size_t begin, size_t count) {
    events_ = &events;
    begin_ = begin;
    if (AggregateState::IsEvictable(call_.kind)) {
      state_ = AggregateState(call_);
    } else {
      tournament_.Reset(count);
    }
  }
  void Enter(uint32_t position) {
    const size_t row = begin_ + position;
    if (!Contributes(call_, *events_, row)) return;
    if (AggregateState::IsEvictable(call_.kind)) {
      state_.Add(*events_, row);
    } else {
      tournament_.Insert(position, better());
    }
  }
  void Leave(uint32_t position) {
    const size_t row = begin_ + position;
    if (!Contributes(call_, *events_, row)) return;
    if (AggregateState::IsEvictable(call_.kind)) {
      state_.Subtract(*events_, row);
    } else {
      tournament_.Remove(position, better());
    }
  }
  bool AppendResult(Column* out) const {
    if (AggregateState::IsEvictable(call_.kind)) return state_.AppendResult(out);
    if (tournament_.best() == Tournament::kNone) {
      out->AppendNull();
    } else {
      AppendExtreme(events_->slots[*call_.argument], begin_ + tournament_.best(), out);
    }
    return false;
  }

 private:
  struct Better {
    const Column& column;
    size_t begin;
    int sign;
    bool operator()(uint32_t a, uint32_t b) const { return sign * CompareCells(column, begin + a, column, begin + b) > 0; }
  };
  Better better() const { return {events_->slots[*call_.argument], begin_, call_.kind == AggregateKind::kMin ? -1 : 1}; }

  AggregateCall call_;
  AggregateState state_;
  Tournament tournament_;
  const EventRows* events_ = nullptr;
  size_t begin_ = 0;
};

constexpr auto kLater = [](uint32_t a, uint32_t b) { return a > b; };

}  // namespace

class KeySweep::WindowSweep {
 public:
  // `window` is nullptr for a latest-value view.
  WindowSweep(const ViewProgram& program, const Window* window, size_t first_cell)
      : program_(program), window_(window), first_cell_(first_cell) {
    if (window != nullptr) {
      for (const AggregateCall& call : program.aggregates) running_.emplace_back(call);
    }
  }

  void Reset(const EventRows& events, size_t begin, size_t end, bool ignore_availability) {
    events_ = &events;
    begin_ = begin;
    count_ = end - begin;
    ignore_availability_ = ignore_availability;
    entered_ = left_ = 0;
    inside_.assign(count_, 0);
    waiting_ = {};
    retracting_ = {};
    for (Running& running : running_) running.Reset(events, begin, count_);
    if (window_ == nullptr) latest_.Reset(count_);
  }

  // Moves to the instant t, not before the last one.
  void AdvanceTo(TimestampUs t) {
    const TimestampUs end = window_ == nullptr ? t : AddSaturated(t, -window_->offset_us);
    const bool end_included = window_ == nullptr;  // a latest value may be of the instant itself
    const std::optional<TimestampUs> start =
        window_ != nullptr && window_->length_us ? std::optional(AddSaturated(end, -*window_->length_us)) : std::nullopt;
    for (; left_ < count_ && start && event_time(left_) < *start; ++left_) Leave(left_);
    for (; entered_ < count_ && (event_time(entered_) < end || (end_included && event_time(entered_) == end)); ++entered_) {
      Arrive(entered_, t);
    }
    for (; !waiting_.empty() && waiting_.top().first <= t; waiting_.pop()) Arrive(waiting_.top().second, t);
    for (; !retracting_.empty() && retracting_.top().first <= t; retracting_.pop()) Leave(retracting_.top().second);
  }

  void AppendCells(TimestampUs t, FeatureCells* cells) const {
    if (window_ == nullptr) return AppendLatest(t, cells);
    for (size_t i = 0; i < running_.size(); ++i) {
      cells->overflows += running_[i].AppendResult(&cells->columns[first_cell_ + i]) ? 1 : 0;
    }
  }

 private:
  using Timed = std::pair<TimestampUs, uint32_t>;
  using SoonestFirst = std::priority_queue<Timed, std::vector<Timed>, std::greater<>>;

  TimestampUs event_time(uint32_t position) const { return events_->event_time[begin_ + position]; }

  // The event is inside the window's time; it enters now, when it becomes visible, or never.
  void Arrive(uint32_t position, TimestampUs t) {
    if (position < left_) return;  // it left before it became visible
    const size_t row = begin_ + position;
    const TimestampUs retracted_at = events_->retracted_at[row];
    if (retracted_at <= t) return;
    if (!ignore_availability_ && events_->available_at[row] > t) {
      waiting_.emplace(events_->available_at[row], position);
      return;
    }
    if (retracted_at != EventRows::kNeverRetracted) retracting_.emplace(retracted_at, position);
    inside_[position] = 1;
    for (Running& running : running_) running.Enter(position);
    if (window_ == nullptr) latest_.Insert(position, kLater);
  }

  void Leave(uint32_t position) {
    if (inside_[position] == 0) return;
    inside_[position] = 0;
    for (Running& running : running_) running.Leave(position);
    if (window_ == nullptr) latest_.Remove(position, kLater);
  }

  void AppendLatest(TimestampUs t, FeatureCells* cells) const {
    uint32_t row = latest_.best();
    if (row != Tournament::kNone && program_.ttl_us && event_time(row) < AddSaturated(t, -*program_.ttl_us)) row = Tournament::kNone;
    for (size_t i = 0; i < cells->columns.size(); ++i) {
      if (row == Tournament::kNone) {
        cells->columns[i].AppendNull();
      } else {
        cells->columns[i].AppendFrom(events_->slots[i], begin_ + row);
      }
    }
  }

  const ViewProgram& program_;
  const Window* window_;
  size_t first_cell_;
  std::vector<Running> running_;
  Tournament latest_;

  const EventRows* events_ = nullptr;
  size_t begin_ = 0;
  uint32_t count_ = 0;
  bool ignore_availability_ = false;
  uint32_t entered_ = 0;  // events before it are inside the window's right end
  uint32_t left_ = 0;     // events before it are outside its left end
  std::vector<uint8_t> inside_;
  SoonestFirst waiting_;     // by available_at
  SoonestFirst retracting_;  // by retracted_at
};

KeySweep::KeySweep(const ViewProgram& program) : program_(program) {
  if (program.is_latest_value()) windows_.push_back(std::make_unique<WindowSweep>(program, nullptr, 0));
  for (size_t i = 0; i < program.windows.size(); ++i) {
    windows_.push_back(std::make_unique<WindowSweep>(program, &program.windows[i], i * program.aggregates.size()));
  }
}

KeySweep::~KeySweep() = default;

void KeySweep::Run(const EventRows& events, size_t begin, size_t end, std::span<const TimestampUs> times, bool ignore_availability,
                   FeatureCells* cells) {
  for (const std::unique_ptr<WindowSweep>& window : windows_) {
    window->Reset(events, begin, end, ignore_availability);
    for (const TimestampUs t : times) {
      window->AdvanceTo(t);
      window->AppendCells(t, cells);
    }
  }
}

}  // namespace headrace
