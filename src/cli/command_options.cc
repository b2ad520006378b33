// The options of every command. Each function adds one: its typed command lives as long as the parser's callbacks.
#include <filesystem>
#include <memory>
#include <utility>

#include "base/memory.h"
#include "cli/command_set.h"
#include "engine/vars.h"

namespace headrace {
namespace {

using Made = StatusOr<AnyCommand>;

// A command to be filled while the arguments are parsed.
template <typename Command>
std::shared_ptr<Command> New() {
  return std::make_shared<Command>();
}

// An instant that was given, or nothing.
StatusOr<std::optional<TimestampUs>> InstantOf(std::string_view option, const std::string& text) {
  if (text.empty()) return std::optional<TimestampUs>();
  const StatusOr<TimestampUs> instant = ParseTimestamp(text);
  if (instant.ok()) return std::optional<TimestampUs>(*instant);
  return InvalidArgument("{}: {}", option, Message(instant.status()));
}

void AddInit(CommandSet* set) {
  const auto command = New<InitCommand>();
  Arguments app = set->Add("init", "Make a new project, or a copy of an example",
                           "headrace init shop\n  headrace init flights --example flights",
                           [command](const ParseContext& context) -> Made {
                             command->folder = context.Absolute(command->folder);
                             return *command;
                           });
  app.Text("folder", &command->folder, "The project's new folder", "DIR").Required();
  app.Text("--example", &command->example, "The example to copy: flights", "NAME");
}

void AddCheck(CommandSet* set) {
  const auto vars = New<std::string>();
  Arguments app = set->Add("check", "Report every error of the project's files; touches no data",
                           "headrace check --vars '{late_minutes: 30}'", [vars](const ParseContext& context) -> Made {
                             CheckCommand command;
                             HR_ASSIGN_OR_RETURN(command.vars, ParseVars(*vars));
                             command.json = context.json;
                             return command;
                           });
  app.Text("--vars", vars.get(), "Values for var(), as a YAML mapping", "YAML");
}

void AddBuild(CommandSet* set) {
  const auto command = New<BuildCommand>();
  const auto vars = New<std::string>();
  Arguments app = set->Add("build", "Load sources, build tables, run tests, and publish the lot",
                           "headrace build\n  headrace build --select fct_flights+ --exclude tag:slow",
                           [command, vars](const ParseContext& context) -> Made {
                             HR_ASSIGN_OR_RETURN(command->vars, ParseVars(*vars));
                             command->json = context.json;
                             return *command;
                           });
  app.Texts("--select", &command->select, "Tables and sources to build: names, +name, name+, tag:t, source:s", "S");
  app.Texts("--exclude", &command->exclude, "Tables and sources to leave out", "S");
  app.Flag("--full-refresh", &command->full_refresh, "Take incremental sources and histories of streams again");
  app.Text("--vars", vars.get(), "Values for var(), as a YAML mapping", "YAML");
}

void AddSql(CommandSet* set) {
  const auto command = New<SqlCommand>();
  Arguments app = set->Add("sql", "Query the published tables, ledger.MODEL and quarantine.events",
                           "headrace sql \"select carrier, count(*) from fct_flights group by carrier\" --format csv",
                           [command](const ParseContext& context) -> Made {
                             if (context.json) command->format = "json";
                             if (command->format == "parquet" && command->out.empty())
                               return InvalidArgument("--format parquet needs --out FILE");
                             if (command->format != "parquet" && !command->out.empty())
                               return InvalidArgument("--out is for --format parquet; redirect the output instead");
                             command->out = context.Absolute(command->out);
                             return *command;
                           });
  app.Text("query", &command->sql, "One statement that only reads", "SQL").Required();
  app.Text("--format", &command->format, "table, csv, json or parquet", "F")
      .OneOf({"table", "csv", "json", "parquet"})
      .ShowDefault();
  app.Text("--out", &command->out, "The file to write, of parquet", "FILE");
  app.Number("--limit", &command->limit, "Rows of a table to show", "N").Positive().ShowDefault();
}

void AddShow(CommandSet* set) {
  Arguments group = set->AddGroup("show", "Show what a build would do, or a view as plain SQL", "headrace show plan");
  set->Add(
      "plan", "What a build would do, in order", "headrace show plan",
      [](const ParseContext& context) -> Made {
        return ShowCommand{"", context.json};
      },
      group);
  const auto view = New<std::string>();
  Arguments sql = set->Add(
      "sql", "A feature view as plain SQL, which DuckDB runs", "headrace show sql carrier_recent",
      [view](const ParseContext& context) -> Made {
        return ShowCommand{*view, context.json};
      },
      group);
  sql.Text("view", view.get(), "The feature view", "VIEW").Required();
}

// "entity=column" pairs.
StatusOr<std::map<std::string, std::string>> ParseEntities(const std::vector<std::string>& pairs) {
  std::map<std::string, std::string> result;
  for (const std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == pair.size()) {
      return InvalidArgument("--entities: '{}' is no pair; write ENTITY=COLUMN", pair);
    }
    result[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return result;
}

// What a training set may take; 0, that is half of the machine's, unless it is given.
StatusOr<size_t> ParseMemory(const std::string& text) {
  if (text.empty()) return size_t{0};
  const StatusOr<size_t> bytes = ParseByteCount(text);
  return bytes.ok() ? bytes : InvalidArgument("--memory: {}", Message(bytes.status()));
}

void AddMemory(Arguments app, std::string* memory) {
  app.Text("--memory", memory,
           "What making the set may take; past it, rows go to .headrace/tmp. By default half of the "
           "machine's",
           "4GB");
}

// A model, or labels with all that they need.
Made FinishTrainingSet(const ParseContext& context, TrainingSetCommand command,
                       const std::vector<std::string>& entities, const std::string& memory) {
  if (command.model.empty() == command.labels.empty()) {
    return InvalidArgument("name a MODEL, or give --labels, --time and --features");
  }
  if (!command.model.empty() && !(command.time.empty() && command.features.empty() && entities.empty())) {
    return InvalidArgument("--time, --features and --entities go with --labels; a model's recipe says its own");
  }
  if (!command.labels.empty() && (command.time.empty() || command.features.empty())) {
    return InvalidArgument("--labels needs --time COLUMN and --features VIEW.FEATURE,...");
  }
  HR_ASSIGN_OR_RETURN(command.entities, ParseEntities(entities));
  HR_ASSIGN_OR_RETURN(command.memory_bytes, ParseMemory(memory));
  // A name without a file behind it is a table's.
  if (const std::string path = context.Absolute(command.labels); std::filesystem::is_regular_file(path))
    command.labels = path;
  command.out = context.Absolute(command.out);
  command.json = context.json;
  return command;
}

void AddTrainingSet(CommandSet* set) {
  const auto command = New<TrainingSetCommand>();
  const auto entities = New<std::vector<std::string>>();
  const auto memory = New<std::string>();
  Arguments app = set->Add(
      "training-set", "Write a point-in-time correct training set",
      "headrace training-set late_arrival --out late.parquet\n"
      "  headrace training-set --labels asked.csv --time asked_at --features carrier_recent.* --out rows.parquet",
      [command, entities, memory](const ParseContext& context) {
        return FinishTrainingSet(context, *command, *entities, *memory);
      });
  app.Text("model", &command->model, "The model whose training set it is", "MODEL");
  app.Text("--labels", &command->labels, "In place of a model: a file or table with keys and times", "FILE|TABLE");
  app.Text("--time", &command->time, "Its column with each row's instant", "COLUMN");
  app.List("--features", &command->features, "The features: view.feature or view.*", "A,B");
  app.List("--entities", entities.get(), "The label columns of entities, where names differ: carrier=code", "E=C");
  app.Text("--out", &command->out, "The Parquet file to write; a set that is there already is extended", "FILE")
      .Required();
  app.Flag("--full", &command->full, "Compute every row, also where the set that is there has it");
  AddMemory(app, memory.get());
}

void AddTrain(CommandSet* set) {
  const auto command = New<TrainCommand>();
  const auto memory = New<std::string>();
  Arguments app = set->Add("train", "Train, evaluate and register a model; promote it if it is better",
                           "headrace train late_arrival", [command, memory](const ParseContext& context) -> Made {
                             HR_ASSIGN_OR_RETURN(command->memory_bytes, ParseMemory(*memory));
                             if (command->full && command->training_set.empty())
                               return InvalidArgument("--full goes with --training-set FILE");
                             command->training_set = context.Absolute(command->training_set);
                             command->json = context.json;
                             return *command;
                           });
  app.Text("model", &command->model, "The model recipe", "MODEL").Required();
  app.Text("--training-set", &command->training_set, "Keep the training set in this Parquet file, and extend it",
           "FILE");
  app.Flag("--full", &command->full, "Compute every row of it, also where the file has it");
  AddMemory(app, memory.get());
}

// One of the commands below `models`.
Arguments AddModelsAction(CommandSet* set, Arguments group, const std::shared_ptr<ModelsCommand>& command,
                          ModelsCommand::Action action, const std::string& name, const std::string& purpose,
                          const std::string& example) {
  return set->Add(
      name, purpose, example,
      [command, action](const ParseContext& context) -> Made {
        command->action = action;
        command->json = context.json;
        return *command;
      },
      group);
}

void AddModels(CommandSet* set) {
  using Action = ModelsCommand::Action;
  const auto command = New<ModelsCommand>();
  Arguments group = set->Add("models", "List the registry's models; show or promote a version",
                             "headrace models\n  headrace models show late_arrival@champion",
                             [](const ParseContext& context) -> Made {
                               ModelsCommand list;
                               list.json = context.json;
                               return list;
                             });
  Arguments show = AddModelsAction(set, group, command, Action::kShow, "show", "What a version is and was made from",
                                   "headrace models show late_arrival/3");
  show.Text("reference", &command->reference, "MODEL, MODEL@ALIAS or MODEL/VERSION", "REF").Required();
  Arguments alias = AddModelsAction(set, group, command, Action::kAlias, "alias", "Point an alias at a version",
                                    "headrace models alias late_arrival champion 3");
  alias.Text("model", &command->reference, "The model", "MODEL").Required();
  alias.Text("alias", &command->alias, "The alias, such as champion", "ALIAS").Required();
  alias.Number("version", &command->version, "The version that it shall name", "N").Required().Positive();
  Arguments rebuild = AddModelsAction(set, group, command, Action::kRebuild, "rebuild",
                                      "Build a version's training set again and compare its hash",
                                      "headrace models rebuild late_arrival/3");
  rebuild.Text("reference", &command->reference, "MODEL, MODEL@ALIAS or MODEL/VERSION", "REF").Required();
}

void AddServe(CommandSet* set) {
  const auto command = New<ServeCommand>();
  const auto port = std::make_shared<int64_t>(command->port);
  Arguments app = set->Add("serve", "Serve features and predictions over HTTP; owns the project's state",
                           "headrace serve --port 8500", [command, port](const ParseContext&) -> Made {
                             command->port = static_cast<int>(*port);
                             return *command;
                           });
  app.Text("--host", &command->host, "The address to listen on", "ADDRESS").ShowDefault();
  app.Number("--port", port.get(), "The port; 0 picks a free one", "N").Between(0, 65535).ShowDefault();
}

void AddPush(CommandSet* set) {
  const auto command = New<PushCommand>();
  Arguments app = set->Add("push", "Send a file of events to the server",
                           "headrace push raw.arrivals arrivals.ndjson\n"
                           "  headrace push raw.arrivals --quarantined",
                           [command](const ParseContext& context) -> Made {
                             if (command->file.empty() && !command->quarantined)
                               return InvalidArgument("push what? give a FILE, or --quarantined");
                             if (command->quarantined && !command->on_error.empty())
                               return InvalidArgument(
                                   "--quarantined: what is still bad stays in quarantine; leave "
                                   "--on-error out");
                             command->file = context.Absolute(command->file);
                             command->json = context.json;
                             return *command;
                           });
  app.Text("source", &command->source, "The stream source: raw.arrivals", "SOURCE").Required();
  app.Text("file", &command->file, "Events: .ndjson, .json, .csv or .parquet", "FILE");
  app.Text("--on-error", &command->on_error,
           "What becomes of bad rows: refuse their request (by default), or accept the others and keep these in "
           "quarantine.events",
           "refuse|quarantine")
      .OneOf({"refuse", "quarantine"});
  app.Flag("--quarantined", &command->quarantined,
           "Send again what the quarantine holds of the source; with a FILE, the "
           "mended rows in it: {\"id\": of quarantine.events, \"row\": {...}}");
  app.Text("--server", &command->server, "The server, if it is not this project's", "URL");
}

// One row, or a file and where the answers go.
Made FinishPredict(const ParseContext& context, PredictCommand command, const std::string& at) {
  if (command.row.empty() == command.file.empty()) return InvalidArgument("give --row JSON, or --file F --out G");
  if (command.file.empty() != command.out.empty()) return InvalidArgument("--file and --out go together");
  HR_ASSIGN_OR_RETURN(command.at, InstantOf("--at", at));
  command.file = context.Absolute(command.file);
  command.out = context.Absolute(command.out);
  command.json = context.json;
  return command;
}

void AddPredict(CommandSet* set) {
  const auto command = New<PredictCommand>();
  const auto at = New<std::string>();
  Arguments app =
      set->Add("predict", "Ask the server for predictions",
               "headrace predict late_arrival --row '{\"carrier\": \"UA\", \"origin\": \"EWR\"}'\n"
               "  headrace predict late_arrival --file asked.csv --out answers.parquet",
               [command, at](const ParseContext& context) { return FinishPredict(context, *command, *at); });
  app.Text("model", &command->model, "MODEL, MODEL@ALIAS or MODEL/VERSION", "MODEL").Required();
  app.Text("--row", &command->row, "Keys and request fields of one prediction", "JSON");
  app.Text("--file", &command->file, "Rows to predict: .csv, .json, .ndjson or .parquet", "FILE");
  app.Text("--out", &command->out, "The file for rows and predictions, of the same kinds", "FILE");
  app.Text("--at", at.get(), "The instant of the features; now if not given", "TIME");
  app.Text("--server", &command->server, "The server, if it is not this project's", "URL");
}

void AddReplay(CommandSet* set) {
  struct Times {
    std::string from, to, speed = "max";
  };
  const auto command = New<ReplayCommand>();
  const auto times = New<Times>();
  Arguments app =
      set->Add("replay", "Send history through a server as it would have come live; state is not touched",
               "headrace replay late_arrival --from 2013-12-15 --to 2014-01-01",
               [command, times](const ParseContext& context) -> Made {
                 HR_ASSIGN_OR_RETURN(const std::optional<TimestampUs> from, InstantOf("--from", times->from));
                 HR_ASSIGN_OR_RETURN(command->to, InstantOf("--to", times->to));
                 if (!from) return InvalidArgument("--from needs an instant");
                 command->from = *from;
                 if (command->to && *command->to <= *from) return InvalidArgument("--to must be after --from");
                 command->json = context.json;
                 return *command;
               });
  app.Text("model", &command->model, "MODEL, MODEL@ALIAS or MODEL/VERSION", "MODEL").Required();
  app.Text("--from", &times->from, "Where the replay begins; state is what was known then", "TIME").Required();
  app.Text("--to", &times->to, "Where it ends; by default with the history", "TIME");
  app.Text("--speed", &times->speed, "As fast as it goes", "max").OneOf({"max"}).ShowDefault();
}

void AddVerify(CommandSet* set) {
  const auto command = New<VerifyCommand>();
  Arguments app = set->Add("verify", "Recompute the ledger's features from raw history and compare every bit",
                           "headrace verify late_arrival", [command](const ParseContext& context) -> Made {
                             command->json = context.json;
                             return *command;
                           });
  app.Text("model", &command->model, "One model; all if not given", "MODEL");
  app.Flag("--naive", &command->naive, "Compute with the slow reference implementation");
}

void AddState(CommandSet* set) {
  using Action = StateCommand::Action;
  Arguments group =
      set->AddGroup("state", "Compare the online state by its hash, or make it again from history and log",
                    "headrace state hash\n  headrace state repair");
  set->Add(
      "hash", "A hash of the online state, the same for the same log and history", "headrace state hash --json",
      [](const ParseContext& context) -> Made {
        return StateCommand{Action::kHash, context.json};
      },
      group);
  set->Add(
      "repair", "Make the states again from history and log, which is kept; no server may run", "headrace state repair",
      [](const ParseContext& context) -> Made {
        return StateCommand{Action::kRepair, context.json};
      },
      group);
}

void AddBackup(CommandSet* set) {
  const auto command = New<BackupCommand>();
  Arguments app = set->Add("backup", "Copy the project and its state into a new folder, while the server runs or not",
                           "headrace backup /backups/shop-monday", [command](const ParseContext& context) -> Made {
                             command->folder = context.Absolute(command->folder);
                             command->json = context.json;
                             return *command;
                           });
  app.Text("folder", &command->folder, "The new folder; a project to go on from", "DIR").Required();
}

void AddExplain(CommandSet* set) {
  const auto command = New<ExplainCommand>();
  Arguments app =
      set->Add("explain", "One prediction: its features, the rows behind them, versions",
               "headrace explain 01JD3ZQ6T9N8GJ5W4K2V7XBRMC", [command](const ParseContext& context) -> Made {
                 command->json = context.json;
                 return *command;
               });
  app.Text("prediction", &command->id, "The prediction's id, from its answer or the ledger", "ID").Required();
}

void AddExport(CommandSet* set) {
  set->Add("export", "Write the log of pushed events to .headrace/events as Parquet, and truncate it behind that",
           "headrace export", [](const ParseContext& context) -> Made { return ExportCommand{context.json}; });
}

}  // namespace

void AddCommands(CommandSet* set) {
  AddInit(set);
  AddCheck(set);
  AddBuild(set);
  AddSql(set);
  AddShow(set);
  AddTrainingSet(set);
  AddTrain(set);
  AddModels(set);
  AddServe(set);
  AddPush(set);
  AddPredict(set);
  AddReplay(set);
  AddVerify(set);
  AddState(set);
  AddBackup(set);
  AddExplain(set);
  AddExport(set);
}

}  // namespace headrace
