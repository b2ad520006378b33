// headrace push
#include <filesystem>

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
};

Status PushAll(ServerClient& client, const std::string& source, const std::vector<std::string>& events, Pushed* pushed,
               Output& output) {
  const std::string target = "/v1/events/" + EncodePathSegment(source);
  const std::string step = "pushing to " + source;
  const auto total = static_cast<int64_t>(events.size());
  for (size_t begin = 0; begin < events.size(); begin += kRowsPerRequest) {
    output.Progress(step, static_cast<int64_t>(begin), total);
    std::string body;
    for (size_t i = begin; i < std::min(events.size(), begin + kRowsPerRequest); ++i) body += events[i] + "\n";
    const StatusOr<Json> answer = client.PostLines(target, body);
    if (!answer.ok()) return Annotate(answer.status(), fmt::format("of the events from {} on", begin));
    HR_ASSIGN_OR_RETURN(const int64_t accepted, answer->GetInteger("accepted"));
    HR_ASSIGN_OR_RETURN(const int64_t duplicates, answer->GetInteger("duplicates"));
    pushed->accepted += accepted;
    pushed->duplicates += duplicates;
  }
  if (total > 0) output.Progress(step, total, total);
  return absl::OkStatus();
}

}  // namespace

Status Run(const PushCommand& command, const std::string& root, Output& output) {
  HR_ASSIGN_OR_RETURN(ServerClient client, ServerClient::Connect(command.server, root));
  HR_ASSIGN_OR_RETURN(const std::vector<std::string> events, ReadEvents(command, root));
  Pushed pushed;
  const Status status = PushAll(client, command.source, events, &pushed, output);
  if (!status.ok()) {
    return Annotate(status, fmt::format("{} events were accepted before this", pushed.accepted + pushed.duplicates));
  }
  const Json result = Json::Object{{"accepted", pushed.accepted}, {"duplicates", pushed.duplicates}};
  output.Print(command.json ? result.DumpPretty()
                            : fmt::format("{}: {} accepted, {} duplicates\n", command.source, pushed.accepted,
                                          pushed.duplicates));
  return absl::OkStatus();
}

}  // namespace headrace
