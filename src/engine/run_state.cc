// headrace state
#include "engine/commands.h"
#include "engine/online_state.h"

namespace headrace {
namespace {

std::string_view EntriesOf(const StateHash::Part& part) {
  if (part.kind == "view") return "keys";
  return part.kind == "ids" ? "ids" : "rows";
}

Json ToJson(const StateHash& hash) {
  Json::Array parts;
  for (const StateHash::Part& part : hash.parts) {
    Json::Object json = {
        {"kind", part.kind}, {"name", part.name}, {std::string(EntriesOf(part)), part.entries}, {"hash", part.hash}};
    if (part.kind == "view") json.emplace_back("events", part.events);
    parts.emplace_back(std::move(json));
  }
  return Json::Object{{"hash", hash.hash},
                      {"log_position", static_cast<int64_t>(hash.log_position)},
                      {"seen_from", FormatTimestamp(hash.seen_from)},
                      {"parts", std::move(parts)}};
}

std::string ToText(const StateHash& hash) {
  std::string text = fmt::format("{}  at log entry {}, as seen from {}\n", hash.hash, hash.log_position,
                                 FormatTimestamp(hash.seen_from));
  for (const StateHash::Part& part : hash.parts) {
    text += fmt::format("  {:<10} {:<24} {:>10} {:<4}", part.kind, part.name, part.entries, EntriesOf(part));
    text += part.kind == "view" ? fmt::format(" {:>12} events", part.events) : std::string(20, ' ');
    text += fmt::format("  {}\n", part.hash);
  }
  return text;
}

Json ToJson(const RepairReport& report) {
  return Json::Object{{"damage", report.damage.empty() ? Json() : Json(report.damage)},
                      {"log_entries", static_cast<int64_t>(report.log_entries)},
                      {"views", report.views},
                      {"keys", report.keys},
                      {"events", report.events}};
}

std::string ToText(const RepairReport& report) {
  return fmt::format(
      "found: {}\nkept: the log, {} entries\nmade again from history and log: {} views, {} keys, {} events\n",
      report.damage.empty() ? "no damage" : report.damage, report.log_entries, report.views, report.keys,
      report.events);
}

}  // namespace

Status Run(const StateCommand& command, Workspace& workspace, Output& output) {
  if (command.action == StateCommand::Action::kRepair) {
    HR_ASSIGN_OR_RETURN(const RepairReport report, RepairOnlineState(workspace));
    output.Print(command.json ? ToJson(report).DumpPretty() : ToText(report));
    return absl::OkStatus();
  }
  HR_ASSIGN_OR_RETURN(const StateHash hash, HashOnlineState(workspace));
  output.Print(command.json ? ToJson(hash).DumpPretty() : ToText(hash));
  return absl::OkStatus();
}

}  // namespace headrace
