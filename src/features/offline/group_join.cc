#include "features/offline/group_join.h"

#include <utility>

#include "base/parallel.h"
#include "base/same_bits.h"
#include "kernel/key_events.h"

namespace headrace {
namespace {

bool AnyLate(const EventRows& events, size_t begin, size_t end) {
  if (events.available_at.empty()) return false;
  for (size_t row = begin; row < end; ++row) {
    if (events.available_at[row] > events.event_time[row]) return true;
  }
  return false;
}

}  // namespace

GroupJoin::Answers::Answers(const ViewProgram& program, size_t rows) : cells(program) {
  if (program.is_latest_value()) {
    latest.reserve(rows);
    return;
  }
  for (Column& column : cells.columns) column.Reserve(rows);
}

std::unique_ptr<GroupJoin::Workplace> GroupJoin::TakeWorkplace() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) {
    auto workplace = std::make_unique<Workplace>();
    for (const EventGroup::Member& member : group_.members)
      workplace->sweeps.push_back(std::make_unique<KeySweep>(member.program));
    return workplace;
  }
  std::unique_ptr<Workplace> workplace = std::move(idle_.back());
  idle_.pop_back();
  return workplace;
}

Status GroupJoin::SweepPartition(size_t partition, int threads) {
  std::unique_ptr<Workplace> workplace = TakeWorkplace();
  HR_RETURN_IF_ERROR(partitions_.TakeSorted(partition, keys_.KeysOf(partition), threads, &workplace->sorted));
  for (size_t member = 0; member < group_.members.size(); ++member)
    HR_RETURN_IF_ERROR(SweepKeys(partition, threads, member, workplace.get()));
  partitions_.Free(partition);
  if (threads > 1) return absl::OkStatus();  // a large partition: what it took is more than others need
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(workplace));
  return absl::OkStatus();
}

Status GroupJoin::SweepKeys(size_t partition, int threads, size_t member_index, Workplace* workplace) {
  const EventGroup::Member& member = group_.members[member_index];
  const SortedEvents& sorted = workplace->sorted;
  const EventsView events(sorted.events);
  const size_t num_rows = keys_.RowsOfPartition(partition);
  Answers answers(member.program, num_rows);
  std::vector<LateKey> late;
  std::vector<uint32_t> rows;
  rows.reserve(num_rows);
  for (size_t i = 0; i + 1 < sorted.first_of_key.size(); ++i) {
    const size_t begin = sorted.first_of_key[i];
    const size_t end = sorted.first_of_key[i + 1];
    const size_t key = i * LabelKeys::kPartitions + partition;
    if (leak_meter_ && AnyLate(sorted.events, begin, end)) late.push_back({begin, end, key, rows.size()});
    HR_RETURN_IF_ERROR(SweepKey({events, begin, end, keys_.TimesOf(key), false}, threads,
                                workplace->sweeps[member_index].get(), &answers));
    const std::span<const uint32_t> rows_of_key = keys_.RowsOf(key);
    rows.insert(rows.end(), rows_of_key.begin(), rows_of_key.end());
  }
  overflows_ += answers.cells.overflows;
  HR_ASSIGN_OR_RETURN(std::vector<Column> features, Finish(member, sorted, std::move(answers)));
  if (!late.empty()) HR_RETURN_IF_ERROR(MeasureLeaks(member, sorted, late, features));
  return features_[member_index]->Write(partition, rows, std::move(features));
}

Status GroupJoin::SweepKey(const KeySweep::Key& key, int threads, KeySweep* sweep, Answers* answers) {
  constexpr size_t kWorthThreads = 100'000;  // events
  if (group_.events.is_latest_value()) {
    sweep->FindLatest(key, &answers->latest);
    return absl::OkStatus();
  }
  if (threads == 1 || key.end - key.begin < kWorthThreads) {
    sweep->Run(key, &answers->cells);
    return absl::OkStatus();
  }
  sweep->Locate(key);
  std::atomic<int64_t> overflows = 0;
  HR_RETURN_IF_ERROR(ParallelFor(sweep->num_parts(), threads, [&](size_t part) -> Status {
    overflows += sweep->RunPart(part, key, &answers->cells);
    return absl::OkStatus();
  }));
  answers->cells.overflows += overflows;
  return absl::OkStatus();
}

StatusOr<std::vector<Column>> GroupJoin::Finish(const EventGroup::Member& member, const SortedEvents& sorted,
                                                Answers answers) const {
  if (member.program.is_latest_value()) return partitions_.SlotsAt(sorted, member.slot_of, answers.latest);
  return FinishFeatures(member.program, std::move(answers.cells));
}

// Only keys with an event that was late can differ.
Status GroupJoin::MeasureLeaks(const EventGroup::Member& member, const SortedEvents& sorted,
                               const std::vector<LateKey>& late, const std::vector<Column>& features) {
  KeySweep sweep(member.program);
  const EventsView events(sorted.events);
  Answers answers(member.program, 0);
  std::vector<size_t> rows;  // of the partition, that the cells are to be compared with
  for (const LateKey& key : late) {
    const std::span<const TimestampUs> times = keys_.TimesOf(key.key);
    HR_RETURN_IF_ERROR(SweepKey({events, key.begin, key.end, times, /*ignore_availability=*/true},
                                /*threads=*/1, &sweep, &answers));
    for (size_t i = 0; i < times.size(); ++i) rows.push_back(key.first_row + i);
  }
  HR_ASSIGN_OR_RETURN(const std::vector<Column> ignorant, Finish(member, sorted, std::move(answers)));
  int64_t leaking = 0;
  for (size_t feature = 0; feature < ignorant.size(); ++feature) {
    for (size_t i = 0; i < rows.size(); ++i)
      leaking += SameBits(features[feature], rows[i], ignorant[feature], i) ? 0 : 1;
  }
  leaking_cells_ += leaking;
  return absl::OkStatus();
}

Status GroupJoin::WriteWithoutKey() {
  for (size_t i = 0; i < group_.members.size(); ++i) {
    const ViewProgram& view = *group_.members[i].view;
    FeatureCells nothing(view);
    AppendEmptyCells(view, &nothing);
    HR_ASSIGN_OR_RETURN(std::vector<Column> empty, FinishFeatures(view, std::move(nothing)));
    HR_RETURN_IF_ERROR(features_[i]->WriteWithoutKey(std::move(empty)));
  }
  return absl::OkStatus();
}

}  // namespace headrace
