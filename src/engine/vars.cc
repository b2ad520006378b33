#include "engine/vars.h"

#include "catalog/yaml.h"

namespace headrace {

StatusOr<std::map<std::string, Json>> ParseVars(std::string_view yaml) {
  std::map<std::string, Json> vars;
  Diagnostics diagnostics;
  const std::optional<YamlNode> node = ParseYaml("--vars", std::string(yaml), &diagnostics);
  HR_RETURN_IF_ERROR(ToStatus(diagnostics));
  if (!node || node->is_null()) return vars;
  if (!node->is_mapping()) {
    return InvalidArgument("--vars must be a YAML mapping such as '{{late_minutes: 30}}', not {}", node->Describe());
  }
  for (const YamlNode::Member& member : node->members) vars[member.key] = ToJson(member.value);
  return vars;
}

}  // namespace headrace
