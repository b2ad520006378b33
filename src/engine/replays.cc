#include "engine/replays.h"

#include "base/file.h"
#include "base/json.h"

namespace headrace {
namespace {

std::string PathOf(const std::string& state_folder, const std::string& id) {
  return fmt::format("{}/replays/{}.json", state_folder, id);
}

}  // namespace

Status SaveReplay(const std::string& state_folder, const ReplayRecord& record) {
  HR_RETURN_IF_ERROR(MakeFolders(state_folder + "/replays"));
  const Json json = Json::Object{{"id", record.id}, {"model", record.model}, {"from", record.from}, {"to", record.to}};
  return WriteFileAtomically(PathOf(state_folder, record.id), json.DumpPretty());
}

StatusOr<ReplayRecord> LoadReplay(const std::string& state_folder, const std::string& id) {
  HR_ASSIGN_OR_RETURN(const std::string text, ReadFile(PathOf(state_folder, id)));
  HR_ASSIGN_OR_RETURN(const Json json, Json::Parse(text));
  ReplayRecord record;
  HR_ASSIGN_OR_RETURN(record.id, json.GetString("id"));
  HR_ASSIGN_OR_RETURN(record.model, json.GetString("model"));
  HR_ASSIGN_OR_RETURN(record.from, json.GetInteger("from"));
  HR_ASSIGN_OR_RETURN(record.to, json.GetInteger("to"));
  return record;
}

}  // namespace headrace
