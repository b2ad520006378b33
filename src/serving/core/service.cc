#include "serving/core/service.h"

#include <algorithm>
#include <bit>
#include <chrono>

#include "base/diagnostic.h"
#include "base/id.h"
#include "serving/core/request_rows.h"

namespace headrace {
namespace {

class Timer {
 public:
  int64_t ElapsedUs() const {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

Column SameInstant(TimestampUs t, size_t rows) {
  return Column::Integers(TypeId::kTimestamp, std::vector<int64_t>(rows, t));
}

// Runs `attempt` again when the definitions were replaced under it: rare, and over at once.
template <typename Attempt>
auto WithCurrentDefinition(const Attempt& attempt) -> decltype(attempt()) {
  constexpr int kAttempts = 5;
  for (int i = 1; i < kAttempts; ++i) {
    auto result = attempt();
    if (result.ok() || result.status().code() != absl::StatusCode::kUnavailable) return result;
  }
  return attempt();
}

StatusOr<std::vector<std::string>> WantedFeatures(const Json& body) {
  const Json* wanted = body.Find("features");
  if (wanted == nullptr || !wanted->is_array())
    return InvalidArgument("'features' must be an array of references such as \"view.*\"");
  std::vector<std::string> references;
  for (const Json& reference : wanted->array()) {
    if (!reference.is_string()) return InvalidArgument("'features': {} is no text", reference.Dump());
    references.push_back(reference.str());
  }
  return references;
}

Status CheckMembers(const Json& body, std::initializer_list<std::string_view> known) {
  if (!body.is_object()) return InvalidArgument("the body must be a JSON object");
  for (const Json::Member& member : body.object()) {
    if (std::find(known.begin(), known.end(), member.first) != known.end()) continue;
    const std::vector<std::string> names(known.begin(), known.end());
    return InvalidArgument("unknown member '{}'; {}", member.first, NearestNameHint(member.first, names));
  }
  return absl::OkStatus();
}

// A label's value as Prometheus wants it.
std::string LabelValue(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

void AppendBySource(std::string_view name, std::string_view type, std::string_view help,
                    const std::map<std::string, int64_t>& values, std::string* out) {
  *out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
  for (const auto& [source, value] : values)
    *out += fmt::format("{}{{source=\"{}\"}} {}\n", name, LabelValue(source), value);
}

}  // namespace

void LatencyHistogram::Record(int64_t latency_us) {
  const auto sixteenths = static_cast<uint64_t>(std::max<int64_t>(latency_us, 0)) / 16;
  const auto bucket = std::min<size_t>(static_cast<size_t>(std::bit_width(sixteenths)), kBuckets - 1);
  ++counts_[bucket];
  sum_us_ += latency_us;
}

void LatencyHistogram::AppendPrometheus(std::string_view name, std::string_view labels, std::string* out) const {
  int64_t cumulative = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    cumulative += counts_[i];
    const std::string bound = i + 1 == kBuckets ? "+Inf" : fmt::format("{}", static_cast<double>(16LL << i) / 1e6);
    *out += fmt::format("{}_bucket{{{}le=\"{}\"}} {}\n", name, labels, bound, cumulative);
  }
  *out += fmt::format("{}_sum{{{}}} {}\n{}_count{{{}}} {}\n", name, labels, static_cast<double>(sum_us_) / 1e6, name,
                      labels, cumulative);
}

StatusOr<Json> Service::Features(std::string_view text) {
  const Timer timer;
  HR_ASSIGN_OR_RETURN(const Json body, Json::Parse(text));
  HR_RETURN_IF_ERROR(CheckMembers(body, {"features", "entities", "request", "at"}));
  HR_ASSIGN_OR_RETURN(const std::vector<std::string> wanted, WantedFeatures(body));
  HR_ASSIGN_OR_RETURN(const std::optional<TimestampUs> at, ParseAt(body));
  StatusOr<Json> answer = WithCurrentDefinition([&]() -> StatusOr<Json> {
    const std::shared_ptr<const OnlineDefinition> definition = online_.definition();
    HR_ASSIGN_OR_RETURN(const std::shared_ptr<const FeaturePlan> plan, plans_.Find(definition, wanted));
    HR_ASSIGN_OR_RETURN(const RequestRows rows, RowsFromColumns(*plan, body.Find("entities"), body.Find("request")));
    if (rows.num_rows > limits_.max_rows_per_features) {
      return ResourceExhausted("{} rows in one request, the limit is {}", rows.num_rows, limits_.max_rows_per_features);
    }
    const TimestampUs t = online_.ResolveInstant(at);
    HR_ASSIGN_OR_RETURN(const FeatureTable features,
                        online_.Read(*definition, *plan, rows.entities, rows.request, SameInstant(t, rows.num_rows)));
    Json::Array names;
    for (const Field& field : plan->outputs) names.emplace_back(field.name);
    Json::Array answer_rows;
    for (size_t row = 0; row < rows.num_rows; ++row) {
      Json::Array cells;
      for (size_t i = 0; i < features.num_columns(); ++i) cells.push_back(ToJson(features.GetValue(row, i)));
      answer_rows.emplace_back(std::move(cells));
    }
    return Json(
        Json::Object{{"names", std::move(names)}, {"rows", std::move(answer_rows)}, {"at", FormatTimestamp(t)}});
  });
  features_latency_.Record(timer.ElapsedUs());
  return answer;
}

StatusOr<Json> Service::Predict(const std::string& reference, std::string_view text) {
  HR_ASSIGN_OR_RETURN(const Json body, Json::Parse(text));
  HR_RETURN_IF_ERROR(CheckMembers(body, {"rows", "at"}));
  return WithCurrentDefinition([&]() -> StatusOr<Json> {
    HR_ASSIGN_OR_RETURN(const std::shared_ptr<const Endpoint> endpoint,
                        endpoints_.Find(reference, online_.definition()));
    return PredictWith(*endpoint, body);
  });
}

Prediction Service::ToPrediction(const Endpoint& endpoint, const Json& row, TimestampUs t) const {
  Prediction prediction;
  prediction.id = NewId();
  prediction.time = t;
  prediction.asked_at = online_.Now();
  prediction.model = endpoint.model;
  prediction.version = endpoint.version;
  prediction.alias = endpoint.alias;
  prediction.replay = replay_id_;
  prediction.request_json = row.Dump();
  prediction.features = endpoint.features;
  prediction.definitions = endpoint.definitions_hash;
  return prediction;
}

StatusOr<Json> Service::PredictWith(const Endpoint& endpoint, const Json& body) {
  const Timer timer;
  const Json* body_rows = body.Find("rows");
  if (body_rows == nullptr) return InvalidArgument("'rows' is missing: an array of objects");
  HR_ASSIGN_OR_RETURN(const std::optional<TimestampUs> at, ParseAt(body));
  HR_ASSIGN_OR_RETURN(const RequestRows rows, RowsFromObjects(endpoint.plan, *body_rows));
  if (rows.num_rows > limits_.max_rows_per_predict) {
    return ResourceExhausted("{} rows in one request, the limit is {}", rows.num_rows, limits_.max_rows_per_predict);
  }
  const TimestampUs t = online_.ResolveInstant(at);
  HR_ASSIGN_OR_RETURN(const FeatureTable features, online_.Read(*endpoint.definition, endpoint.plan, rows.entities,
                                                                rows.request, SameInstant(t, rows.num_rows)));
  std::vector<Prediction> predictions;
  Json::Array answers;
  for (size_t row = 0; row < rows.num_rows; ++row) {
    Prediction prediction = ToPrediction(endpoint, body_rows->array()[row], t);
    for (size_t i = 0; i < features.num_columns(); ++i) prediction.values.push_back(features.GetValue(row, i));
    HR_ASSIGN_OR_RETURN(std::vector<double> outputs, endpoint.predictor->Predict(prediction.values));
    Json::Object answer = {{"id", prediction.id}, {"value", outputs[0]}};
    prediction.value = outputs[0];
    if (outputs.size() > 1) {
      answer.emplace_back("values", Json::Array(outputs.begin(), outputs.end()));
      prediction.class_values = std::move(outputs);
    }
    answers.emplace_back(std::move(answer));
    predictions.push_back(std::move(prediction));
  }
  const int64_t latency_us = timer.ElapsedUs();
  for (Prediction& prediction : predictions) prediction.latency_us = latency_us;
  HR_RETURN_IF_ERROR(ledger_.Append(predictions));
  predictions_ += static_cast<int64_t>(predictions.size());
  predict_latency_.Record(timer.ElapsedUs());
  return Json(Json::Object{{"model_version", endpoint.version}, {"predictions", std::move(answers)}});
}

StatusOr<Json> Service::Labels(const std::string& model, std::string_view text) {
  HR_ASSIGN_OR_RETURN(const Json body, Json::Parse(text));
  if (!body.is_array()) return InvalidArgument("the body must be an array of {{\"id\", \"label\"}}");
  std::vector<Label> labels;
  for (size_t i = 0; i < body.array().size(); ++i) {
    const Json& item = body.array()[i];
    const Json* id = item.Find("id");
    const Json* label = item.Find("label");
    if (id == nullptr || !id->is_string()) return InvalidArgument("label {}: 'id' must be a text", i);
    if (label == nullptr || !label->is_number()) return InvalidArgument("label {}: 'label' must be a number", i);
    labels.push_back({id->str(), label->number(), online_.Now()});
  }
  HR_ASSIGN_OR_RETURN(const LabelCounts result, ledger_.AddLabels(model, labels));
  labels_ += result.joined;
  return Json(Json::Object{{"joined", result.joined}, {"unknown", result.unknown}});
}

std::string Service::Metrics() const {
  const OnlineStats stats = online_.Stats();
  std::string out;
  const auto add = [&](std::string_view name, std::string_view type, std::string_view help, auto value) {
    out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}\n", name, help, type, value);
  };
  add("headrace_events_accepted_total", "counter", "Events that are durable and visible.", stats.events_accepted);
  add("headrace_events_duplicate_total", "counter", "Events dropped for a repeated event id.", stats.events_duplicate);
  AppendBySource("headrace_events_quarantined_total", "counter", "Bad events that went to quarantine.",
                 stats.quarantined, &out);
  AppendBySource("headrace_quarantine_rows", "gauge", "Events that are in quarantine.", stats.quarantine_held, &out);
  add("headrace_events_too_old_total", "counter", "Events accepted though older than every window over their stream.",
      stats.events_too_old);
  add("headrace_events_future_total", "counter", "Events refused because too far after the server's clock.",
      stats.events_future);
  add("headrace_event_ids", "gauge", "Event ids that are remembered.", stats.ids_held);
  add("headrace_event_ids_on_disk", "gauge", "Of them, those that are on the disk in place of memory.",
      stats.ids_shelved);
  add("headrace_event_id_bytes", "gauge", "Memory that the remembered event ids take.", stats.id_bytes);
  add("headrace_event_queue_rows", "gauge", "Events that wait to be written.", stats.queued_rows);
  add("headrace_event_commits_total", "counter", "Log entries written.", stats.commits);
  add("headrace_requests_refused_total", "counter", "Event requests refused for their content.", refused_.load());
  add("headrace_log_position", "gauge", "Last entry of the event log.", stats.log_position);
  add("headrace_checkpoint_position", "gauge", "Last log entry that the checkpoint includes.",
      stats.checkpoint_position);
  add("headrace_checkpoint_failures_total", "counter", "Checkpoints that could not be written.",
      log_counters_.checkpoint_failures.load());
  add("headrace_exported_position", "gauge", "Last log entry that is exported to Parquet.",
      log_counters_.exported_position.load());
  add("headrace_export_failures_total", "counter", "Exports of the log that failed.",
      log_counters_.export_failures.load());
  add("headrace_state_keys", "gauge", "Keys held in memory; views of the same events share them.", stats.keys);
  add("headrace_state_events", "gauge", "Events held in memory.", stats.events_held);
  add("headrace_state_bytes", "gauge", "Memory that keys and events take, about.", stats.state_bytes);
  add("headrace_state_keys_loaded_total", "counter", "Keys that came from the disk.", stats.keys_loaded);
  add("headrace_state_keys_evicted_total", "counter", "Keys that went to the disk.", stats.keys_evicted);
  add("headrace_sum_overflow_cells_total", "counter", "Sums outside 64 bits, given as null.", stats.overflow_cells);
  add("headrace_predictions_total", "counter", "Predictions answered and logged.", predictions_.load());
  add("headrace_verify_rows_total", "counter", "Predictions that were computed again from raw history.",
      verify_counters_.rows.load());
  add("headrace_verify_cells_total", "counter", "Feature values of theirs.", verify_counters_.cells.load());
  add("headrace_verify_mismatches_total", "counter", "Values whose bits differed from what the prediction used.",
      verify_counters_.mismatches.load());
  add("headrace_verify_failures_total", "counter", "Samples that could not be computed again.",
      verify_counters_.failures.load());
  add("headrace_labels_joined_total", "counter", "Outcomes joined to the ledger.", labels_.load());
  out += "# HELP headrace_request_seconds Time inside the service.\n# TYPE headrace_request_seconds histogram\n";
  predict_latency_.AppendPrometheus("headrace_request_seconds", "request=\"predict\",", &out);
  features_latency_.AppendPrometheus("headrace_request_seconds", "request=\"features\",", &out);
  return out;
}

}  // namespace headrace
