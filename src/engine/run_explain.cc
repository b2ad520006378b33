// headrace explain
#include "engine/commands.h"
#include "engine/explain.h"

namespace headrace {
namespace {

std::string Text(const Json& json) {
  return json.is_string() ? json.str() : json.Dump();
}

void PrintView(const Json& view, Output& output) {
  output.Print(fmt::format("\n{} ({}, definition {})\n", Text(*view.Find("view")), Text(*view.Find("file")),
                           Text(*view.Find("definition")).substr(0, 12)));
  const Json* windows = view.Find("windows");
  if (windows == nullptr) return output.Print("  computed from the request and other features\n");
  output.Print(fmt::format("  from {}, key {}\n", Text(*view.Find("history")), view.Find("keys")->Dump()));
  for (const Json& window : windows->array()) {
    output.Print(fmt::format("  {:<8}{:>7} rows\n", Text(*window.Find("window")), window.Find("rows")->integer()));
  }
  for (const Json& row : windows->array().back().Find("latest")->array()) {
    std::string values;
    for (const Json& value : row.Find("values")->array()) {
      values +=
          fmt::format("{}{}={}", values.empty() ? "" : ", ", Text(*value.Find("column")), Text(*value.Find("value")));
    }
    output.Print(fmt::format("    {} row {}: happened {}, known {}: {}\n", Text(*row.Find("from")),
                             row.Find("row")->integer(), Text(*row.Find("event_time")), Text(*row.Find("available_at")),
                             values));
  }
}

}  // namespace

Status Run(const ExplainCommand& command, Workspace& workspace, Output& output) {
  HR_ASSIGN_OR_RETURN(const Json explanation, Explain(workspace, command.id, output));
  if (command.json) {
    output.Print(explanation.DumpPretty());
    return absl::OkStatus();
  }
  const auto text = [&](std::string_view key) { return Text(*explanation.Find(key)); };
  output.Print(fmt::format("prediction {}\n  {}/{} ({}), asked for {}: {}\n", command.id, text("model"),
                           text("version"), text("algorithm"), text("time"), text("value")));
  output.Print(fmt::format("  label {}, latency {} us{}\n", text("label"), text("latency_us"),
                           text("replay").empty() ? "" : ", replay " + text("replay")));
  output.Print(fmt::format("  training set {}, artifact {}\n  request {}\n\nfeatures\n",
                           text("training_set_hash").substr(0, 12), text("artifact").substr(0, 12), text("request")));
  for (const Json& feature : explanation.Find("features")->array()) {
    const bool equal = feature.Find("recomputed_equal")->boolean();
    output.Print(fmt::format("  {:<48}{:>24}{}\n", Text(*feature.Find("name")), Text(*feature.Find("value")),
                             equal ? "" : "   DIFFERS from raw history"));
  }
  for (const Json& view : explanation.Find("views")->array()) PrintView(view, output);
  return absl::OkStatus();
}

}  // namespace headrace
