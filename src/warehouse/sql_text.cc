#include "warehouse/sql_text.h"

#include "base/nested.h"
#include "fmt/format.h"

namespace headrace {
namespace {

std::string Quote(std::string_view text, char quote) {
  std::string result(1, quote);
  for (const char c : text) result.append(c == quote ? 2 : 1, c);
  result += quote;
  return result;
}

std::string ListLiteral(const Column& elements) {
  std::string result = "[";
  for (size_t i = 0; i < elements.size(); ++i) result += (i > 0 ? ", " : "") + QuoteLiteral(elements.GetValue(i));
  return result + "]";
}

}  // namespace

std::string QuoteIdentifier(std::string_view name) {
  return Quote(name, '"');
}

std::string QuoteLiteral(std::string_view text) {
  return Quote(text, '\'');
}

std::string QuoteLiteral(const Value& value) {
  if (value.is_null()) return "NULL";
  if (IsList(value.type())) {
    return fmt::format("{}::{}", ListLiteral(DecodeList(value.type(), value.str())), TypeName(value.type()));
  }
  if (IsMap(value.type())) {
    const MapEntries entries = DecodeMap(value.type(), value.str());
    return fmt::format("map({}, {})::{}", ListLiteral(entries.keys), ListLiteral(entries.values),
                       TypeName(value.type()));
  }
  if (IsDecimal(value.type())) return fmt::format("'{}'::{}", value.ToString(), TypeName(value.type()));
  switch (value.type()) {
    case TypeId::kBoolean:
    case TypeId::kBigint:
      return value.ToString();
    case TypeId::kDouble:
      return fmt::format("'{}'::DOUBLE", value.ToString());
    case TypeId::kVarchar:
      return QuoteLiteral(value.str());
    case TypeId::kDate:
      return fmt::format("DATE '{}'", value.ToString());
    case TypeId::kTimestamp:
      return fmt::format("make_timestamp({})", value.int64());
  }
  return "NULL";
}

std::string RelationSql(std::string_view name) {
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return QuoteIdentifier(name);
  return QuoteIdentifier(name.substr(0, dot)) + "." + QuoteIdentifier(name.substr(dot + 1));
}

std::string ColumnList(const std::vector<std::string>& names, std::string_view qualifier) {
  std::string result;
  for (const std::string& name : names) {
    if (!result.empty()) result += ", ";
    if (!qualifier.empty()) result.append(qualifier).append(".");
    result += QuoteIdentifier(name);
  }
  return result;
}

std::string_view StripStatementEnd(std::string_view sql) {
  const size_t end = sql.find_last_not_of(" \t\r\n;");
  return end == std::string_view::npos ? std::string_view() : sql.substr(0, end + 1);
}

}  // namespace headrace
