#include "warehouse/arrow_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "warehouse/duckdb_handles.h"

// The interface's structs, as its specification has them: it is their layout that is the interface.
extern "C" {
struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  ArrowSchema** children;
  ArrowSchema* dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};
struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};
struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema*);
  int (*get_next)(ArrowArrayStream*, ArrowArray*);
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};
}

namespace headrace {
namespace {

constexpr int64_t kNullable = 2;  // ARROW_FLAG_NULLABLE

// nullptr: the type has no form here.
const char* FormatOf(TypeId type) {
  switch (type) {
    case TypeId::kBoolean:
      return "b";
    case TypeId::kBigint:
      return "l";
    case TypeId::kDouble:
      return "g";
    case TypeId::kVarchar:
      return "U";  // with offsets of 64 bits
    case TypeId::kDate:
      return "tdD";
    case TypeId::kTimestamp:
      return "tsu:";
    default:
      return nullptr;
  }
}

// One bit a row, from any column of bytes or integers that are 0 or not.
template <typename Values>
std::vector<uint8_t> ToBits(const Values& values) {
  std::vector<uint8_t> bits((values.size() + 7) / 8);
  for (size_t i = 0; i < values.size(); ++i) bits[i / 8] |= static_cast<uint8_t>((values[i] != 0 ? 1U : 0U) << (i % 8));
  return bits;
}

// One column. What Arrow lays out in another way is copied, the rest borrowed.
struct ColumnSlice {
  ArrowArray array = {};
  const void* buffers[3] = {};
  std::vector<uint8_t> validity;
  std::vector<uint8_t> bits;     // BOOLEAN
  std::vector<int32_t> days;     // DATE
  std::vector<int64_t> offsets;  // VARCHAR, from the slice's first byte

  explicit ColumnSlice(const Column& column) {
    array.length = static_cast<int64_t>(column.size());
    array.n_buffers = column.type() == TypeId::kVarchar ? 3 : 2;
    array.buffers = buffers;
    array.release = [](ArrowArray* self) { self->release = nullptr; };
    if (column.has_nulls()) {
      const std::span<const uint8_t> valid = column.validity();
      array.null_count = std::count(valid.begin(), valid.end(), 0);
      validity = ToBits(valid);
      buffers[0] = validity.data();
    }
    switch (column.type()) {
      case TypeId::kBoolean:
        bits = ToBits(column.ints());
        buffers[1] = bits.data();
        break;
      case TypeId::kDate: {
        const std::span<const int64_t> values = column.ints();
        for (const int64_t value : values) days.push_back(static_cast<int32_t>(value));
        buffers[1] = days.data();
        break;
      }
      case TypeId::kDouble:
        buffers[1] = column.doubles().data();
        break;
      case TypeId::kVarchar:
        TakeTexts(column);
        break;
      default:
        buffers[1] = column.ints().data();
        break;
    }
  }

 private:
  // The texts of neighbouring rows lie one after the other.
  void TakeTexts(const Column& column) {
    offsets.push_back(0);
    for (size_t row = 0; row < column.size(); ++row)
      offsets.push_back(offsets.back() + static_cast<int64_t>(column.str(row).size()));
    buffers[1] = offsets.data();
    buffers[2] = column.size() == 0 ? "" : column.str(0).data();
  }
};

// All columns of some rows, as a struct.
struct Slice {
  RecordBatch rows;
  std::deque<ColumnSlice> columns;
  std::vector<ArrowArray*> children;
  const void* validity = nullptr;  // no row is null as a whole
};

}  // namespace

bool HasArrowForm(const Schema& schema) {
  return std::all_of(schema.begin(), schema.end(), [](const Field& field) { return FormatOf(field.type) != nullptr; });
}

struct ArrowView::State {
  const Schema schema;
  const BatchReader next;
  Status error;
  std::string error_text;
  std::vector<ArrowSchema> fields;
  std::vector<ArrowSchema*> children;
  ArrowArrayStream stream = {};

  State(Schema of_rows, BatchReader reader)
      : schema(std::move(of_rows)), next(std::move(reader)), fields(schema.size()) {
    for (ArrowSchema& field : fields) children.push_back(&field);
    stream.get_schema = GetSchema;
    stream.get_next = GetNext;
    stream.get_last_error = [](ArrowArrayStream* self) -> const char* {
      return static_cast<State*>(self->private_data)->error_text.c_str();
    };
    stream.release = [](ArrowArrayStream* self) { self->release = nullptr; };
    stream.private_data = this;
  }

  // nullptr at the end.
  std::unique_ptr<Slice> NextSlice() {
    StatusOr<std::optional<RecordBatch>> batch = next();
    error = batch.status();
    if (!batch.ok() || !*batch || (*batch)->num_rows == 0) return nullptr;
    auto slice = std::make_unique<Slice>();
    slice->rows = **std::move(batch);
    for (const Column& column : slice->rows.columns) slice->columns.emplace_back(column);
    for (ColumnSlice& column : slice->columns) {
      column.array.buffers = column.buffers;
      slice->children.push_back(&column.array);
    }
    return slice;
  }

  static int GetSchema(ArrowArrayStream* stream, ArrowSchema* out) {
    auto& state = *static_cast<State*>(stream->private_data);
    const auto release = [](ArrowSchema* self) { self->release = nullptr; };
    for (size_t i = 0; i < state.fields.size(); ++i) {
      const Field& field = state.schema[i];
      state.fields[i] = {
          FormatOf(field.type), field.name.c_str(), nullptr, kNullable, 0, nullptr, nullptr, release, nullptr};
    }
    *out = {"+s",    "",      nullptr, 0, static_cast<int64_t>(state.children.size()), state.children.data(),
            nullptr, release, nullptr};
    return 0;
  }

  // DuckDB calls it under a lock. An array that is released already is the end.
  static int GetNext(ArrowArrayStream* stream, ArrowArray* out) {
    auto& state = *static_cast<State*>(stream->private_data);
    *out = {};
    std::unique_ptr<Slice> slice = state.NextSlice();
    if (!state.error.ok()) {
      state.error_text = std::string(Message(state.error));
      return EIO;
    }
    if (slice == nullptr) return 0;
    out->length = slice->columns.empty() ? 0 : slice->columns.front().array.length;
    out->n_buffers = 1;
    out->buffers = &slice->validity;
    out->n_children = static_cast<int64_t>(slice->children.size());
    out->children = slice->children.data();
    out->private_data = slice.release();
    out->release = [](ArrowArray* self) {
      delete static_cast<Slice*>(self->private_data);
      self->release = nullptr;
    };
    return 0;
  }
};

ArrowView::ArrowView(Schema schema, BatchReader next) : state_(new State(std::move(schema), std::move(next))) {}
ArrowView::~ArrowView() = default;

const Status& ArrowView::error() const {
  return state_->error;
}

Status ArrowView::Create(Connection& connection, const char* name) {
  auto* stream = reinterpret_cast<duckdb_arrow_stream>(&state_->stream);
  if (duckdb_arrow_scan(connection.handle(), name, stream) == DuckDBSuccess) return absl::OkStatus();
  return Internal("DuckDB does not take the columns as an Arrow stream");
}

}  // namespace headrace
