// What each command does, apart from reading its arguments: takes options, speaks through Output, returns a status.
//
// kAborted: the work was done and says no (a failing test, a difference). With `json` the result on Output is one JSON
// document; otherwise it is text for a person.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/output.h"
#include "base/time.h"
#include "engine/workspace.h"

namespace headrace {

struct CheckCommand {
  std::map<std::string, Json> vars;
  bool json = false;
};
Status Run(const CheckCommand& command, const std::string& root, Output& output);

struct BuildCommand {
  std::vector<std::string> select;
  std::vector<std::string> exclude;
  bool full_refresh = false;
  std::map<std::string, Json> vars;
  bool json = false;
};
Status Run(const BuildCommand& command, Workspace& workspace, Output& output);

struct SqlCommand {
  std::string sql;
  std::string format = "table";
  std::string out;  // of parquet
  int64_t limit = 1000;
};
Status Run(const SqlCommand& command, Workspace& workspace, Output& output);

struct ShowCommand {
  std::string view;  // show sql VIEW; "" for show plan
  bool json = false;
};
Status Run(const ShowCommand& command, Workspace& workspace, Output& output);

struct TrainingSetCommand {
  std::string model;  // or the three below
  std::string labels, time;
  std::vector<std::string> features;
  std::map<std::string, std::string> entities;
  std::string out;
  bool full = false;        // do not extend the set that is in `out`
  size_t memory_bytes = 0;  // 0: half of the machine's
  bool json = false;
};
Status Run(const TrainingSetCommand& command, Workspace& workspace, Output& output);

struct TrainCommand {
  std::string model;
  std::string training_set;  // a file that keeps the set, to be extended the next time; "" for none
  bool full = false;         // do not extend the set that is there
  size_t memory_bytes = 0;   // 0: half of the machine's
  bool json = false;
};
Status Run(const TrainCommand& command, Workspace& workspace, Output& output);

struct ModelsCommand {
  enum class Action { kList, kShow, kAlias, kRebuild } action = Action::kList;
  std::string reference;  // M, M@alias, M/version
  std::string alias;
  int64_t version = 0;
  bool json = false;
};
Status Run(const ModelsCommand& command, Workspace& workspace, Output& output);

struct ReplayCommand {
  std::string model;
  TimestampUs from = 0;
  std::optional<TimestampUs> to;
  bool json = false;
};
Status Run(const ReplayCommand& command, Workspace& workspace, Output& output);

struct VerifyCommand {
  std::string model;  // "": all
  bool naive = false;
  bool json = false;
};
Status Run(const VerifyCommand& command, Workspace& workspace, Output& output);

struct StateCommand {
  enum class Action { kHash, kRepair } action = Action::kHash;
  bool json = false;
};
Status Run(const StateCommand& command, Workspace& workspace, Output& output);

struct BackupCommand {
  std::string folder;
  bool json = false;
};
Status Run(const BackupCommand& command, Workspace& workspace, Output& output);

struct ExplainCommand {
  std::string id;
  bool json = false;
};
Status Run(const ExplainCommand& command, Workspace& workspace, Output& output);

// Exports the log of accepted events (engine/event_export.h).
struct ExportCommand {
  bool json = false;
};
Status Run(const ExportCommand& command, Workspace& workspace, Output& output);

// Runs until SIGTERM or SIGINT. `run_command` runs a command line that another process handed over.
struct ServeCommand {
  std::string host = "127.0.0.1";
  int port = 8500;
  std::function<int(Workspace& workspace, const std::vector<std::string>& arguments, Output& output)> run_command;
};
Status Run(const ServeCommand& command, Workspace& workspace, Output& output);

// Through HTTP to a running server; they need no workspace.
struct PushCommand {
  std::string source, file, server;
  std::string on_error;      // refuse | quarantine; "" leaves it to the server
  bool quarantined = false;  // what the quarantine holds of the source; with a file, the mended rows in it
  bool json = false;
};
Status Run(const PushCommand& command, const std::string& root, Output& output);

struct PredictCommand {
  std::string model, row, file, out, server;
  std::optional<TimestampUs> at;
  bool json = false;
};
Status Run(const PredictCommand& command, const std::string& root, Output& output);

struct InitCommand {
  std::string folder;
  std::string example;
};
Status Run(const InitCommand& command, Output& output);

}  // namespace headrace
