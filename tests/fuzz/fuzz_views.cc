// The SQL of a view: any text gives a program that runs, or errors with places inside the text.
#include <cstdint>
#include <cstdlib>
#include <numeric>

#include "kernel/compile/compile.h"
#include "kernel/events.h"
#include "kernel/naive.h"
#include "warehouse/parser.h"

namespace {

using headrace::RecordBatch;
using headrace::TypeId;
using headrace::Value;

RecordBatch Rows() {
  using enum TypeId;
  RecordBatch rows({{"k", kBigint},
                    {"t", kTimestamp},
                    {"x", kDouble},
                    {"n", kBigint},
                    {"s", kVarchar},
                    {"b", kBoolean},
                    {"d", kDate}});
  for (int64_t i = 0; i < 4; ++i) {
    rows.columns[0].AppendInt(1);
    rows.columns[1].AppendInt(i * 1'000'000);
    rows.columns[2].AppendDouble(static_cast<double>(i) / 2);
    rows.columns[3].AppendInt(i - 2);
    rows.columns[4].AppendString(i == 2 ? "" : "ä");
    rows.columns[5].AppendInt(i % 2);
    rows.columns[6].AppendInt(i * 10'000);
  }
  for (headrace::Column& column : rows.columns) column.AppendNull();
  rows.num_rows = 5;
  return rows;
}

template <typename Program>
bool PlacesAreInside(const headrace::Compiled<Program>& compiled, size_t size) {
  for (const headrace::CompileError& error : compiled.errors) {
    if (error.message.empty() || error.offset > static_cast<int64_t>(size)) return false;
  }
  return true;
}

// The naive reference over the rows, before and after them.
void Run(const headrace::ViewProgram& program, const RecordBatch& rows) {
  RecordBatch input;
  input.num_rows = rows.num_rows;
  for (const headrace::Field& field : program.input) {
    input.schema.push_back(field);
    input.columns.push_back(*rows.Find(field.name));
  }
  const std::vector<headrace::TimestampUs> known(rows.num_rows, 0);
  const std::vector<headrace::TimestampUs> gone(rows.num_rows, headrace::EventRows::kNeverRetracted);
  std::vector<int64_t> ingest(rows.num_rows);
  std::iota(ingest.begin(), ingest.end(), 0);
  const auto events = PrepareEvents(program, input, {false, known, gone, ingest});
  if (!events.ok()) return;  // of the data: an overflow, a failed cast
  std::string key;
  if (!headrace::EncodeKey(std::vector<headrace::Column>{rows.columns[0].Take(std::vector<uint32_t>{0})}, 0, &key))
    return;
  for (const headrace::TimestampUs t : {-1'000'000, 2'500'000, 10'000'000}) {
    const auto features = NaiveFeatures(program, *events, key, t);
    if (features.ok() && features->size() != program.features.size()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const RecordBatch& rows = *new RecordBatch(Rows());
  const std::string sql(reinterpret_cast<const char*>(data), size);
  const auto tree = headrace::SerializeSelect(sql);
  if (!tree.ok()) return 0;
  headrace::ViewDefinition definition;
  definition.name = "v";
  definition.input = rows.schema;
  definition.entity = {"k"};
  definition.event_time = "t";
  headrace::Window window;
  window.length_us = 2'000'000;
  window.suffix = "2s";
  for (const bool windowed : {true, false}) {
    definition.windows.clear();
    if (windowed) definition.windows.push_back(window);
    const auto compiled = CompileView(definition, *tree);
    if (!PlacesAreInside(compiled, size)) std::abort();
    if (compiled.ok()) Run(compiled.program, rows);
  }
  if (!PlacesAreInside(headrace::CompileRequestView("v", rows.schema, {}, *tree), size)) std::abort();
  return 0;
}
