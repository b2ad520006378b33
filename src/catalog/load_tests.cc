#include "absl/strings/str_replace.h"
#include "catalog/loaders.h"

namespace headrace {
namespace {

struct KindName {
  std::string_view name;
  TestKind kind;
};
constexpr KindName kKinds[] = {{"not_null", TestKind::kNotNull},
                               {"unique", TestKind::kUnique},
                               {"accepted_values", TestKind::kAcceptedValues},
                               {"relationships", TestKind::kRelationships}};

std::optional<TestKind> FindKind(const std::string& name, const SourcePosition& where, LoadContext* context) {
  std::vector<std::string> names;
  for (const KindName& kind : kKinds) {
    if (kind.name == name) return kind.kind;
    names.emplace_back(kind.name);
  }
  context->Report(where, fmt::format("test '{}' does not exist", name), NearestNameHint(name, names));
  return std::nullopt;
}

// "not_null_fct_flights_carrier", "source_unique_raw_planes_tailnum",
// "relationships_fct_carrier__carrier__dim_carriers".
std::string DefaultName(const DataTest& test, std::string_view kind) {
  const bool is_source = test.table.find('.') != std::string::npos;
  std::string name = fmt::format("{}{}_{}_{}", is_source ? "source_" : "", kind, test.table, test.column);
  if (test.kind == TestKind::kRelationships) name += fmt::format("__{}__{}", test.to_field, test.to_relation);
  return absl::StrReplaceAll(name, {{".", "_"}});
}

// Two tests of one name are told apart by a number.
std::string Distinct(const std::string& name, LoadContext* context) {
  std::string candidate = name;
  for (int n = 2; !context->test_names.insert(candidate).second; ++n) candidate = fmt::format("{}_{}", name, n);
  return candidate;
}

void LoadAcceptedValues(YamlReader* arguments, DataTest* test) {
  const bool unquote = !arguments->Boolean("quote").value_or(true);
  if (arguments->Require("values") == nullptr) return;
  const std::vector<YamlNode>& values = arguments->List("values");
  if (values.empty()) arguments->Report(arguments->WhereOf("values"), "accepted_values needs at least one value");
  for (const YamlNode& value : values) {
    if (value.is_scalar()) {
      test->accepted_values.push_back(ToValue(value, unquote));
    } else {
      arguments->Report(value.where,
                        fmt::format("'values' must hold texts, numbers or booleans, not {}", value.Describe()));
    }
  }
}

void LoadRelationship(YamlReader* arguments, DataTest* test, LoadContext* context) {
  test->to_field = arguments->RequiredText("field");
  if (arguments->RequiredText("to").empty()) return;
  const auto to = ReadRelation(*arguments->Find("to"), context);
  if (!to) return;
  CheckRelation(*to, context);
  test->to_relation = to->relation;
  test->depends_on.push_back(to->relation);
}

// The arguments of a test stand beside its name (`- unique: {...}`) and, newer, under `arguments:`.
void LoadArguments(const YamlNode& node, DataTest* test, LoadContext* context) {
  const std::string what = fmt::format("test '{}'", test->name);
  YamlReader beside(node, what, &context->diagnostics);
  const std::string name = beside.Text("name");
  const YamlNode* under = beside.Find("arguments");
  const auto read = [&](YamlReader* arguments) {
    if (test->kind == TestKind::kAcceptedValues) LoadAcceptedValues(arguments, test);
    if (test->kind == TestKind::kRelationships) LoadRelationship(arguments, test, context);
    if (test->column.empty()) test->column = arguments->RequiredText("column_name");
  };
  if (under != nullptr) {
    YamlReader arguments(*under, what, &context->diagnostics);
    read(&arguments);
    arguments.Finish();
  } else {
    read(&beside);
  }
  beside.Ignore({"description", "meta"});
  beside.NotSupported({"config", "where", "severity", "warn_if", "error_if", "fail_calc", "limit", "store_failures",
                       "tags", "enabled"});
  beside.Finish();
  if (!name.empty()) test->name = name;
}

// `- unique` or `- unique: {...}`.
void LoadDataTest(const YamlNode& node, const std::string& relation, const std::string& column, LoadContext* context) {
  const bool named = node.is_mapping() && node.members.size() == 1;
  if (!node.is_scalar() && !named) {
    context->Report(node.where, fmt::format("a test must be a name, or a name with arguments, not {}", node.Describe()),
                    "indent its arguments below its name: '- accepted_values: {values: [a, b]}'");
    return;
  }
  const std::string kind_name = named ? node.members[0].key : node.scalar;
  const auto kind = FindKind(kind_name, node.where, context);
  if (!kind) return;
  DataTest test;
  test.kind = *kind;
  test.name = kind_name;
  test.table = relation;
  test.column = column;
  test.where = node.where;
  test.depends_on.push_back(relation);
  YamlNode none;
  none.where = node.where;
  LoadArguments(named ? node.members[0].value : none, &test, context);
  if (test.name == kind_name) test.name = DefaultName(test, kind_name);
  test.name = Distinct(test.name, context);
  context->project.tests.push_back(std::move(test));
}

}  // namespace

void LoadDataTests(YamlReader* reader, const std::string& relation, const std::string& column, LoadContext* context) {
  for (const char* key : {"tests", "data_tests"}) {
    for (const YamlNode& test : reader->List(key)) LoadDataTest(test, relation, column, context);
  }
}

void LoadSqlTest(const ProjectFile& file, LoadContext* context) {
  CheckName("test", file.stem, file.where(), context);
  SqlFile sql = RenderSqlFile(file, context);
  CheckConfigKeys(sql.config, {}, "a SQL test", context);
  for (const RelationUse& use : sql.relations) CheckRelation(use, context);
  DataTest test;
  test.name = file.stem;
  test.kind = TestKind::kSql;
  test.depends_on = sql.DistinctRelations();
  test.sql = std::move(sql.sql);
  test.where = file.where();
  if (!context->test_names.insert(test.name).second) {
    context->Report(test.where, fmt::format("there is already a test '{}'", test.name), "rename the file");
  }
  context->project.tests.push_back(std::move(test));
}

}  // namespace headrace
