#include "warehouse/schema_objects.h"

#include <array>
#include <string>

#include "warehouse/sql_text.h"

namespace headrace {

StatusOr<ObjectKind> FindObject(Connection& connection, std::string_view schema, std::string_view name) {
  const std::array<Value, 2> parameters = {Value::Varchar(std::string(schema)), Value::Varchar(std::string(name))};
  HR_ASSIGN_OR_RETURN(const Value type,
                      connection.QueryValue("select table_type from information_schema.tables where "
                                            "table_catalog = current_catalog() and table_schema = ? and table_name = ?",
                                            parameters));
  if (type.is_null()) return ObjectKind::kNone;
  return type.str() == "VIEW" ? ObjectKind::kView : ObjectKind::kTable;
}

Status DropUnless(Connection& connection, std::string_view schema, std::string_view name, ObjectKind keep) {
  HR_ASSIGN_OR_RETURN(const ObjectKind kind, FindObject(connection, schema, name));
  if (kind == ObjectKind::kNone || kind == keep) return absl::OkStatus();
  return connection.Execute(fmt::format("drop {} {}.{}", kind == ObjectKind::kView ? "view" : "table",
                                        QuoteIdentifier(schema), QuoteIdentifier(name)));
}

Status CreateBookkeeping(Connection& connection) {
  return connection.Execute(R"(
    create schema if not exists headrace;
    create schema if not exists history;
    create schema if not exists rejected;
    create schema if not exists pushed;
    create table if not exists headrace.pushed(stream varchar, position bigint, log_hash varchar);
    create table if not exists headrace.releases(number bigint, published_at timestamp);
    create table if not exists headrace.history_versions(history varchar, num_rows bigint, retracted bigint, max_ingest bigint, hash varchar);
    alter table headrace.history_versions add column if not exists late bigint;
    create table if not exists headrace.release_tables(number bigint, name varchar, kind varchar, num_rows bigint);
    create table if not exists headrace.loaded_files(source varchar, file varchar, loaded_at timestamp);
    create table if not exists headrace.histories(name varchar, content_rows bigint, content_hash varchar);
    alter table headrace.histories add column if not exists may_have_pushed_ids boolean;
  )");
}

}  // namespace headrace
