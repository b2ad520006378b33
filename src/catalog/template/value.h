// The dynamic values that templates compute with: Python's, as far as dbt's projects see them.
//
// Lists, dicts and objects are shared, as in Python: a copy of the Value is the same list. Dicts keep the order of
// insertion. A tuple is a list. Not thread-safe to change; any number of threads may read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "catalog/template/budget.h"

namespace headrace::jinja {

class Object;

class Value {
 public:
  using List = std::vector<Value>;
  using Dict = std::vector<std::pair<Value, Value>>;

  Value() = default;  // none
  Value(bool v) : data_(v) {}
  Value(int64_t v) : data_(v) {}
  Value(int v) : data_(int64_t{v}) {}
  Value(double v) : data_(v) {}
  Value(std::string v) : data_(std::move(v)) {}
  Value(std::string_view v) : data_(std::string(v)) {}
  Value(const char* v) : data_(std::string(v)) {}
  Value(List v);
  Value(Dict v);
  Value(std::shared_ptr<const Object> v) : data_(std::move(v)) {}
  // What a name or an attribute that does not exist evaluates to: false, and an error once it is used.
  // `name` is what was looked for, `hint` what may have been meant.
  static Value Undefined(std::string name, std::string hint = "");
  static Value FromJson(const Json& json);

  bool is_undefined() const { return std::holds_alternative<Missing>(data_); }
  bool is_none() const { return std::holds_alternative<std::monostate>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_integer() const { return std::holds_alternative<int64_t>(data_); }
  bool is_double() const { return std::holds_alternative<double>(data_); }
  bool is_number() const { return is_integer() || is_double() || is_bool(); }  // in Python a bool is a number
  bool is_string() const { return std::holds_alternative<std::string>(data_); }
  bool is_list() const { return std::holds_alternative<std::shared_ptr<ListBox>>(data_); }
  bool is_dict() const { return std::holds_alternative<std::shared_ptr<DictBox>>(data_); }
  bool is_object() const { return std::holds_alternative<std::shared_ptr<const Object>>(data_); }
  std::string_view kind() const;  // "undefined", "none", "bool", "int", "float", "string", "list", "dict", "object"

  bool boolean() const { return std::get<bool>(data_); }
  int64_t integer() const { return is_bool() ? int64_t{boolean()} : std::get<int64_t>(data_); }
  double number() const { return is_double() ? std::get<double>(data_) : static_cast<double>(integer()); }
  const std::string& str() const { return std::get<std::string>(data_); }
  const List& list() const { return std::get<std::shared_ptr<ListBox>>(data_)->items; }
  const Dict& dict() const { return std::get<std::shared_ptr<DictBox>>(data_)->items; }
  const Object& object() const { return *std::get<std::shared_ptr<const Object>>(data_); }
  const std::string& missing_name() const { return std::get<Missing>(data_).name; }
  const std::string& missing_hint() const { return std::get<Missing>(data_).hint; }

  int depth() const;                              // how deep lists and dicts nest in it; 0 of what is neither
  bool IsTrue() const;                            // Python's truth
  const Value* Find(std::string_view key) const;  // of a dict, by a string key; nullptr when there is none

 private:
  struct ListBox {
    List items;
    int depth = 1;
  };
  struct DictBox {
    Dict items;
    int depth = 1;
  };
  struct Missing {
    std::string name;
    std::string hint;
  };
  std::variant<std::monostate, Missing, bool, int64_t, double, std::string, std::shared_ptr<ListBox>,
               std::shared_ptr<DictBox>, std::shared_ptr<const Object>>
      data_;
};

struct Argument {
  std::string name;  // "" when positional
  Value value;
  size_t begin = 0;  // its offset in the template
};

// One call in a template: of a function, a filter or a method.
struct CallSite {
  std::string_view function;  // its name, for errors
  size_t begin = 0;           // its offset in the template
  std::vector<Argument> arguments;
  Budget* budget = nullptr;
};

// Whatever is neither text, number nor container: functions now; macros, relations and modules have room here.
class Object {
 public:
  virtual ~Object() = default;
  virtual std::string Text() const = 0;  // what {{ it }} renders
  virtual StatusOr<Value> Call(const CallSite& site) const;
  virtual Value GetAttribute(std::string_view name) const;  // undefined when there is none
};

// Python's str(v): True, None, ['a', 1.5]. An undefined value is an error.
StatusOr<std::string> ToText(const Value& v, Budget* budget);
// Python's a == b.
StatusOr<bool> Equal(const Value& a, const Value& b, Budget* budget);
// Negative, zero or positive; an error when the two have no order, as a text and a number.
StatusOr<int> Compare(const Value& a, const Value& b, Budget* budget);
// An error for what JSON cannot say.
StatusOr<Json> ToJson(const Value& v, Budget* budget);

}  // namespace headrace::jinja
