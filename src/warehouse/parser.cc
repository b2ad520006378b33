#include "warehouse/parser.h"

#include <algorithm>
#include <cctype>
#include <mutex>
#include <set>

#include "absl/strings/str_replace.h"
#include "base/json.h"
#include "warehouse/sql_error.h"

namespace headrace {
namespace {

// A database in memory that only parses. Made at the first use, kept for the life of the program.
class ParserDatabase {
 public:
  static ParserDatabase& Get() {
    static auto* const instance = new ParserDatabase();
    return *instance;
  }

  StatusOr<Value> QueryValue(std::string_view sql, const Value& parameter) {
    const std::lock_guard lock(mutex_);
    HR_RETURN_IF_ERROR(status_);
    return connection_->QueryValue(sql, {&parameter, 1});
  }

 private:
  ParserDatabase() { status_ = Open(); }

  Status Open() {
    DatabaseOptions options;
    options.threads = 1;
    HR_ASSIGN_OR_RETURN(database_, Database::Open(options));
    HR_ASSIGN_OR_RETURN(connection_, database_->Connect());
    return absl::OkStatus();
  }

  std::mutex mutex_;
  Status status_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Connection> connection_;
};

// DuckDB's identifiers know no case.
std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

using Names = std::set<std::string>;

// The relations in a syntax tree, but for those that WITH defines around them. A name in WITH is known to what
// follows it, and to itself only if it is recursive: `with t as (select * from t)` reads the table t.
void CollectTables(const Json& tree, Names defined, Names* tables);

Names CollectFromWith(const Json& with, Names defined, Names* tables) {
  const Json* entries = with.Find("map");
  if (entries == nullptr || !entries->is_array()) return defined;
  for (const Json& entry : entries->array()) {
    const Json* name = entry.Find("key");
    const Json* definition = entry.Find("value");
    if (name == nullptr || !name->is_string() || definition == nullptr) continue;
    Names inside = defined;
    if (definition->Dump().find("\"RECURSIVE_CTE_NODE\"") != std::string::npos) inside.insert(Lower(name->str()));
    CollectTables(*definition, std::move(inside), tables);
    defined.insert(Lower(name->str()));
  }
  return defined;
}

void CollectTables(const Json& tree, Names defined, Names* tables) {
  if (tree.is_array()) {
    for (const Json& item : tree.array()) CollectTables(item, defined, tables);
    return;
  }
  if (!tree.is_object()) return;
  const Json* type = tree.Find("type");
  if (type != nullptr && type->is_string() && type->str() == "BASE_TABLE") {
    const std::string schema = tree.GetString("schema_name").value_or("");
    const std::string table = tree.GetString("table_name").value_or("");
    if (!schema.empty()) {
      tables->insert(schema + "." + table);
    } else if (!defined.contains(Lower(table))) {
      tables->insert(table);
    }
  }
  if (const Json* with = tree.Find("cte_map")) defined = CollectFromWith(*with, std::move(defined), tables);
  for (const auto& [key, member] : tree.object()) {
    if (key != "cte_map") CollectTables(member, defined, tables);
  }
}

}  // namespace

StatusOr<std::string> SerializeSelect(std::string_view sql) {
  HR_ASSIGN_OR_RETURN(const Value text,
                      ParserDatabase::Get().QueryValue("select json_serialize_sql(?::varchar)::varchar",
                                                       Value::Varchar(std::string(sql))));
  // DuckDB writes "no place" as 2^64 - 1, which is no 64-bit integer of JSON. Within a string the quotes would be
  // escaped.
  const std::string readable =
      absl::StrReplaceAll(text.str(), {{"\"query_location\":18446744073709551615", "\"query_location\":null"}});
  HR_ASSIGN_OR_RETURN(const Json answer, Json::Parse(readable));
  const Json* error = answer.Find("error");
  if (error != nullptr && error->is_bool() && error->boolean()) return ToStatus(ParseSqlError(readable));
  const Json* statements = answer.Find("statements");
  if (statements == nullptr || !statements->is_array() || statements->array().empty()) {
    return InvalidArgument("there is no SELECT statement");
  }
  if (statements->array().size() > 1) {
    return InvalidArgument("there are {} statements where one SELECT is expected", statements->array().size());
  }
  return statements->array()[0].Dump();
}

StatusOr<std::vector<std::string>> TableNames(std::string_view sql) {
  // duckdb_get_table_names knows nothing of errors, and gives up on a WITH that is joined with USING.
  HR_ASSIGN_OR_RETURN(const std::string text, SerializeSelect(sql));
  HR_ASSIGN_OR_RETURN(const Json tree, Json::Parse(text));
  Names tables;
  CollectTables(tree, {}, &tables);
  return std::vector<std::string>(tables.begin(), tables.end());
}

StatusOr<Schema> DescribeQuery(Connection& connection, std::string_view sql) {
  return connection.Describe(sql);
}

}  // namespace headrace
