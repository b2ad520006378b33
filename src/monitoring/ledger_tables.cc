#include "monitoring/ledger_tables.h"

#include <array>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "base/json.h"
#include "warehouse/appender.h"
#include "warehouse/sql_text.h"

namespace headrace {
namespace {

constexpr std::string_view kSchemaName = "ledger";

// DuckDB's names are equal in any case.
const Field* FindAnyCase(const Schema& schema, std::string_view name) {
  for (const Field& field : schema) {
    if (absl::EqualsIgnoreCase(ToAbsl(field.name), ToAbsl(name))) return &field;
  }
  return nullptr;
}

Value ClassValues(const std::vector<double>& values) {
  if (values.empty()) return Value::Null();
  std::string text = "[";
  for (const double v : values) {
    if (text.size() > 1) text += ", ";
    AppendJsonDouble(v, &text);
  }
  return Value::Varchar(text + "]");
}

// The values of the fixed columns, in the order of LedgerColumns().
std::array<Value, 13> FixedValues(const Prediction& p) {
  return {Value::Varchar(p.id),
          Value::Timestamp(p.time),
          Value::Bigint(p.version),
          Value::Varchar(p.alias),
          Value::Varchar(p.replay),
          Value::Varchar(p.request_json),
          Value::Double(p.value),
          ClassValues(p.class_values),
          Value::Bigint(p.latency_us),
          Value::Varchar(p.definitions),
          Value::Null(),
          Value::Null(),
          Value::Timestamp(p.asked_at)};
}

// Which column of the table each of a prediction's values goes to; predictions of one version share the answer.
class FeaturePlaces {
 public:
  explicit FeaturePlaces(const Schema& table) : table_(table) {}
  const std::vector<size_t>& Of(const Schema* features) {
    const auto [place, is_new] = places_.try_emplace(features);
    if (is_new) {
      for (const Field& feature : *features) {
        place->second.push_back(FindField(table_, FindLedgerColumn(table_, feature).name).value());
      }
    }
    return place->second;
  }

 private:
  const Schema& table_;
  absl::flat_hash_map<const Schema*, std::vector<size_t>> places_;
};

RecordBatch ToBatch(const Schema& table, const std::vector<const Prediction*>& predictions) {
  RecordBatch batch(table);
  FeaturePlaces places(table);
  for (const Prediction* p : predictions) {
    std::vector<const Value*> row(table.size(), nullptr);
    const auto fixed = FixedValues(*p);
    for (size_t i = 0; i < fixed.size(); ++i) row[i] = &fixed[i];
    if (p->features != nullptr) {
      const std::vector<size_t>& columns = places.Of(p->features.get());
      for (size_t i = 0; i < columns.size(); ++i) row[columns[i]] = &p->values[i];
    }
    for (size_t i = 0; i < row.size(); ++i)
      row[i] != nullptr ? batch.columns[i].Append(*row[i]) : batch.columns[i].AppendNull();
  }
  batch.num_rows = predictions.size();
  return batch;
}

}  // namespace

std::string LedgerRelation(std::string_view model) {
  return fmt::format("{}.{}", kSchemaName, QuoteIdentifier(model));
}

LedgerColumn FindLedgerColumn(const Schema& table, const Field& feature) {
  for (int attempt = 0;; ++attempt) {
    std::string name = feature.name;
    if (attempt > 0) name += fmt::format("::{}", TypeName(feature.type));
    if (attempt > 1) name += fmt::format("::{}", attempt);
    const Field* taken = FindAnyCase(table, name);
    if (taken == nullptr) return {std::move(name), false};
    if (taken->name == name && taken->type == feature.type) return {std::move(name), true};
  }
}

StatusOr<std::optional<Schema>> LedgerTableSchema(Connection& connection, std::string_view model) {
  const std::array<Value, 2> names = {Value::Varchar(std::string(kSchemaName)), Value::Varchar(std::string(model))};
  HR_ASSIGN_OR_RETURN(const Value found,
                      connection.QueryValue("select count(*) from information_schema.tables where table_catalog = "
                                            "current_catalog() and table_schema = ? and lower(table_name) = lower(?)",
                                            names));
  if (found.int64() == 0) return std::nullopt;
  HR_ASSIGN_OR_RETURN(Schema schema, connection.Describe("select * from " + LedgerRelation(model)));
  return schema;
}

StatusOr<std::unique_ptr<LedgerTables>> LedgerTables::Open(Database& warehouse) {
  HR_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, warehouse.Connect());
  HR_RETURN_IF_ERROR(connection->Execute(R"(
    create schema if not exists headrace;
    create schema if not exists ledger;
    create table if not exists headrace.ledger_journal(journal varchar, position bigint);
    create temp table ledger_labels(id varchar, label double, label_known_at timestamp);
  )"));
  return std::unique_ptr<LedgerTables>(new LedgerTables(std::move(connection)));
}

StatusOr<uint64_t> LedgerTables::Position(std::string_view journal) {
  const std::array<Value, 1> parameters = {Value::Varchar(std::string(journal))};
  HR_ASSIGN_OR_RETURN(
      const Value position,
      connection_->QueryValue("select max(position) from headrace.ledger_journal where journal = ?", parameters));
  return position.is_null() ? 0 : static_cast<uint64_t>(position.int64());
}

Status LedgerTables::Apply(std::span<const LedgerEntry* const> entries, std::string_view journal, uint64_t position) {
  std::map<std::string, Work> work;
  for (const LedgerEntry* entry : entries) {
    if (const auto* prediction = std::get_if<Prediction>(entry)) {
      work[prediction->model].predictions.push_back(prediction);
    } else {
      const auto& labels = std::get<ModelLabels>(*entry);
      work[labels.model].labels.push_back(&labels);
    }
  }
  const Status status = ApplyWork(work, journal, position);
  if (!status.ok()) tables_.clear();  // somebody may have changed them
  return Annotate(status, "the ledger cannot be written");
}

// The tables grow before the transaction: growing twice does no harm.
Status LedgerTables::ApplyWork(const std::map<std::string, Work>& work, std::string_view journal, uint64_t position) {
  for (const auto& [model, of_model] : work) {
    if (!of_model.predictions.empty()) HR_RETURN_IF_ERROR(GrowTable(model, of_model.predictions));
  }
  HR_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*connection_));
  for (const auto& [model, of_model] : work) {
    if (!of_model.predictions.empty()) HR_RETURN_IF_ERROR(Insert(model, of_model.predictions));
    if (!of_model.labels.empty()) HR_RETURN_IF_ERROR(Update(model, of_model.labels));
  }
  HR_RETURN_IF_ERROR(SetPosition(journal, position));
  return transaction.Commit();
}

Status LedgerTables::GrowTable(const std::string& model, const std::vector<const Prediction*>& predictions) {
  if (!tables_.contains(model)) {
    HR_ASSIGN_OR_RETURN(std::optional<Schema> schema, LedgerTableSchema(*connection_, model));
    if (!schema) {
      schema = LedgerColumns();
      HR_RETURN_IF_ERROR(
          connection_->Execute(fmt::format("create table {}({})", LedgerRelation(model), ColumnDefinitions(*schema))));
    }
    tables_[model] = *std::move(schema);
  }
  Schema& table = tables_[model];
  const Schema* checked = nullptr;
  for (const Prediction* prediction : predictions) {
    if (prediction->features == nullptr || prediction->features.get() == checked) continue;
    checked = prediction->features.get();
    for (const Field& feature : *checked) {
      LedgerColumn column = FindLedgerColumn(table, feature);
      if (column.exists) continue;
      const Field field = {std::move(column.name), feature.type};
      HR_RETURN_IF_ERROR(connection_->Execute(
          fmt::format("alter table {} add column {}", LedgerRelation(model), ColumnDefinitions({field}))));
      table.push_back(field);
    }
  }
  return absl::OkStatus();
}

Status LedgerTables::Insert(const std::string& model, const std::vector<const Prediction*>& predictions) {
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Appender> appender, Appender::Create(*connection_, kSchemaName, model));
  HR_RETURN_IF_ERROR(appender->Append(ToBatch(tables_.at(model), predictions)));
  return appender->Close();
}

Status LedgerTables::Update(const std::string& model, const std::vector<const ModelLabels*>& labels) {
  std::map<std::string_view, const Label*> last;  // a later label of an id replaces the earlier one
  for (const ModelLabels* of_call : labels) {
    for (const Label& label : of_call->labels) last[label.id] = &label;
  }
  RecordBatch batch({{"id", TypeId::kVarchar}, {"label", TypeId::kDouble}, {"label_known_at", TypeId::kTimestamp}});
  for (const auto& [id, label] : last) {
    batch.columns[0].AppendString(id);
    batch.columns[1].AppendDouble(label->label);
    batch.columns[2].AppendInt(label->known_at);
  }
  batch.num_rows = last.size();
  HR_RETURN_IF_ERROR(connection_->Execute("delete from temp.ledger_labels"));
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Appender> appender,
                      Appender::Create(*connection_, "temp", "ledger_labels"));
  HR_RETURN_IF_ERROR(appender->Append(batch));
  HR_RETURN_IF_ERROR(appender->Close());
  return connection_->Execute(
      fmt::format("update {} as ledger set label = new.label, label_known_at = new.label_known_at "
                  "from temp.ledger_labels as new where ledger.id = new.id",
                  LedgerRelation(model)));
}

Status LedgerTables::SetPosition(std::string_view journal, uint64_t position) {
  const std::array<Value, 2> parameters = {Value::Varchar(std::string(journal)),
                                           Value::Bigint(static_cast<int64_t>(position))};
  HR_RETURN_IF_ERROR(
      connection_->Execute("delete from headrace.ledger_journal where journal = ?", std::span(parameters).first(1)));
  return connection_->Execute("insert into headrace.ledger_journal values (?, ?)", parameters);
}

}  // namespace headrace
