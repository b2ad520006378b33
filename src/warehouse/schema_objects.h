// Tables, views and schemas of a database: what there is, and clearing the way for what replaces it.
#pragma once

#include <string_view>

#include "warehouse/database.h"

namespace headrace {

enum class ObjectKind : uint8_t { kNone, kTable, kView };

// What is called "schema"."name" in the connection's database, as its transaction sees it.
StatusOr<ObjectKind> FindObject(Connection& connection, std::string_view schema, std::string_view name);

// Drops "schema"."name" unless it is of kind `keep` or not there: CREATE OR REPLACE TABLE does not replace a view.
Status DropUnless(Connection& connection, std::string_view schema, std::string_view name, ObjectKind keep);

// The schemas and bookkeeping tables that every warehouse has; does nothing where they are.
//   headrace.releases(number, published_at)              one row a publishing
//   headrace.release_tables(number, name, kind, num_rows)   what each one built
//   headrace.loaded_files(source, file, loaded_at)       incremental sources
//   headrace.histories(name, content_rows, content_hash, may_have_pushed_ids)
//                                                        what a stream's history was when it was taken
//   headrace.pushed(stream, position, log_hash)          warehouse/pushed_events.h
Status CreateBookkeeping(Connection& connection);

}  // namespace headrace
