#include "features/online/event_parser.h"

#include <algorithm>

#include "base/diagnostic.h"
#include "base/json.h"
#include "features/online/row_scanner.h"

namespace headrace {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

// What is wrong with a row; the column is "" when it is the row as a whole.
struct RowError {
  std::string column;
  std::string reason;
};

// One document is an object or an array; anything that is not one document is tried as NDJSON.
StatusOr<Json::Array> ParseBody(std::string_view body) {
  StatusOr<Json> document = Json::Parse(body);
  if (document.ok() && document->is_array()) return std::move(document->array());
  if (document.ok()) return Json::Array{*std::move(document)};
  if (body.find('\n') != std::string_view::npos) return Json::ParseLines(body);
  return document.status();
}

std::optional<RowError> CheckNames(const StreamSource& source, const Json& row) {
  if (!row.is_object()) return RowError{"", fmt::format("expected an object, got {}", row.Dump())};
  for (const Json::Member& member : row.object()) {
    if (source.ignore_unknown || FindField(source.columns, member.first)) continue;
    const std::vector<std::string> names = NamesOf(source.columns);
    return RowError{member.first,
                    fmt::format("{} has no such column; {}", source.name, NearestNameHint(member.first, names))};
  }
  return std::nullopt;
}

// Appends a whole row or, with what is wrong with it, nothing.
class RowAppender {
 public:
  RowAppender(const StreamSource& source, TimestampUs latest, RecordBatch* batch)
      : source_(source), latest_(latest), batch_(*batch) {}

  std::optional<RowError> Append(const Json& row) {
    if (std::optional<RowError> error = CheckNames(source_, row)) return error;
    values_.clear();
    for (const Field& field : source_.columns) {
      const Json* cell = row.Find(field.name);
      StatusOr<Value> value = cell == nullptr ? Value::Null() : FromJson(*cell, field.type);
      if (!value.ok()) return RowError{field.name, std::string(Message(value.status()))};
      if (value->is_null() && field.name == source_.event_time) {
        return RowError{field.name, "the event time must not be null"};
      }
      if (field.name == source_.event_time && value->int64() > latest_) {
        return RowError{field.name, fmt::format("{} is too far after the server's clock (future_skew in headrace.yml)",
                                                FormatTimestamp(value->int64()))};
      }
      values_.push_back(*std::move(value));
    }
    for (size_t i = 0; i < values_.size(); ++i) batch_.columns[i].Append(values_[i]);
    ++batch_.num_rows;
    return std::nullopt;
  }

 private:
  const StreamSource& source_;
  const TimestampUs latest_;
  RecordBatch& batch_;
  std::vector<Value> values_;
};

std::string_view Trim(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

// The elements of `text`, which begins with '['; nothing unless its bracket closes at the end. Looks at brackets, texts
// and commas alone, so that one element which is no JSON spoils no other.
std::optional<std::vector<std::string_view>> SplitArray(std::string_view text) {
  std::vector<std::string_view> elements;
  size_t depth = 0;
  size_t begin = 1;
  bool in_text = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text) {
      if (c == '\\') ++i;
      in_text = c != '"';
    } else if (c == '"') {
      in_text = true;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if ((c == ',' && depth == 1) || ((c == ']' || c == '}') && --depth == 0)) {
      const std::string_view element = Trim(text.substr(begin, i - begin));
      if (c == ',' || !element.empty() || !elements.empty()) elements.push_back(element);
      begin = i + 1;
      if (c == '}' || (c == ']' && begin != text.size())) return std::nullopt;
      if (c == ']') return elements;
    }
  }
  return std::nullopt;
}

std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (const std::string_view line = Trim(text.substr(0, end)); !line.empty()) lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

CheckedEvents Check(const StreamSource& source, const std::vector<std::string_view>& rows, TimestampUs latest) {
  CheckedEvents sorted = {RecordBatch(source.columns), {}};
  RowScanner scanner(source.columns, source.event_time, latest);
  RowAppender appender(source, latest, &sorted.good);
  for (size_t index = 0; index < rows.size(); ++index) {
    if (scanner.TakeAll(rows[index], &sorted.good)) continue;
    const StatusOr<Json> row = Json::Parse(rows[index]);
    std::optional<RowError> error = row.ok() ? appender.Append(*row) : RowError{"", std::string(Message(row.status()))};
    if (!error) continue;
    sorted.bad.push_back({index, std::move(error->column), std::move(error->reason), std::string(rows[index])});
  }
  return sorted;
}

// Without a tree of the whole body, which takes most of the time. Nothing: a row may be wrong, or the body has another
// form than an array of what RowScanner takes or lines that are a row each.
class QuickParser {
 public:
  explicit QuickParser(const StreamSource& source)
      : batch_(source.columns),
        scanner_(source.columns, source.event_time, kMaxTimestampUs),
        appender_(source, kMaxTimestampUs, &batch_) {}

  std::optional<RecordBatch> Parse(std::string_view body) && {
    const std::string_view text = Trim(body);
    if (text.empty() || !(text[0] == '[' ? TakeArray(text) : TakeLines(text))) return std::nullopt;
    return std::move(batch_);
  }

 private:
  bool TakeArray(std::string_view text) {
    do {
      text.remove_prefix(1);
      if (!scanner_.Take(&text, &batch_) || text.empty()) return false;
    } while (text[0] == ',');
    return text == "]";
  }

  bool TakeLines(std::string_view text) {
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      if (!TakeLine(Trim(text.substr(0, end)))) return false;
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return true;
  }

  bool TakeLine(std::string_view line) {
    if (line.empty() || scanner_.TakeAll(line, &batch_)) return true;
    const StatusOr<Json> row = Json::Parse(line);
    return row.ok() && !appender_.Append(*row);
  }

  RecordBatch batch_;
  RowScanner scanner_;
  RowAppender appender_;
};

}  // namespace

StatusOr<RecordBatch> ParseEvents(const StreamSource& source, std::string_view body) {
  if (std::optional<RecordBatch> rows = QuickParser(source).Parse(body)) return *std::move(rows);
  HR_ASSIGN_OR_RETURN(const Json::Array rows, ParseBody(body));
  RecordBatch batch(source.columns);
  RowAppender appender(source, kMaxTimestampUs, &batch);
  for (size_t index = 0; index < rows.size(); ++index) {
    const std::optional<RowError> error = appender.Append(rows[index]);
    if (!error) continue;
    if (error->column.empty()) return InvalidArgument("row {}: {}", index, error->reason);
    return InvalidArgument("row {}, column '{}': {}", index, error->column, error->reason);
  }
  return batch;
}

std::vector<std::string_view> SplitRows(std::string_view body) {
  const std::string_view text = Trim(body);
  if (text.empty()) return {};
  if (text[0] == '[') {
    if (std::optional<std::vector<std::string_view>> elements = SplitArray(text)) return *std::move(elements);
  }
  std::vector<std::string_view> lines = SplitLines(text);
  // A document that is laid out over lines, whole or broken: its lines are no rows. Behind a line that is a document
  // there is no more of it.
  if (lines.size() == 1 || lines[0] == "[" || lines[0] == "{") return {text};
  if (!Json::Parse(lines[0]).ok() && Json::Parse(text).ok()) return {text};
  return lines;
}

StatusOr<CheckedEvents> CheckEvents(const StreamSource& source, std::string_view body, TimestampUs latest) {
  if (body.empty()) return InvalidArgument("the body is empty; send an object, an array of objects, or lines of them");
  return Check(source, SplitRows(body), latest);
}

CheckedEvents CheckRow(const StreamSource& source, std::string_view text) {
  return Check(source, {text}, kMaxTimestampUs);
}

}  // namespace headrace
