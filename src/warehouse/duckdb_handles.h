// Owners of DuckDB's handles, and its errors as statuses. For the .cc files of this folder only: headers that
// others include do not include duckdb.h.
#pragma once

#include <duckdb.h>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "base/status.h"

namespace headrace {

// DuckDB's handles are pointers that are destroyed through their own address: duckdb_destroy_x(&handle).
template <typename Handle, auto kDestroy>
class DuckDbHandle {
 public:
  DuckDbHandle() = default;
  explicit DuckDbHandle(Handle handle) : handle_(handle) {}
  DuckDbHandle(DuckDbHandle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  DuckDbHandle& operator=(DuckDbHandle&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~DuckDbHandle() {
    if (handle_ != nullptr) kDestroy(&handle_);
  }
  Handle get() const { return handle_; }
  Handle* address() { return &handle_; }
  explicit operator bool() const { return handle_ != nullptr; }

 private:
  Handle handle_ = nullptr;
};

using LogicalTypeHandle = DuckDbHandle<duckdb_logical_type, duckdb_destroy_logical_type>;
using DataChunkHandle = DuckDbHandle<duckdb_data_chunk, duckdb_destroy_data_chunk>;
using PreparedHandle = DuckDbHandle<duckdb_prepared_statement, duckdb_destroy_prepare>;
using PendingHandle = DuckDbHandle<duckdb_pending_result, duckdb_destroy_pending>;
using ValueHandle = DuckDbHandle<duckdb_value, duckdb_destroy_value>;
using ConfigHandle = DuckDbHandle<duckdb_config, duckdb_destroy_config>;

// Results are structs, not pointers.
class ResultHandle {
 public:
  ResultHandle() = default;
  ResultHandle(const ResultHandle&) = delete;
  ResultHandle& operator=(const ResultHandle&) = delete;
  ~ResultHandle() { duckdb_destroy_result(&result_); }
  duckdb_result* address() { return &result_; }
  duckdb_result& operator*() { return result_; }

 private:
  duckdb_result result_ = {};
};

// Text that DuckDB allocated.
inline std::string TakeText(char* text) {
  if (text == nullptr) return {};
  std::string result(text);
  duckdb_free(text);
  return result;
}

// The status of an error text of DuckDB, as errors_as_json writes it: "Binder Error: {...}".
Status SqlStatus(const char* error);

}  // namespace headrace
