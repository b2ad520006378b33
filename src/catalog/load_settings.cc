#include "absl/strings/numbers.h"
#include "base/memory.h"
#include "catalog/loaders.h"

namespace headrace {
namespace {

// Puts the duration under `key`, if there is one, into `setting`.
template <typename Setting>
void ReadSetting(YamlReader* reader, std::string_view key, Setting* setting, LoadContext* context) {
  const std::string text = reader->Text(key);
  if (text.empty()) return;
  if (const auto duration = ReadDuration(text, reader->WhereOf(key), context)) *setting = *duration;
}

// Puts what `parse` makes of the text under `key`, if there is one, into `setting`.
template <typename Parsed, typename Setting>
void ReadParsed(YamlReader* reader, std::string_view key, StatusOr<Parsed> (*parse)(std::string_view),
                const std::vector<std::string>& examples, Setting* setting) {
  const std::string text = reader->Text(key);
  if (text.empty()) return;
  const StatusOr<Parsed> parsed = parse(text);
  if (parsed.ok()) {
    *setting = *parsed;
  } else {
    reader->Report(reader->WhereOf(key), std::string(Message(parsed.status())), NearestNameHint(text, examples));
  }
}

void LoadExport(const YamlNode& node, LoadContext* context) {
  YamlReader reader(node, "export", &context->diagnostics);
  ExportSettings& settings = context->project.online.export_settings;
  ReadSetting(&reader, "every", &settings.every_us, context);
  ReadParsed(&reader, "size", ParseByteCount, {}, &settings.size_bytes);
  reader.Finish();
}

void LoadOnline(const YamlNode& node, LoadContext* context) {
  YamlReader reader(node, "online", &context->diagnostics);
  OnlineSettings& online = context->project.online;
  ReadParsed(&reader, "fsync", ParseFsyncPolicy, {"always", "every 10ms", "os"}, &online.fsync);
  ReadParsed(&reader, "verify", ParseVerifyRate, {"off", "200 rows every 5m"}, &online.verify);
  ReadSetting(&reader, "id_retention", &online.id_retention_us, context);
  ReadSetting(&reader, "keep", &online.keep_us, context);
  ReadSetting(&reader, "future_skew", &online.future_skew_us, context);
  ReadSetting(&reader, "checkpoint", &online.checkpoint_every_us, context);
  ReadParsed(&reader, "memory", ParseByteCount, {}, &online.memory_bytes);
  if (const YamlNode* settings = reader.Find("export"); settings != nullptr) LoadExport(*settings, context);
  reader.Finish();
}

}  // namespace

StatusOr<FsyncPolicy> ParseFsyncPolicy(std::string_view text) {
  constexpr std::string_view kEvery = "every ";
  if (text == "always") return FsyncPolicy{FsyncPolicy::When::kAlways, 0};
  if (text == "os") return FsyncPolicy{FsyncPolicy::When::kNever, 0};
  if (!text.starts_with(kEvery)) return InvalidArgument("'{}' is no value of 'fsync'", text);
  HR_ASSIGN_OR_RETURN(const DurationUs period_us, ParseDuration(text.substr(kEvery.size())));
  return FsyncPolicy{FsyncPolicy::When::kEvery, period_us};
}

StatusOr<VerifyRate> ParseVerifyRate(std::string_view text) {
  if (text == "off") return VerifyRate{0, 0};
  constexpr std::string_view kRowsEvery = " rows every ";
  const size_t middle = text.find(kRowsEvery);
  VerifyRate rate;
  if (middle == std::string_view::npos || !absl::SimpleAtoi(ToAbsl(text.substr(0, middle)), &rate.rows) ||
      rate.rows < 1) {
    return InvalidArgument("'{}' is no value of 'verify'", text);
  }
  HR_ASSIGN_OR_RETURN(rate.every_us, ParseDuration(text.substr(middle + kRowsEvery.size())));
  return rate;
}

void LoadSettings(const ProjectFile& file, const std::map<std::string, Json>& var_overrides, LoadContext* context) {
  const auto document = ParseYaml(file.path, file.text, &context->diagnostics);
  if (!document) return;
  YamlReader reader(*document, "headrace.yml", &context->diagnostics);
  context->project.name = reader.RequiredIdentifier("name");
  reader.Ignore({"description", "version"});
  if (const YamlNode* vars = reader.Find("vars"); vars != nullptr) {
    if (!vars->is_mapping())
      reader.Report(vars->where, fmt::format("'vars' must be a mapping, not {}", vars->Describe()));
    for (const YamlNode::Member& member : vars->members) context->vars[member.key] = ToJson(member.value);
  }
  for (const auto& [name, value] : var_overrides) context->vars[name] = value;
  context->project.vars = context->vars;
  if (const YamlNode* defaults = reader.Find("defaults"); defaults != nullptr) {
    YamlReader keys(*defaults, "defaults", &context->diagnostics);
    const std::string materialized = keys.OneOf("materialized", {"table", "view"}, "table");
    context->default_materialization = materialized == "view" ? Materialization::kView : Materialization::kTable;
    keys.Finish();
  }
  if (const YamlNode* online = reader.Find("online"); online != nullptr) LoadOnline(*online, context);
  LoadSources(&reader, context);
  reader.NotSupported({"jobs"});
  reader.Finish();
}

}  // namespace headrace
