// YAML documents with the position of every key and value, and a reader of mappings that reports all that is wrong.
//
// The only code that knows the YAML library. Nothing here throws.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "base/json.h"
#include "base/value.h"

namespace headrace {

struct YamlNode {
  enum class Kind : uint8_t { kNull, kScalar, kSequence, kMapping };
  struct Member;

  Kind kind = Kind::kNull;
  std::string scalar;           // kScalar
  bool quoted = false;          // kScalar: '1' is a text, 1 is a number
  std::vector<YamlNode> items;  // kSequence
  std::vector<Member> members;  // kMapping, in the file's order
  SourcePosition where;         // of a quoted scalar: its quote

  bool is_null() const { return kind == Kind::kNull; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_sequence() const { return kind == Kind::kSequence; }
  bool is_mapping() const { return kind == Kind::kMapping; }
  // What it is, for errors: "'abc'", "a list", "a mapping", "nothing".
  std::string Describe() const;
};

struct YamlNode::Member {
  std::string key;
  SourcePosition where;  // of the key
  YamlNode value;
};

// The document in `text`; of empty text a null. Text that is no YAML is reported, and gives nothing; a repeated key is
// reported, and its first value holds.
std::optional<YamlNode> ParseYaml(const std::string& file, const std::string& text, Diagnostics* diagnostics);

// The node as JSON: an unquoted scalar is a number, a boolean or null where it reads as one, else a text.
Json ToJson(const YamlNode& node);
// Likewise for one scalar: boolean, bigint, double or text. With `unquote`, quoted ones are read alike.
Value ToValue(const YamlNode& scalar, bool unquote = false);

// Reads one mapping key by key. Each getter reports a value of the wrong kind at its place; Finish() reports the keys
// that nobody asked for. `what` names the mapping in errors: "table 'flights'". Must not outlive the node.
class YamlReader {
 public:
  // A node that is no mapping is reported, unless it is null, and reads as empty.
  YamlReader(const YamlNode& node, std::string what, Diagnostics* diagnostics);

  // The value of `key`; nullptr if it is absent or null. Marks the key as known, like every getter.
  const YamlNode* Find(std::string_view key);
  // Also reports its absence.
  const YamlNode* Require(std::string_view key);

  std::string Text(std::string_view key);          // "" if absent
  std::string RequiredText(std::string_view key);  // "" if absent, which is reported
  // Like Text, and must read [A-Za-z_][A-Za-z0-9_]*.
  std::string Identifier(std::string_view key);
  std::string RequiredIdentifier(std::string_view key);
  std::optional<bool> Boolean(std::string_view key);
  // One text or a list of texts.
  std::vector<std::string> Texts(std::string_view key);
  // The items of a list of mappings (or whatever the list holds); empty if absent.
  const std::vector<YamlNode>& List(std::string_view key);
  // The text of `key`, which must be one of `allowed`; `fallback` if absent or wrong.
  std::string OneOf(std::string_view key, const std::vector<std::string>& allowed, std::string_view fallback);

  // Keys that mean something in dbt's files but change nothing here.
  void Ignore(std::initializer_list<std::string_view> keys);
  // Keys that dbt's files have and this version does not do: reported where they stand.
  void NotSupported(std::initializer_list<std::string_view> keys);
  void Finish();

  const SourcePosition& where() const { return node_.where; }
  SourcePosition WhereOf(std::string_view key) const;  // of its value; of the mapping when absent
  void Report(const SourcePosition& where, std::string message, std::string hint = "");

 private:
  const YamlNode* FindScalar(std::string_view key);

  const YamlNode& node_;
  std::string what_;
  Diagnostics* diagnostics_;
  std::set<std::string, std::less<>> known_;
};

// [A-Za-z_][A-Za-z0-9_]*
bool IsIdentifier(std::string_view text);

}  // namespace headrace
