#include "catalog/template/call.h"

#include <algorithm>

#include "base/diagnostic.h"
#include "catalog/template/error.h"

namespace headrace::jinja {

StatusOr<std::vector<const Argument*>> BindArguments(const CallSite& site,
                                                     std::initializer_list<std::string_view> parameters,
                                                     size_t required) {
  const std::vector<std::string> names(parameters.begin(), parameters.end());
  std::vector<const Argument*> bound(names.size(), nullptr);
  size_t next = 0;
  for (const Argument& argument : site.arguments) {
    size_t place = next;
    if (argument.name.empty()) {
      ++next;
    } else {
      place = static_cast<size_t>(std::find(names.begin(), names.end(), argument.name) - names.begin());
      if (place == names.size()) {
        return ErrorAt(argument.begin, fmt::format("'{}' is no argument of '{}'", argument.name, site.function),
                       NearestNameHint(argument.name, names));
      }
    }
    if (place >= names.size()) {
      return ErrorAt(argument.begin, fmt::format("'{}' takes at most {} argument{}, got {}", site.function,
                                                 names.size(), names.size() == 1 ? "" : "s", site.arguments.size()));
    }
    if (bound[place] != nullptr)
      return ErrorAt(argument.begin, fmt::format("argument '{}' of '{}' is given twice", names[place], site.function));
    bound[place] = &argument;
  }
  for (size_t i = 0; i < required; ++i) {
    if (bound[i] == nullptr)
      return ErrorAt(site.begin, fmt::format("'{}' needs the argument '{}'", site.function, names[i]));
  }
  return bound;
}

StatusOr<std::string> TextArgument(const Argument& argument, std::string_view function) {
  if (argument.value.is_string()) return argument.value.str();
  if (argument.value.is_undefined()) {
    return ErrorAt(argument.begin, fmt::format("'{}' is undefined", argument.value.missing_name()),
                   argument.value.missing_hint());
  }
  return ErrorAt(argument.begin, fmt::format("'{}' needs a text here, not {}", function, argument.value.kind()));
}

}  // namespace headrace::jinja
