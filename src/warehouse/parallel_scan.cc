#include "warehouse/parallel_scan.h"

#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "warehouse/duckdb_handles.h"
#include "warehouse/sql_text.h"
#include "warehouse/vector_reader.h"

namespace headrace {
namespace {

using ScalarFunctionHandle = DuckDbHandle<duckdb_scalar_function, duckdb_destroy_scalar_function>;

// What one thread of a scan reads with.
struct Lane {
  std::vector<VectorReader> readers;
  BatchSink sink;
};

// A running scan. Threads that take part share it.
class Scan {
 public:
  Scan(Schema schema, const std::function<BatchSink()>& make_sink)
      : schema_(std::move(schema)), make_sink_(make_sink) {}

  // A new lane, for the columns of `chunk` after its first.
  StatusOr<Lane*> AddLane(duckdb_data_chunk chunk) {
    auto lane = std::make_unique<Lane>();
    if (duckdb_data_chunk_get_column_count(chunk) != schema_.size() + 1)
      return InvalidArgument("headrace_sink is not for queries");
    for (size_t i = 0; i < schema_.size(); ++i) {
      const LogicalTypeHandle type(duckdb_vector_get_column_type(duckdb_data_chunk_get_vector(chunk, i + 1)));
      HR_ASSIGN_OR_RETURN(VectorReader reader, VectorReader::Create(schema_[i].name, type.get()));
      lane->readers.push_back(std::move(reader));
    }
    const std::lock_guard lock(mutex_);
    lane->sink = make_sink_();
    lanes_.push_back(std::move(lane));
    return lanes_.back().get();
  }

  Status Take(const Lane& lane, duckdb_data_chunk chunk) const {
    RecordBatch batch;
    batch.schema = schema_;
    batch.num_rows = duckdb_data_chunk_get_size(chunk);
    batch.columns.reserve(lane.readers.size());
    for (size_t i = 0; i < lane.readers.size(); ++i) {
      HR_ASSIGN_OR_RETURN(Column column,
                          lane.readers[i].Read(duckdb_data_chunk_get_vector(chunk, i + 1), batch.num_rows));
      batch.columns.push_back(std::move(column));
    }
    return lane.sink(std::move(batch));
  }

  void Fail(const Status& status) {
    const std::lock_guard lock(mutex_);
    if (error_.ok()) error_ = status;
  }
  Status error() const { return error_; }

 private:
  const Schema schema_;
  const std::function<BatchSink()>& make_sink_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  Status error_;
};

// The running scans of the process, by the number that the SQL carries: a user's SQL may call the function as well,
// and must not be able to make it follow a pointer.
class RunningScans {
 public:
  static RunningScans& Get() {
    static auto* const scans = new RunningScans();
    return *scans;
  }
  uint64_t Add(std::shared_ptr<Scan> scan) {
    const std::lock_guard lock(mutex_);
    scans_[++last_] = std::move(scan);
    return last_;
  }
  void Remove(uint64_t id) {
    const std::lock_guard lock(mutex_);
    scans_.erase(id);
  }
  std::shared_ptr<Scan> Find(uint64_t id) {
    const std::lock_guard lock(mutex_);
    const auto it = scans_.find(id);
    return it == scans_.end() ? nullptr : it->second;
  }

 private:
  std::mutex mutex_;
  uint64_t last_ = 0;
  std::map<uint64_t, std::shared_ptr<Scan>> scans_;
};

// A thread's state of the function in one query.
struct ThreadState {
  std::shared_ptr<Scan> scan;
  Lane* lane = nullptr;
};

void InitThread(duckdb_init_info info) {
  duckdb_scalar_function_init_set_state(info, new ThreadState(),
                                        [](void* state) { delete static_cast<ThreadState*>(state); });
}

Status TakeChunk(duckdb_data_chunk chunk, ThreadState* state) {
  if (state->lane == nullptr) {
    const auto* id = static_cast<const uint64_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0)));
    state->scan = RunningScans::Get().Find(*id);
    if (state->scan == nullptr) return InvalidArgument("headrace_sink is not for queries");
    HR_ASSIGN_OR_RETURN(state->lane, state->scan->AddLane(chunk));
  }
  return state->scan->Take(*state->lane, chunk);
}

void Sink(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector result) {
  auto* state = static_cast<ThreadState*>(duckdb_scalar_function_get_state(info));
  const size_t rows = duckdb_data_chunk_get_size(chunk);
  if (rows == 0) return;
  std::memset(duckdb_vector_get_data(result), 0, rows);
  const Status status = TakeChunk(chunk, state);
  if (status.ok()) return;
  if (state->scan != nullptr) state->scan->Fail(status);
  duckdb_scalar_function_set_error(info, std::string(status.message()).c_str());
}

}  // namespace

Status RegisterScanSink(Connection& connection) {
  const ScalarFunctionHandle function(duckdb_create_scalar_function());
  const LogicalTypeHandle any(duckdb_create_logical_type(DUCKDB_TYPE_ANY));
  const LogicalTypeHandle id(duckdb_create_logical_type(DUCKDB_TYPE_UBIGINT));
  const LogicalTypeHandle boolean(duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN));
  duckdb_scalar_function_set_name(function.get(), "headrace_sink");
  duckdb_scalar_function_add_parameter(function.get(), id.get());
  duckdb_scalar_function_set_varargs(function.get(), any.get());
  duckdb_scalar_function_set_return_type(function.get(), boolean.get());
  duckdb_scalar_function_set_special_handling(function.get());  // called for rows with nulls too
  duckdb_scalar_function_set_volatile(function.get());          // never folded or left out
  duckdb_scalar_function_set_init(function.get(), InitThread);
  duckdb_scalar_function_set_function(function.get(), Sink);
  if (duckdb_register_scalar_function(connection.handle(), function.get()) == DuckDBSuccess) return absl::OkStatus();
  return Internal("DuckDB refuses the function headrace_sink");
}

Status ScanInParallel(Connection& connection, std::string_view sql, const std::function<BatchSink()>& make_sink) {
  HR_ASSIGN_OR_RETURN(Schema schema, connection.Describe(sql));
  std::string names;
  for (size_t i = 0; i < schema.size(); ++i) names += fmt::format("{}c{}", i == 0 ? "" : ", ", i);
  const auto scan = std::make_shared<Scan>(std::move(schema), make_sink);
  const uint64_t id = RunningScans::Get().Add(scan);
  const Status status = connection.Execute(fmt::format(
      "select count(headrace_sink({}::ubigint, {})) from (\n{}\n) as t({})", id, names, StripStatementEnd(sql), names));
  RunningScans::Get().Remove(id);
  return scan->error().ok() ? status : scan->error();
}

}  // namespace headrace
