#include "features/online/row_scanner.h"

#include <algorithm>
#include <charconv>

#include "base/utf8.h"

namespace headrace {
namespace {

constexpr std::ptrdiff_t kSureDigits = 18;  // so many fit 64 bits whatever they are

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

const char* SkipDigits(const char* at, const char* end) {
  while (at != end && IsDigit(*at)) ++at;
  return at;
}

// Whether a character in a JSON text stands for itself; those of several bytes apart.
bool IsPlainAscii(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

bool IsPlain(std::string_view text) {
  const auto plain = [](char c) { return IsPlainAscii(c) || static_cast<unsigned char>(c) >= 0x80; };
  return std::all_of(text.begin(), text.end(), plain) && IsPlainUtf8(text);
}

// The end of what makes a number more than a whole one: fraction, exponent. Null: it is no number.
const char* EndOfNumber(const char* at, const char* end) {
  if (*at == '.') {
    const char* const fraction = at + 1;
    at = SkipDigits(fraction, end);
    if (at == fraction) return nullptr;
  }
  if (at == end || (*at != 'e' && *at != 'E')) return at;
  ++at;
  if (at != end && (*at == '+' || *at == '-')) ++at;
  const char* const exponent = at;
  at = SkipDigits(exponent, end);
  return at == exponent ? nullptr : at;
}

}  // namespace

RowScanner::RowScanner(const Schema& columns, std::string_view event_time, TimestampUs latest)
    : columns_(columns), event_time_(event_time), latest_(latest), cells_(columns.size()) {
  for (const Field& field : columns) plain_.push_back(IsPlain(field.name));
}

bool RowScanner::Take(std::string_view* text, RecordBatch* batch) {
  if (!Scan(*text)) return false;
  Append(batch);
  *text = {at_, static_cast<size_t>(end_ - at_)};
  return true;
}

bool RowScanner::TakeAll(std::string_view text, RecordBatch* batch) {
  if (!Scan(text) || at_ != end_) return false;
  Append(batch);
  return true;
}

// Of one row, to cells_; at_ is behind it then.
bool RowScanner::Scan(std::string_view text) {
  at_ = text.data();
  end_ = at_ + text.size();
  ++row_;
  next_ = 0;
  return ScanObject() && HasEventTime();
}

bool RowScanner::ScanObject() {
  SkipBlanks();
  if (!Skip('{')) return false;
  do {
    if (!ScanMember()) return false;
  } while (Skip(','));
  if (!Skip('}')) return false;
  SkipBlanks();
  return true;
}

bool RowScanner::ScanMember() {
  SkipBlanks();
  if (!Skip('"')) return false;
  size_t column = 0;
  Cell* const cell = FindCell(&column);
  if (cell == nullptr || cell->row == row_) return false;
  SkipBlanks();
  if (!Skip(':')) return false;
  SkipBlanks();
  cell->row = row_;
  if (!ScanValue(columns_[column].type, cell)) return false;
  SkipBlanks();
  next_ = column + 1;
  return true;
}

// Of the column whose name, and its closing quote, comes next.
RowScanner::Cell* RowScanner::FindCell(size_t* column) {
  const std::string_view rest(at_, static_cast<size_t>(end_ - at_));
  for (size_t i = 0; i < columns_.size(); ++i) {
    *column = next_ + i < columns_.size() ? next_ + i : next_ + i - columns_.size();
    const std::string_view name = columns_[*column].name;
    if (!plain_[*column] || !rest.starts_with(name) || rest.size() == name.size() || rest[name.size()] != '"') continue;
    at_ += name.size() + 1;
    return &cells_[*column];
  }
  return nullptr;
}

bool RowScanner::ScanValue(TypeId type, Cell* cell) {
  cell->null = at_ != end_ && *at_ == 'n';
  if (cell->null) return ScanWord("null");
  switch (type) {
    case TypeId::kBigint:
    case TypeId::kDouble:
      return ScanNumber(type, cell);
    case TypeId::kVarchar:
      return ScanText(&cell->text);
    case TypeId::kTimestamp:
      return ScanTimestamp(cell);
    case TypeId::kBoolean:
      cell->integer = at_ != end_ && *at_ == 't' ? 1 : 0;
      return ScanWord(cell->integer == 1 ? "true" : "false");
    default:
      return false;
  }
}

// What follows a value is a blank, ',' or '}', so that none of these is the beginning of something longer.
bool RowScanner::ScanNumber(TypeId type, Cell* cell) {
  const char* const begin = at_;
  const bool negative = Skip('-');
  const char* const digits = at_;
  at_ = SkipDigits(at_, end_);
  if (at_ == digits || at_ - digits > kSureDigits || (*digits == '0' && at_ - digits > 1)) return false;
  if (at_ != end_ && (*at_ == '.' || *at_ == 'e' || *at_ == 'E')) {
    at_ = EndOfNumber(at_, end_);
    return type == TypeId::kDouble && at_ != nullptr && std::from_chars(begin, at_, cell->number).ec == std::errc();
  }
  int64_t magnitude = 0;
  for (const char* digit = digits; digit != at_; ++digit) magnitude = magnitude * 10 + (*digit - '0');
  cell->integer = negative ? -magnitude : magnitude;
  cell->number = static_cast<double>(cell->integer);  // so that -0 is 0.0, as any integer that Json::Parse reads
  return true;
}

bool RowScanner::ScanTimestamp(Cell* cell) {
  if (at_ == end_ || *at_ != '"') return ScanNumber(TypeId::kTimestamp, cell);
  if (!ScanText(&cell->text)) return false;
  const StatusOr<TimestampUs> t = ParseTimestamp(cell->text);
  if (t.ok()) cell->integer = *t;
  return t.ok();
}

bool RowScanner::ScanText(std::string_view* text) {
  if (!Skip('"')) return false;
  const char* const begin = at_;
  while (at_ != end_ && IsPlainAscii(*at_)) ++at_;
  const bool ascii = at_ != end_ && *at_ == '"';
  if (!ascii) at_ = std::find(at_, end_, '"');
  *text = {begin, static_cast<size_t>(at_ - begin)};
  return Skip('"') && (ascii || IsPlain(*text));
}

bool RowScanner::ScanWord(std::string_view word) {
  if (!std::string_view(at_, static_cast<size_t>(end_ - at_)).starts_with(word)) return false;
  at_ += word.size();
  return true;
}

bool RowScanner::HasEventTime() const {
  for (size_t i = 0; i < cells_.size(); ++i) {
    if (columns_[i].name != event_time_) continue;
    return cells_[i].row == row_ && !cells_[i].null && cells_[i].integer <= latest_;
  }
  return false;
}

void RowScanner::Append(RecordBatch* batch) const {
  for (size_t i = 0; i < cells_.size(); ++i) {
    const Cell& cell = cells_[i];
    Column& column = batch->columns[i];
    if (cell.row != row_ || cell.null) {
      column.AppendNull();
    } else if (column.type() == TypeId::kDouble) {
      column.AppendDouble(cell.number);
    } else if (column.type() == TypeId::kVarchar) {
      column.AppendString(cell.text);
    } else {
      column.AppendInt(cell.integer);
    }
  }
  ++batch->num_rows;
}

void RowScanner::SkipBlanks() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\r' || *at_ == '\n')) ++at_;
}

bool RowScanner::Skip(char c) {
  if (at_ == end_ || *at_ != c) return false;
  ++at_;
  return true;
}

}  // namespace headrace
