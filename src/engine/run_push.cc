// headrace push
#include <filesystem>
#include <span>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "catalog/load.h"
#include "engine/commands.h"
#include "engine/relations.h"
#include "engine/rows_file.h"
#include "engine/server_client.h"

namespace headrace {
namespace {

constexpr size_t kRowsPerRequest = 1000;

// The declared columns of the stream, when the project is at hand, so that a text of digits in a CSV file is no number.
Schema DeclaredColumns(const std::string& root, const std::string& stream) {
  const StatusOr<LoadResult> loaded = ReadProject(root);
  if (!loaded.ok()) return {};
  const auto source = loaded->project.sources.find(stream);
  return source == loaded->project.sources.end() ? Schema() : StreamColumns(source->second);
}

// Every event as one JSON document. What is JSON is sent as it is: the server says what is wrong with it.
StatusOr<std::vector<std::string>> ReadEvents(const PushCommand& command, const std::string& root) {
  std::vector<std::string> events;
  const std::string extension = std::filesystem::path(command.file).extension().string();
  if (extension == ".ndjson" || extension == ".jsonl") {
    HR_ASSIGN_OR_RETURN(const std::string text, ReadFile(command.file));
    for (const absl::string_view line : absl::StrSplit(ToAbsl(text), '\n', absl::SkipWhitespace()))
      events.emplace_back(line);
    return events;
  }
  if (extension == ".json") {
    HR_ASSIGN_OR_RETURN(const std::string text, ReadFile(command.file));
    HR_ASSIGN_OR_RETURN(const Json json, Json::Parse(text));
    if (!json.is_array()) return std::vector<std::string>{json.Dump()};
    for (const Json& event : json.array()) events.push_back(event.Dump());
    return events;
  }
  HR_ASSIGN_OR_RETURN(const RecordBatch rows, ReadRowsFile(command.file, DeclaredColumns(root, command.source)));
  for (size_t row = 0; row < rows.num_rows; ++row) events.push_back(RowToJson(rows, row).Dump());
  return events;
}

struct Pushed {
  int64_t accepted = 0;
  int64_t duplicates = 0;
  std::optional<int64_t> quarantined;  // when the server says
  int64_t unknown = 0;                 // mended rows that are in quarantine no more
  Json::Array errors;                  // of the first answer that has some

  Status Add(const Json& answer, size_t first_row) {
    HR_ASSIGN_OR_RETURN(const int64_t more_accepted, answer.GetInteger("accepted"));
    HR_ASSIGN_OR_RETURN(const int64_t more_duplicates, answer.GetInteger("duplicates"));
    accepted += more_accepted;
    duplicates += more_duplicates;
    if (answer.Find("quarantined") == nullptr) return absl::OkStatus();
    HR_ASSIGN_OR_RETURN(const int64_t more_quarantined, answer.GetInteger("quarantined"));
    quarantined = quarantined.value_or(0) + more_quarantined;
    if (const StatusOr<int64_t> more_unknown = answer.GetInteger("unknown"); more_unknown.ok())
      unknown += *more_unknown;
    const Json* more_errors = answer.Find("errors");
    if (!errors.empty() || more_errors == nullptr || !more_errors->is_array()) return absl::OkStatus();
    errors = more_errors->array();
    for (Json& error : errors) {
      if (!error.is_object()) continue;
      for (auto& [name, value] : error.object()) {  // an index is a place in its request
        if (name == "index" && value.is_integer()) value = Json(value.integer() + static_cast<int64_t>(first_row));
      }
    }
    return absl::OkStatus();
  }

  Json ToJson() const {
    Json::Object result = {{"accepted", accepted}, {"duplicates", duplicates}};
    if (quarantined) result.emplace_back("quarantined", *quarantined);
    if (unknown > 0) result.emplace_back("unknown", unknown);
    if (!errors.empty()) result.emplace_back("errors", errors);
    return result;
  }

  std::string ToText(const std::string& source) const {
    std::string text = fmt::format("{}: {} accepted, {} duplicates", source, accepted, duplicates);
    if (quarantined) text += fmt::format(", {} in quarantine", *quarantined);
    if (unknown > 0) text += fmt::format(", {} not there any more", unknown);
    text += "\n";
    for (const Json& error : errors) text += fmt::format("  {}\n", ErrorText(error));
    return text;
  }

 private:
  static std::string ErrorText(const Json& error) {
    const StatusOr<int64_t> index = error.GetInteger("index");
    const StatusOr<std::string> column = error.GetString("column");
    const StatusOr<std::string> message = error.GetString("message");
    if (!index.ok() || !column.ok() || !message.ok()) return error.Dump();
    return fmt::format("row {}{}: {}", *index, column->empty() ? "" : fmt::format(", column '{}'", *column), *message);
  }
};

Status PushAll(ServerClient& client, const PushCommand& command, const std::vector<std::string>& events, Pushed* pushed,
               Output& output) {
  std::string target = "/v1/events/" + EncodePathSegment(command.source);
  if (!command.on_error.empty()) target += "?on_error=" + EncodePathSegment(command.on_error);
  const std::string step = "pushing to " + command.source;
  const auto total = static_cast<int64_t>(events.size());
  for (size_t begin = 0; begin < events.size(); begin += kRowsPerRequest) {
    output.Progress(step, static_cast<int64_t>(begin), total);
    std::string body;
    for (size_t i = begin; i < std::min(events.size(), begin + kRowsPerRequest); ++i) body += events[i] + "\n";
    const StatusOr<Json> answer = client.PostLines(target, body);
    if (!answer.ok()) return Annotate(answer.status(), fmt::format("of the events from {} on", begin));
    HR_RETURN_IF_ERROR(pushed->Add(*answer, begin));
  }
  if (total > 0) output.Progress(step, total, total);
  return absl::OkStatus();
}

// Mended rows: each event of the file is {"id", "row"}.
Status PushMended(ServerClient& client, const std::string& source, const std::vector<std::string>& events,
                  Pushed* pushed) {
  const std::string target = "/v1/quarantine/" + EncodePathSegment(source);
  for (size_t begin = 0; begin < events.size(); begin += kRowsPerRequest) {
    const auto part = std::span(events).subspan(begin, std::min(kRowsPerRequest, events.size() - begin));
    const StatusOr<Json> answer = client.Post(target, fmt::format("{{\"rows\": [{}]}}", absl::StrJoin(part, ", ")));
    if (!answer.ok()) return Annotate(answer.status(), fmt::format("of the rows from {} on", begin));
    HR_RETURN_IF_ERROR(pushed->Add(*answer, begin));
  }
  return absl::OkStatus();
}

// The server sends them again, a part a request, and releases each in the step that accepts it.
Status PushQuarantined(ServerClient& client, const std::string& source, Pushed* pushed) {
  const std::string target = "/v1/quarantine/" + EncodePathSegment(source);
  std::string after;
  while (true) {
    HR_ASSIGN_OR_RETURN(const Json answer, client.Post(target, Json(Json::Object{{"after", after}}).Dump()));
    HR_RETURN_IF_ERROR(pushed->Add(answer, 0));
    const Json* last = answer.Find("last");
    if (last == nullptr || !last->is_string()) return absl::OkStatus();
    after = last->str();
  }
}

}  // namespace

Status Run(const PushCommand& command, const std::string& root, Output& output) {
  HR_ASSIGN_OR_RETURN(ServerClient client, ServerClient::Connect(command.server, root));
  Pushed pushed;
  Status status;
  if (command.quarantined && command.file.empty()) {
    status = PushQuarantined(client, command.source, &pushed);
  } else {
    HR_ASSIGN_OR_RETURN(const std::vector<std::string> events, ReadEvents(command, root));
    status = command.quarantined ? PushMended(client, command.source, events, &pushed)
                                 : PushAll(client, command, events, &pushed, output);
  }
  if (!status.ok()) {
    return Annotate(status, fmt::format("{} events were accepted before this", pushed.accepted + pushed.duplicates));
  }
  output.Print(command.json ? pushed.ToJson().DumpPretty() : pushed.ToText(command.source));
  return absl::OkStatus();
}

}  // namespace headrace
