#include "warehouse/sql_output.h"

#include <algorithm>
#include <vector>

#include "base/json.h"
#include "warehouse/parquet.h"

namespace headrace {
namespace {

// Prints in pieces of this size, so that a long result begins to show at once and takes little memory.
constexpr size_t kFlushBytes = 1 << 16;

bool IsNumber(TypeId type) {
  return type == TypeId::kBigint || type == TypeId::kDouble || IsDecimal(type);
}

// Characters, not bytes, so that columns with accents align.
size_t DisplayWidth(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string OneLine(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      result += '?';
    } else {
      result += c;
    }
  }
  return result;
}

void AppendCell(std::string_view text, size_t width, bool right, bool last, std::string* line) {
  const std::string blanks(width - DisplayWidth(text), ' ');
  if (right) line->append(blanks);
  line->append(text);
  if (!right && !last) line->append(blanks);
  if (!last) line->append("  ");
}

std::string AlignedTable(const RecordBatch& rows, size_t shown) {
  std::vector<std::vector<std::string>> cells(rows.columns.size());
  std::vector<size_t> widths(rows.columns.size());
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    widths[i] = DisplayWidth(rows.schema[i].name);
    for (size_t row = 0; row < shown; ++row) {
      cells[i].push_back(OneLine(rows.columns[i].GetValue(row).ToString()));
      widths[i] = std::max(widths[i], DisplayWidth(cells[i].back()));
    }
  }
  std::string text;
  const auto append_line = [&](const auto& cell) {
    for (size_t i = 0; i < rows.columns.size(); ++i) {
      AppendCell(cell(i), widths[i], IsNumber(rows.schema[i].type), i + 1 == rows.columns.size(), &text);
    }
    text += '\n';
  };
  append_line([&](size_t i) -> const std::string& { return rows.schema[i].name; });
  append_line([&](size_t i) { return std::string(widths[i], '-'); });
  for (size_t row = 0; row < shown; ++row) {
    append_line([&](size_t i) -> const std::string& { return cells[i][row]; });
  }
  return text;
}

StatusOr<int64_t> PrintTable(ResultStream& stream, int64_t max_rows, Output& output) {
  RecordBatch rows(stream.schema());
  while (static_cast<int64_t>(rows.num_rows) <= max_rows) {
    HR_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream.Next());
    if (!batch) break;
    rows.AppendBatch(*batch);
  }
  const size_t shown = std::min(rows.num_rows, static_cast<size_t>(max_rows));
  std::string text = AlignedTable(rows, shown);
  if (shown < rows.num_rows) {
    text += fmt::format("(the first {} rows; csv, json and parquet give all)\n", shown);
  } else {
    text += fmt::format("({} {})\n", shown, shown == 1 ? "row" : "rows");
  }
  output.Print(text);
  return static_cast<int64_t>(shown);
}

void AppendCsv(std::string_view text, std::string* out) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out->append(text);
    return;
  }
  *out += '"';
  for (const char c : text) out->append(c == '"' ? 2 : 1, c);
  *out += '"';
}

void AppendCsvRow(const RecordBatch& rows, size_t row, std::string* out) {
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    if (i > 0) *out += ',';
    if (!rows.columns[i].IsNull(row)) AppendCsv(rows.columns[i].GetValue(row).ToString(), out);
  }
  *out += '\n';
}

void AppendJsonRow(const RecordBatch& rows, size_t row, std::string* out) {
  *out += '{';
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    if (i > 0) *out += ", ";
    AppendJsonString(rows.schema[i].name, out);
    *out += ": ";
    ToJson(rows.columns[i].GetValue(row)).DumpTo(out);
  }
  *out += '}';
}

// Every row through `append(rows, row, is_first, &text)`, printed piece by piece after `head` and before `tail`.
template <typename AppendRow>
StatusOr<int64_t> PrintRows(ResultStream& stream, std::string head, std::string_view tail, AppendRow append,
                            Output& output) {
  std::string text = std::move(head);
  int64_t count = 0;
  while (true) {
    HR_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream.Next());
    if (!batch) break;
    for (size_t row = 0; row < batch->num_rows; ++row) {
      append(*batch, row, count++ == 0, &text);
      if (text.size() < kFlushBytes) continue;
      output.Print(text);
      text.clear();
    }
  }
  text += tail;
  output.Print(text);
  return count;
}

StatusOr<int64_t> PrintCsv(ResultStream& stream, Output& output) {
  std::string header;
  for (const Field& field : stream.schema()) {
    if (!header.empty()) header += ',';
    AppendCsv(field.name, &header);
  }
  return PrintRows(
      stream, header + "\n", "",
      [](const RecordBatch& rows, size_t row, bool, std::string* text) { AppendCsvRow(rows, row, text); }, output);
}

StatusOr<int64_t> PrintJson(ResultStream& stream, Output& output) {
  return PrintRows(
      stream, "[", "]\n",
      [](const RecordBatch& rows, size_t row, bool first, std::string* text) {
        if (!first) *text += ",\n ";
        AppendJsonRow(rows, row, text);
      },
      output);
}

}  // namespace

StatusOr<SqlFormat> ParseSqlFormat(std::string_view name) {
  if (name == "table") return SqlFormat::kTable;
  if (name == "csv") return SqlFormat::kCsv;
  if (name == "json") return SqlFormat::kJson;
  if (name == "parquet") return SqlFormat::kParquet;
  return InvalidArgument("'{}' is not a format: use table, csv, json or parquet", name);
}

StatusOr<int64_t> RunSql(Connection& connection, std::string_view sql, const SqlOutputOptions& options,
                         Output& output) {
  HR_ASSIGN_OR_RETURN(const Transaction transaction, Transaction::Begin(connection, /*read_only=*/true));
  if (options.format == SqlFormat::kParquet) {
    if (options.path.empty()) return InvalidArgument("parquet goes to a file: name one");
    HR_RETURN_IF_ERROR(WriteQueryAsParquet(connection, sql, options.path));
    return 0;
  }
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<ResultStream> stream,
                      connection.Query(sql, {}, {.render_other_types = true}));
  if (options.format == SqlFormat::kCsv) return PrintCsv(*stream, output);
  if (options.format == SqlFormat::kJson) return PrintJson(*stream, output);
  return PrintTable(*stream, options.max_rows, output);
}

}  // namespace headrace
