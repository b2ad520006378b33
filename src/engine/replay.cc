#include "engine/replay.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "absl/container/flat_hash_map.h"
#include "base/id.h"
#include "engine/ledger_rows.h"
#include "engine/replay_script.h"
#include "engine/replays.h"
#include "engine/server_instance.h"
#include "engine/train.h"
#include "models/evaluate/metrics.h"
#include "serving/http/client.h"

namespace headrace {
namespace {

constexpr size_t kMaxLabelsPerRequest = 500;
constexpr size_t kMaxRowsPerRequest = 1000;

using SteadyClock = std::chrono::steady_clock;

int64_t ElapsedUs(SteadyClock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - begin).count();
}

int64_t Percentile(std::vector<int64_t> values, double share) {
  if (values.empty()) return 0;
  const auto index = static_cast<ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + index, values.end());
  return values[static_cast<size_t>(index)];
}

// Sends the steps and keeps what came back.
class Sender {
 public:
  Sender(HttpClient& client, std::string model_reference, std::string model, ReplayReport* report)
      : client_(client), reference_(std::move(model_reference)), model_(std::move(model)), report_(report) {}

  // Steps [begin, end) of one instant and one kind (and stream).
  Status Send(const std::vector<ReplayStep>& steps, size_t begin, size_t end) {
    switch (steps[begin].kind) {
      case ReplayStep::Kind::kEvents:
        return SendEvents(steps, begin, end);
      case ReplayStep::Kind::kQuestion:
        return SendQuestions(steps, begin, end);
      case ReplayStep::Kind::kLabel:
        for (size_t i = begin; i < end; ++i) AddLabel(steps[i]);
        return labels_.size() >= kMaxLabelsPerRequest ? SendLabels() : absl::OkStatus();
    }
    return absl::OkStatus();
  }

  Status SendLabels() {
    if (labels_.empty()) return absl::OkStatus();
    HR_ASSIGN_OR_RETURN(const Json answer, Post("/v1/labels/" + model_, Json(std::move(labels_)).Dump(), last_at_));
    HR_ASSIGN_OR_RETURN(const int64_t joined, answer.GetInteger("joined"));
    report_->labels += joined;
    labels_.clear();
    return absl::OkStatus();
  }

  void Summarize() {
    report_->p50_us = Percentile(latencies_us_, 0.50);
    report_->p99_us = Percentile(latencies_us_, 0.99);
    const bool binary = std::all_of(outcomes_.begin(), outcomes_.end(), [](double v) { return v == 0 || v == 1; });
    if (!binary || outcomes_.empty()) return;
    const Predictions predictions{Task::kBinary, outcomes_, scores_, 1};
    const StatusOr<Estimate> auc = Evaluate(Metric::kAuc, predictions);
    if (!auc.ok()) return;  // of one class only
    report_->auc = auc->value;
    report_->auc_low = auc->low;
    report_->auc_high = auc->high;
  }

 private:
  struct Asked {
    std::string id;
    double score = 0;
  };

  static std::string JoinBodies(const std::vector<ReplayStep>& steps, size_t begin, size_t end) {
    std::string joined = "[";
    for (size_t i = begin; i < end; ++i) joined += (i > begin ? "," : "") + steps[i].body;
    return joined + "]";
  }

  StatusOr<Json> Post(const std::string& path, std::string_view body, TimestampUs at) {
    HR_ASSIGN_OR_RETURN(const HttpResponse response, client_.Send("POST", path, body,
                                                                  {{"Content-Type", "application/json"},
                                                                   {std::string(kClockHeader), std::to_string(at)}}));
    if (response.status != 200)
      return Aborted("{} at {} answered {}: {}", path, FormatTimestamp(at), response.status, response.body);
    return Json::Parse(response.body);
  }

  Status SendEvents(const std::vector<ReplayStep>& steps, size_t begin, size_t end) {
    HR_ASSIGN_OR_RETURN(const Json answer,
                        Post("/v1/events/" + steps[begin].stream, JoinBodies(steps, begin, end), steps[begin].at));
    HR_ASSIGN_OR_RETURN(const int64_t accepted, answer.GetInteger("accepted"));
    HR_ASSIGN_OR_RETURN(const int64_t duplicates, answer.GetInteger("duplicates"));
    report_->events += accepted;
    report_->duplicates += duplicates;
    for (size_t i = begin; i < end; ++i) report_->late_events += steps[i].late ? 1 : 0;
    last_at_ = steps[begin].at;
    return absl::OkStatus();
  }

  Status SendQuestions(const std::vector<ReplayStep>& steps, size_t begin, size_t end) {
    const std::string body = fmt::format("{{\"rows\":{}}}", JoinBodies(steps, begin, end));
    const SteadyClock::time_point sent = SteadyClock::now();
    HR_ASSIGN_OR_RETURN(const Json answer, Post("/v1/predict/" + reference_, body, steps[begin].at));
    latencies_us_.push_back(ElapsedUs(sent));
    const Json* predictions = answer.Find("predictions");
    if (predictions == nullptr || predictions->array().size() != end - begin)
      return Internal("predict answered another number of rows");
    for (size_t i = begin; i < end; ++i) {
      const Json& prediction = predictions->array()[i - begin];
      HR_ASSIGN_OR_RETURN(const std::string id, prediction.GetString("id"));
      asked_[steps[i].question] = {id, prediction.Find("value")->number()};
    }
    report_->predictions += static_cast<int64_t>(end - begin);
    last_at_ = steps[begin].at;
    return absl::OkStatus();
  }

  void AddLabel(const ReplayStep& step) {
    const auto asked = asked_.find(step.question);
    if (asked == asked_.end()) return;
    labels_.push_back(Json::Object{{"id", asked->second.id}, {"label", step.label}});
    outcomes_.push_back(step.label);
    scores_.push_back(asked->second.score);
    last_at_ = step.at;
  }

  HttpClient& client_;
  const std::string reference_;
  const std::string model_;
  ReplayReport* report_;
  TimestampUs last_at_ = 0;
  absl::flat_hash_map<size_t, Asked> asked_;
  Json::Array labels_;
  std::vector<int64_t> latencies_us_;
  std::vector<double> outcomes_, scores_;
};

bool SameRequest(const ReplayStep& a, const ReplayStep& b) {
  return a.at == b.at && a.kind == b.kind && a.stream == b.stream;
}

Status SendAll(const std::vector<ReplayStep>& steps, Sender& sender, Output& output) {
  const auto total = static_cast<int64_t>(steps.size());
  for (size_t begin = 0; begin < steps.size();) {
    size_t end = begin + 1;
    while (end < steps.size() && end - begin < kMaxRowsPerRequest && SameRequest(steps[begin], steps[end])) ++end;
    HR_RETURN_IF_ERROR(sender.Send(steps, begin, end));
    if (begin % 512 < end - begin || end == steps.size())
      output.Progress("replaying", static_cast<int64_t>(end), total);
    begin = end;
  }
  return sender.SendLabels();
}

}  // namespace

Json ReplayReport::ToJson() const {
  Json::Object json = {{"replay", id},
                       {"from", FormatTimestamp(from)},
                       {"to", FormatTimestamp(to)},
                       {"events", events},
                       {"late_events", late_events},
                       {"duplicates", duplicates},
                       {"predictions", predictions},
                       {"labels", labels},
                       {"seconds", seconds},
                       {"p50_us", p50_us},
                       {"p99_us", p99_us}};
  if (auc) json.emplace_back("auc", Json::Object{{"value", *auc}, {"low", auc_low}, {"high", auc_high}});
  return json;
}

StatusOr<ReplayReport> Replay(Workspace& workspace, const std::string& model, TimestampUs from,
                              std::optional<TimestampUs> to, Output& output) {
  const SteadyClock::time_point begin = SteadyClock::now();
  HR_ASSIGN_OR_RETURN(const std::shared_ptr<const ProjectState> state, workspace.State());
  const std::string name = model.substr(0, model.find_first_of("@/"));
  HR_ASSIGN_OR_RETURN(const ModelRecipe* recipe, FindRecipe(*state, name));
  HR_ASSIGN_OR_RETURN(Registry* const registry, workspace.Models());
  HR_ASSIGN_OR_RETURN(const VersionInfo version, registry->Resolve(model, recipe->promote_alias));
  HR_ASSIGN_OR_RETURN(const Schema features, FeaturesOfVersion(*registry, version));
  HR_ASSIGN_OR_RETURN(const FeaturePlan plan, PlanFeatures(*state->definitions.catalog, NamesOf(features)));
  HR_ASSIGN_OR_RETURN(const std::vector<ReplayStep> steps, MakeReplayScript(workspace, *recipe, plan, from, to));
  if (steps.empty())
    return FailedPrecondition("nothing happened after {}: neither an event nor a question", FormatTimestamp(from));

  ReplayReport report;
  report.id = NewId();
  report.from = from;
  report.to = steps.back().at;
  HR_RETURN_IF_ERROR(SaveReplay(workspace.StateFolder(), {report.id, name, from, report.to}));
  ServerOptions options;
  options.replay_from = from;
  options.replay_id = report.id;
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<ServerInstance> server, ServerInstance::Start(workspace, options));
  HttpClient client("127.0.0.1", server->port());
  Sender sender(client, fmt::format("{}/{}", name, version.version), name, &report);
  HR_RETURN_IF_ERROR(SendAll(steps, sender, output));
  HR_RETURN_IF_ERROR(server->Stop());
  sender.Summarize();
  report.seconds = static_cast<double>(ElapsedUs(begin)) / 1e6;
  return report;
}

}  // namespace headrace
