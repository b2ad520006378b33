// headrace predict
#include "base/diagnostic.h"
#include "engine/commands.h"
#include "engine/rows_file.h"
#include "engine/server_client.h"

namespace headrace {
namespace {

constexpr size_t kRowsPerRequest = 500;

// "late_arrival/3" -> "/v1/predict/late_arrival/3"
std::string TargetOf(const std::string& reference) {
  const size_t slash = reference.find('/');
  std::string target = "/v1/predict/" + EncodePathSegment(reference.substr(0, slash));
  if (slash != std::string::npos) target += "/" + EncodePathSegment(reference.substr(slash + 1));
  return target;
}

StatusOr<Json> Ask(ServerClient& client, const PredictCommand& command, Json::Array rows) {
  Json::Object body = {{"rows", std::move(rows)}};
  if (command.at) body.emplace_back("at", FormatTimestamp(*command.at));
  return client.Post(TargetOf(command.model), Json(std::move(body)).Dump());
}

// The predictions of an answer, one per row that was asked.
StatusOr<const Json::Array*> PredictionsOf(const Json& answer, size_t rows) {
  const Json* predictions = answer.Find("predictions");
  if (predictions == nullptr || !predictions->is_array() || predictions->array().size() != rows) {
    return Internal("the server's answer has no prediction for each of {} rows: {}", rows, answer.Dump());
  }
  return &predictions->array();
}

Status PredictRow(ServerClient& client, const PredictCommand& command, Output& output) {
  const StatusOr<Json> row = Json::Parse(command.row);
  if (!row.ok()) return InvalidArgument("--row: {}", Message(row.status()));
  if (!row->is_object()) return InvalidArgument("--row must be a JSON object, not {}", row->kind());
  HR_ASSIGN_OR_RETURN(const Json answer, Ask(client, command, {*row}));
  if (command.json) {
    output.Print(answer.DumpPretty());
    return absl::OkStatus();
  }
  HR_ASSIGN_OR_RETURN(const Json::Array* predictions, PredictionsOf(answer, 1));
  const Json& prediction = predictions->front();
  HR_ASSIGN_OR_RETURN(const int64_t version, answer.GetInteger("model_version"));
  HR_ASSIGN_OR_RETURN(const std::string id, prediction.GetString("id"));
  const Json* value = prediction.Find("value");
  output.Print(fmt::format("{}\n  {}, version {}, prediction {}\n", value == nullptr ? "null" : value->Dump(),
                           command.model, version, id));
  return absl::OkStatus();
}

// What the answers add to the rows of a file.
class AnswerColumns {
 public:
  Status Append(const Json& answer, size_t rows) {
    HR_ASSIGN_OR_RETURN(const Json::Array* predictions, PredictionsOf(answer, rows));
    HR_ASSIGN_OR_RETURN(const int64_t version, answer.GetInteger("model_version"));
    for (const Json& prediction : *predictions) {
      HR_ASSIGN_OR_RETURN(const std::string id, prediction.GetString("id"));
      id_.AppendString(id);
      const Json* value = prediction.Find("value");
      HR_ASSIGN_OR_RETURN(const Value number, FromJson(value == nullptr ? Json() : *value, TypeId::kDouble));
      value_.Append(number);
      version_.AppendInt(version);
    }
    return absl::OkStatus();
  }

  Status AddTo(RecordBatch* rows) && {
    for (auto& [name, column] :
         {std::pair{"prediction", &value_}, {"prediction_id", &id_}, {"model_version", &version_}}) {
      if (FindField(rows->schema, name)) return InvalidArgument("the file already has a column '{}'; rename it", name);
      rows->schema.push_back({name, column->type()});
      rows->columns.push_back(std::move(*column));
    }
    return absl::OkStatus();
  }

 private:
  Column id_{TypeId::kVarchar};
  Column value_{TypeId::kDouble};
  Column version_{TypeId::kBigint};
};

Status PredictFile(ServerClient& client, const PredictCommand& command, Output& output) {
  HR_RETURN_IF_ERROR(CheckRowsFileName(command.out));
  HR_ASSIGN_OR_RETURN(RecordBatch rows, ReadRowsFile(command.file));
  AnswerColumns answers;
  const std::string step = "asking " + command.model;
  const auto total = static_cast<int64_t>(rows.num_rows);
  for (size_t begin = 0; begin < rows.num_rows; begin += kRowsPerRequest) {
    output.Progress(step, static_cast<int64_t>(begin), total);
    Json::Array batch;
    for (size_t row = begin; row < std::min(rows.num_rows, begin + kRowsPerRequest); ++row)
      batch.push_back(RowToJson(rows, row));
    const size_t size = batch.size();
    const StatusOr<Json> answer = Ask(client, command, std::move(batch));
    if (!answer.ok()) return Annotate(answer.status(), fmt::format("{}, rows from {} on", command.file, begin));
    HR_RETURN_IF_ERROR(answers.Append(*answer, size));
  }
  if (total > 0) output.Progress(step, total, total);
  HR_RETURN_IF_ERROR(std::move(answers).AddTo(&rows));
  HR_RETURN_IF_ERROR(WriteRowsFile(rows, command.out));
  const Json result = Json::Object{{"rows", total}, {"out", command.out}};
  output.Print(command.json ? result.DumpPretty() : fmt::format("{}: {} predictions\n", command.out, total));
  return absl::OkStatus();
}

}  // namespace

Status Run(const PredictCommand& command, const std::string& root, Output& output) {
  HR_ASSIGN_OR_RETURN(ServerClient client, ServerClient::Connect(command.server, root));
  return command.file.empty() ? PredictRow(client, command, output) : PredictFile(client, command, output);
}

}  // namespace headrace
