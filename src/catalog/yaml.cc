#include "catalog/yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"

namespace headrace {
namespace {

// Aliases let a short document stand for a huge one.
constexpr size_t kMaxNodes = 1'000'000;
constexpr int kMaxDepth = 64;

class Converter {
 public:
  Converter(const std::string& file, Diagnostics* diagnostics) : file_(file), diagnostics_(diagnostics) {}

  YamlNode Convert(const YAML::Node& node, const SourcePosition& fallback, int depth) {
    YamlNode result;
    result.where = Position(node.Mark(), fallback);
    if (++nodes_ > kMaxNodes || depth > kMaxDepth) {
      if (!overflowed_) diagnostics_->push_back({result.where, "the document is too large or nested too deeply", ""});
      overflowed_ = true;
      return result;
    }
    if (node.IsScalar()) {
      result.kind = YamlNode::Kind::kScalar;
      result.scalar = node.Scalar();
      result.quoted = node.Tag() == "!";
    } else if (node.IsSequence()) {
      result.kind = YamlNode::Kind::kSequence;
      for (const YAML::Node& item : node) result.items.push_back(Convert(item, result.where, depth + 1));
    } else if (node.IsMap()) {
      result.kind = YamlNode::Kind::kMapping;
      for (const auto& member : node) AddMember(member.first, member.second, depth, &result);
    }
    return result;
  }

 private:
  SourcePosition Position(const YAML::Mark& mark, const SourcePosition& fallback) const {
    if (mark.is_null()) return fallback;
    return {.file = file_, .line = mark.line + 1, .column = mark.column + 1};
  }

  void AddMember(const YAML::Node& key, const YAML::Node& value, int depth, YamlNode* mapping) {
    const SourcePosition where = Position(key.Mark(), mapping->where);
    if (!key.IsScalar()) {
      diagnostics_->push_back({where, "a key must be a text", ""});
      return;
    }
    for (const YamlNode::Member& other : mapping->members) {
      if (other.key != key.Scalar()) continue;
      diagnostics_->push_back({where, fmt::format("key '{}' is given twice", key.Scalar()),
                               fmt::format("the first is at line {}", other.where.line)});
      return;
    }
    YamlNode converted = Convert(value, where, depth + 1);
    if (converted.is_null()) converted.where = where;  // the library places an absent value anywhere
    mapping->members.push_back({key.Scalar(), where, std::move(converted)});
  }

  const std::string& file_;
  Diagnostics* diagnostics_;
  size_t nodes_ = 0;
  bool overflowed_ = false;
};

// YAML 1.2's core schema and the spellings of 1.1 that dbt's users write.
std::optional<bool> AsBoolean(const std::string& text) {
  const std::string lower = absl::AsciiStrToLower(text);
  if (lower == "true" || lower == "yes" || lower == "on") return true;
  if (lower == "false" || lower == "no" || lower == "off") return false;
  return std::nullopt;
}

// Digits, sign, point and exponent only: not "inf", "nan" or "0x10".
std::optional<double> AsDouble(const std::string& text) {
  double number = 0;
  if (text.empty() || text.find_first_not_of("0123456789+-.eE") != std::string::npos) return std::nullopt;
  if (!absl::SimpleAtod(text, &number)) return std::nullopt;
  return number;
}

std::optional<int64_t> AsInteger(const std::string& text) {
  int64_t integer = 0;
  if (text.find_first_not_of("0123456789+-") != std::string::npos || !absl::SimpleAtoi(text, &integer))
    return std::nullopt;
  return integer;
}

}  // namespace

std::string YamlNode::Describe() const {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kScalar:
      return fmt::format("'{}'", scalar);
    case Kind::kSequence:
      return "a list";
    case Kind::kMapping:
      return "a mapping";
  }
  return "";
}

std::optional<YamlNode> ParseYaml(const std::string& file, const std::string& text, Diagnostics* diagnostics) {
  const SourcePosition whole{.file = file, .line = 0, .column = 0};
  try {
    return Converter(file, diagnostics).Convert(YAML::Load(text), whole, 0);
  } catch (const YAML::Exception& e) {
    const SourcePosition where = e.mark.is_null() ? whole : SourcePosition{file, e.mark.line + 1, e.mark.column + 1};
    diagnostics->push_back({where, fmt::format("this is not YAML: {}", e.msg), ""});
  }
  return std::nullopt;
}

Value ToValue(const YamlNode& scalar, bool unquote) {
  if (scalar.quoted && !unquote) return Value::Varchar(scalar.scalar);
  if (const auto boolean = AsBoolean(scalar.scalar)) return Value::Boolean(*boolean);
  if (const auto integer = AsInteger(scalar.scalar)) return Value::Bigint(*integer);
  if (const auto number = AsDouble(scalar.scalar)) return Value::Double(*number);
  return Value::Varchar(scalar.scalar);
}

Json ToJson(const YamlNode& node) {
  if (node.is_null()) return Json();
  if (node.is_scalar()) return ToJson(ToValue(node));
  if (node.is_sequence()) {
    Json::Array array;
    for (const YamlNode& item : node.items) array.push_back(ToJson(item));
    return Json(std::move(array));
  }
  Json::Object object;
  for (const YamlNode::Member& member : node.members) object.emplace_back(member.key, ToJson(member.value));
  return Json(std::move(object));
}

bool IsIdentifier(std::string_view text) {
  if (text.empty() || absl::ascii_isdigit(static_cast<unsigned char>(text[0]))) return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

YamlReader::YamlReader(const YamlNode& node, std::string what, Diagnostics* diagnostics)
    : node_(node), what_(std::move(what)), diagnostics_(diagnostics) {
  if (!node.is_mapping() && !node.is_null())
    Report(node.where, fmt::format("{} must be a mapping, not {}", what_, node.Describe()));
}

void YamlReader::Report(const SourcePosition& where, std::string message, std::string hint) {
  diagnostics_->push_back({where, std::move(message), std::move(hint)});
}

const YamlNode* YamlReader::Find(std::string_view key) {
  known_.emplace(key);
  for (const YamlNode::Member& member : node_.members) {
    if (member.key == key) return member.value.is_null() ? nullptr : &member.value;
  }
  return nullptr;
}

const YamlNode* YamlReader::Require(std::string_view key) {
  const YamlNode* value = Find(key);
  // Of what is no mapping, that was reported.
  if (value == nullptr && (node_.is_mapping() || node_.is_null())) {
    Report(WhereOf(key), fmt::format("{} needs the key '{}'", what_, key));
  }
  return value;
}

SourcePosition YamlReader::WhereOf(std::string_view key) const {
  for (const YamlNode::Member& member : node_.members) {
    if (member.key == key) return member.value.where;
  }
  return node_.where;
}

const YamlNode* YamlReader::FindScalar(std::string_view key) {
  const YamlNode* value = Find(key);
  if (value == nullptr || value->is_scalar()) return value;
  Report(value->where, fmt::format("'{}' must be a text, not {}", key, value->Describe()));
  return nullptr;
}

std::string YamlReader::Text(std::string_view key) {
  const YamlNode* value = FindScalar(key);
  return value == nullptr ? "" : value->scalar;
}

std::string YamlReader::RequiredText(std::string_view key) {
  if (Require(key) == nullptr) return "";
  std::string text = Text(key);
  if (text.empty() && Find(key)->is_scalar()) Report(WhereOf(key), fmt::format("'{}' is empty", key));
  return text;
}

std::string YamlReader::Identifier(std::string_view key) {
  std::string text = Text(key);
  if (text.empty() || IsIdentifier(text)) return text;
  Report(WhereOf(key), fmt::format("{} '{}' is no name", key, text),
         "a name has letters, digits and _, and does not begin with a digit");
  return "";
}

std::string YamlReader::RequiredIdentifier(std::string_view key) {
  return RequiredText(key).empty() ? "" : Identifier(key);
}

std::optional<bool> YamlReader::Boolean(std::string_view key) {
  const YamlNode* value = Find(key);
  if (value == nullptr) return std::nullopt;
  const std::optional<bool> boolean = value->is_scalar() ? AsBoolean(value->scalar) : std::nullopt;
  if (!boolean) Report(value->where, fmt::format("'{}' must be true or false, not {}", key, value->Describe()));
  return boolean;
}

std::vector<std::string> YamlReader::Texts(std::string_view key) {
  const YamlNode* value = Find(key);
  if (value == nullptr) return {};
  if (value->is_scalar()) return {value->scalar};
  std::vector<std::string> texts;
  if (!value->is_sequence())
    Report(value->where, fmt::format("'{}' must be a text or a list of texts, not {}", key, value->Describe()));
  for (const YamlNode& item : value->items) {
    if (item.is_scalar()) {
      texts.push_back(item.scalar);
    } else {
      Report(item.where, fmt::format("'{}' must hold texts, not {}", key, item.Describe()));
    }
  }
  return texts;
}

const std::vector<YamlNode>& YamlReader::List(std::string_view key) {
  static const auto& kNone = *new std::vector<YamlNode>();
  const YamlNode* value = Find(key);
  if (value == nullptr) return kNone;
  if (!value->is_sequence()) Report(value->where, fmt::format("'{}' must be a list, not {}", key, value->Describe()));
  return value->items;
}

std::string YamlReader::OneOf(std::string_view key, const std::vector<std::string>& allowed,
                              std::string_view fallback) {
  const YamlNode* value = FindScalar(key);
  if (value == nullptr) return std::string(fallback);
  if (std::find(allowed.begin(), allowed.end(), value->scalar) != allowed.end()) return value->scalar;
  Report(value->where, fmt::format("'{}' is no value of '{}'", value->scalar, key),
         NearestNameHint(value->scalar, allowed));
  return std::string(fallback);
}

void YamlReader::Ignore(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) known_.emplace(key);
}

void YamlReader::NotSupported(std::initializer_list<std::string_view> keys) {
  for (const YamlNode::Member& member : node_.members) {
    if (std::find(keys.begin(), keys.end(), member.key) == keys.end()) continue;
    known_.insert(member.key);
    Report(member.where, fmt::format("'{}' in {} is not supported by this version", member.key, what_));
  }
}

void YamlReader::Finish() {
  const std::vector<std::string> known(known_.begin(), known_.end());
  for (const YamlNode::Member& member : node_.members) {
    if (known_.contains(member.key)) continue;
    Report(member.where, fmt::format("key '{}' is not known in {}", member.key, what_),
           NearestNameHint(member.key, known));
  }
}

}  // namespace headrace
