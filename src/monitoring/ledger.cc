#include "monitoring/ledger.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "absl/container/flat_hash_set.h"
#include "monitoring/journal.h"
#include "monitoring/ledger_entry.h"
#include "monitoring/ledger_reader.h"
#include "monitoring/ledger_tables.h"

namespace headrace {
namespace {

constexpr size_t kEntriesPerFlush = 32768;  // of one transaction
constexpr size_t kUnknownIdsShown = 10;

// Ids are unique over all models, yet a label names both.
std::string WaitingKey(std::string_view model, std::string_view id) {
  return fmt::format("{}\n{}", model, id);
}

}  // namespace

const Schema& LedgerColumns() {
  static const Schema& columns = *new Schema{
      {"id", TypeId::kVarchar},          {"time", TypeId::kTimestamp},       {"model_version", TypeId::kBigint},
      {"alias", TypeId::kVarchar},       {"replay", TypeId::kVarchar},       {"request", TypeId::kVarchar},
      {"value", TypeId::kDouble},        {"class_values", TypeId::kVarchar}, {"latency_us", TypeId::kBigint},
      {"definitions", TypeId::kVarchar}, {"label", TypeId::kDouble},         {"label_known_at", TypeId::kTimestamp},
      {"asked_at", TypeId::kTimestamp}};
  return columns;
}

LedgerScan::LedgerScan(std::unique_ptr<Connection> connection, std::unique_ptr<ResultStream> rows)
    : connection_(std::move(connection)), rows_(std::move(rows)) {}
LedgerScan::~LedgerScan() = default;
const Schema& LedgerScan::schema() const {
  return rows_->schema();
}
StatusOr<std::optional<RecordBatch>> LedgerScan::Next() {
  return rows_->Next();
}

// Writing: several callers' entries form a group; the caller who finds nobody writing writes the group, by one
// write(), and queues its entries. So the queue is in the journal's order, and a flush takes a prefix of it.
//
//   callers -> group_ -> journal -> waiting_ -> tables
class Ledger::Impl {
 public:
  Impl(const LedgerOptions& options, Database& warehouse) : options_(options), warehouse_(warehouse) {}
  ~Impl() { StopFlushing(); }

  Status Open();
  Status Add(std::vector<LedgerEntry> entries);
  StatusOr<LabelCounts> AddLabels(std::string_view model, std::span<const Label> labels);
  Status Flush();
  Status Close();
  StatusOr<std::unique_ptr<Connection>> ConnectFlushed();

  size_t waiting_bytes() const {
    const std::lock_guard lock(mutex_);
    return waiting_bytes_;
  }
  Status last_flush_status() const {
    const std::lock_guard lock(mutex_);
    return last_flush_status_;
  }

 private:
  struct Waiting {
    LedgerEntry entry;
    size_t bytes = 0;  // of its record
  };
  // One caller's part of a group.
  struct Part {
    std::vector<LedgerEntry> entries;
    std::vector<std::string> records;
    size_t bytes = 0;
    Status status;
    bool done = false;
  };

  Status Recover();
  void WriteGroup(std::unique_lock<std::mutex>& lock);
  void Enqueue(LedgerEntry entry, size_t bytes);
  StatusOr<size_t> FlushSome();
  void FlushInBackground();
  void StopFlushing();
  StatusOr<absl::flat_hash_set<std::string>> KnownIds(std::string_view model, std::span<const Label> labels);

  const LedgerOptions options_;
  Database& warehouse_;
  std::unique_ptr<Journal> journal_;
  std::thread flusher_;

  std::mutex flush_mutex_;  // one flush at a time; taken before mutex_
  std::unique_ptr<LedgerTables> tables_;

  std::mutex lookup_mutex_;
  std::unique_ptr<Connection> lookup_;  // finds the ids of labels

  mutable std::mutex mutex_;
  std::condition_variable written_;
  std::condition_variable wake_flusher_;
  std::vector<Part*> group_;
  bool writing_ = false;
  bool closed_ = false;
  bool stop_flusher_ = false;
  std::deque<Waiting> waiting_;
  absl::flat_hash_set<std::string> waiting_ids_;
  size_t waiting_bytes_ = 0;
  uint64_t last_number_ = 0;  // of the last entry that was ever queued
  uint64_t flushed_ = 0;      // of the last one that is in the tables
  Status last_flush_status_;
};

Status Ledger::Impl::Open() {
  HR_ASSIGN_OR_RETURN(tables_, LedgerTables::Open(warehouse_));
  HR_ASSIGN_OR_RETURN(lookup_, warehouse_.Connect());
  HR_ASSIGN_OR_RETURN(journal_, Journal::Open(options_.folder, options_.segment_bytes));
  HR_RETURN_IF_ERROR(Recover());
  HR_RETURN_IF_ERROR(Flush());
  flusher_ = std::thread([this] { FlushInBackground(); });
  return absl::OkStatus();
}

Status Ledger::Impl::Recover() {
  HR_ASSIGN_OR_RETURN(flushed_, tables_->Position(journal_->id()));
  // The tables are synced, the journal is not: the machine may have died between.
  if (flushed_ > journal_->last_number()) HR_RETURN_IF_ERROR(journal_->RestartAfter(flushed_));
  last_number_ = journal_->last_number();
  std::shared_ptr<const Schema> features;
  return journal_->Read(flushed_, [&](uint64_t number, std::string_view payload) -> Status {
    StatusOr<LedgerEntry> entry = DecodeEntry(payload, &features);
    if (!entry.ok()) return Annotate(entry.status(), fmt::format("{}: record {}", options_.folder, number));
    Enqueue(*std::move(entry), payload.size());
    return absl::OkStatus();
  });
}

// With mutex_ held, but for recovery.
void Ledger::Impl::Enqueue(LedgerEntry entry, size_t bytes) {
  if (const auto* p = std::get_if<Prediction>(&entry)) waiting_ids_.insert(WaitingKey(p->model, p->id));
  waiting_.push_back({std::move(entry), bytes});
  waiting_bytes_ += bytes;
}

Status Ledger::Impl::Add(std::vector<LedgerEntry> entries) {
  Part part;
  part.records.reserve(entries.size());
  for (const LedgerEntry& entry : entries) part.bytes += part.records.emplace_back(EncodeEntry(entry)).size();
  part.entries = std::move(entries);
  std::unique_lock lock(mutex_);
  if (closed_) return FailedPrecondition("the ledger is closed");
  if (waiting_bytes_ + part.bytes > options_.max_waiting_bytes) {
    return ResourceExhausted("{} bytes of predictions wait to be brought into the warehouse{}", waiting_bytes_,
                             last_flush_status_.ok() ? "" : fmt::format(": {}", Message(last_flush_status_)));
  }
  group_.push_back(&part);
  written_.wait(lock, [&] { return part.done || !writing_; });
  if (!part.done) WriteGroup(lock);
  return part.status;
}

void Ledger::Impl::WriteGroup(std::unique_lock<std::mutex>& lock) {
  const std::vector<Part*> group = std::exchange(group_, {});
  writing_ = true;
  lock.unlock();
  std::vector<std::string> records;
  for (Part* part : group) std::move(part->records.begin(), part->records.end(), std::back_inserter(records));
  const StatusOr<uint64_t> first = journal_->Append(records);
  lock.lock();
  writing_ = false;
  size_t at = 0;
  for (Part* part : group) {
    part->status = first.status();
    part->done = true;
    if (!first.ok()) continue;
    for (LedgerEntry& entry : part->entries) Enqueue(std::move(entry), records[at++].size());
  }
  if (first.ok()) last_number_ = *first + records.size() - 1;
  written_.notify_all();
  if (waiting_bytes_ >= options_.flush_bytes) wake_flusher_.notify_one();
}

// With flush_mutex_ held: brings the first of what waits into the tables; gives how many entries that were.
StatusOr<size_t> Ledger::Impl::FlushSome() {
  std::vector<const LedgerEntry*> entries;
  {
    const std::lock_guard lock(mutex_);
    const size_t count = std::min(waiting_.size(), kEntriesPerFlush);
    // A deque's elements stay in their place while others are pushed behind them.
    for (size_t i = 0; i < count; ++i) entries.push_back(&waiting_[i].entry);
  }
  if (entries.empty()) return 0;
  const uint64_t position = flushed_ + entries.size();
  const Status status = tables_->Apply(entries, journal_->id(), position);
  const std::lock_guard lock(mutex_);
  last_flush_status_ = status;
  if (!status.ok()) return status;
  flushed_ = position;
  for (size_t i = 0; i < entries.size(); ++i) {
    const Waiting& front = waiting_.front();
    if (const auto* p = std::get_if<Prediction>(&front.entry)) waiting_ids_.erase(WaitingKey(p->model, p->id));
    waiting_bytes_ -= front.bytes;
    waiting_.pop_front();
  }
  return entries.size();
}

Status Ledger::Impl::Flush() {
  uint64_t target = 0;
  {
    const std::lock_guard lock(mutex_);
    target = last_number_;
  }
  const std::lock_guard only(flush_mutex_);
  bool flushed = false;
  while (flushed_ < target) {
    HR_ASSIGN_OR_RETURN(const size_t count, FlushSome());
    if (count == 0) return Internal("the ledger's queue ends at {}, not at {}", flushed_, target);
    flushed = true;
  }
  return flushed ? journal_->DropThrough(flushed_) : absl::OkStatus();
}

void Ledger::Impl::FlushInBackground() {
  const auto interval = std::chrono::microseconds(options_.flush_interval);
  std::unique_lock lock(mutex_);
  while (!stop_flusher_) {
    // After a failure the next attempt waits its time, however much there is to do.
    wake_flusher_.wait_for(lock, interval, [this] {
      return stop_flusher_ || (waiting_bytes_ >= options_.flush_bytes && last_flush_status_.ok());
    });
    if (stop_flusher_) break;
    lock.unlock();
    const Status status = Flush();
    lock.lock();
    last_flush_status_ = status;
  }
}

void Ledger::Impl::StopFlushing() {
  {
    const std::lock_guard lock(mutex_);
    stop_flusher_ = true;
  }
  wake_flusher_.notify_all();
  if (flusher_.joinable()) flusher_.join();
}

Status Ledger::Impl::Close() {
  {
    std::unique_lock lock(mutex_);
    if (std::exchange(closed_, true)) return absl::OkStatus();
    written_.wait(lock, [this] { return group_.empty() && !writing_; });
  }
  StopFlushing();
  return Flush();
}

StatusOr<std::unique_ptr<Connection>> Ledger::Impl::ConnectFlushed() {
  HR_RETURN_IF_ERROR(Flush());
  return warehouse_.Connect();
}

// First what waits, then the tables: an entry leaves the queue only once its row is committed.
StatusOr<absl::flat_hash_set<std::string>> Ledger::Impl::KnownIds(std::string_view model,
                                                                  std::span<const Label> labels) {
  absl::flat_hash_set<std::string> known;
  std::vector<std::string> others;
  {
    const std::lock_guard lock(mutex_);
    for (const Label& label : labels) {
      if (waiting_ids_.contains(WaitingKey(model, label.id))) {
        known.insert(label.id);
      } else {
        others.push_back(label.id);
      }
    }
  }
  if (others.empty()) return known;
  const std::lock_guard lock(lookup_mutex_);
  HR_ASSIGN_OR_RETURN(const std::vector<std::string> existing, ExistingIds(*lookup_, model, others));
  known.insert(existing.begin(), existing.end());
  return known;
}

StatusOr<LabelCounts> Ledger::Impl::AddLabels(std::string_view model, std::span<const Label> labels) {
  ModelLabels found;
  found.model = model;
  found.labels.assign(labels.begin(), labels.end());
  HR_RETURN_IF_ERROR(CheckLabels(found));
  HR_ASSIGN_OR_RETURN(const auto known, KnownIds(model, labels));
  LabelCounts counts;
  std::erase_if(found.labels, [&](const Label& label) {
    if (known.contains(label.id)) return false;
    if (counts.unknown++ < static_cast<int64_t>(kUnknownIdsShown)) counts.unknown_ids.push_back(label.id);
    return true;
  });
  counts.joined = static_cast<int64_t>(found.labels.size());
  if (found.labels.empty()) return counts;
  std::vector<LedgerEntry> entries;
  entries.emplace_back(std::move(found));
  HR_RETURN_IF_ERROR(Add(std::move(entries)));
  return counts;
}

Ledger::Ledger(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Ledger::~Ledger() {
  impl_->Close().IgnoreError();
}

StatusOr<std::unique_ptr<Ledger>> Ledger::Open(const LedgerOptions& options, Database& warehouse) {
  auto impl = std::make_unique<Impl>(options, warehouse);
  HR_RETURN_IF_ERROR(impl->Open());
  return std::unique_ptr<Ledger>(new Ledger(std::move(impl)));
}

Status Ledger::Append(std::span<const Prediction> predictions) {
  if (predictions.empty()) return absl::OkStatus();
  for (const Prediction& prediction : predictions) HR_RETURN_IF_ERROR(CheckPrediction(prediction));
  return impl_->Add(std::vector<LedgerEntry>(predictions.begin(), predictions.end()));
}

StatusOr<LabelCounts> Ledger::AddLabels(std::string_view model, std::span<const Label> labels) {
  return impl_->AddLabels(model, labels);
}

Status Ledger::Flush() {
  return impl_->Flush();
}
Status Ledger::Close() {
  return impl_->Close();
}

StatusOr<std::vector<std::string>> Ledger::Models() {
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, impl_->ConnectFlushed());
  return ModelsWithLedger(*connection);
}

StatusOr<std::unique_ptr<LedgerScan>> Ledger::Scan(std::string_view model, const LedgerFilter& filter) {
  HR_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, impl_->ConnectFlushed());
  HR_ASSIGN_OR_RETURN(const std::string sql, LedgerScanSql(*connection, model, filter));
  HR_ASSIGN_OR_RETURN(std::unique_ptr<ResultStream> rows, connection->Query(sql));
  return std::unique_ptr<LedgerScan>(new LedgerScan(std::move(connection), std::move(rows)));
}

StatusOr<std::vector<LedgerPart>> Ledger::Parts(std::string_view model) {
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, impl_->ConnectFlushed());
  return LedgerParts(*connection, model);
}

StatusOr<LedgerRow> Ledger::FindPrediction(std::string_view id) {
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, impl_->ConnectFlushed());
  HR_ASSIGN_OR_RETURN(std::optional<LedgerRow> row, FindLedgerRow(*connection, id));
  if (!row) return NotFound("no prediction '{}' is in the ledger", id);
  return *std::move(row);
}

size_t Ledger::waiting_bytes() const {
  return impl_->waiting_bytes();
}
Status Ledger::last_flush_status() const {
  return impl_->last_flush_status();
}

}  // namespace headrace
