// The requests, apart from how they travel: JSON in, JSON out. Protocols translate to this and to nothing else.
//
// Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/work_queue.h"
#include "features/online/online_features.h"
#include "features/online/plan_cache.h"
#include "monitoring/ledger.h"
#include "serving/core/endpoints.h"
#include "serving/core/log_counters.h"
#include "serving/core/verify_counters.h"

namespace headrace {

// How long requests took, in buckets of powers of two from 16 us; for /metrics and percentiles. Thread-safe.
class LatencyHistogram {
 public:
  static constexpr size_t kBuckets = 20;
  void Record(int64_t latency_us);
  void AppendPrometheus(std::string_view name, std::string_view labels, std::string* out) const;

 private:
  std::array<std::atomic<int64_t>, kBuckets> counts_{};
  std::atomic<int64_t> sum_us_ = 0;
};

// What becomes of a request with bad rows.
enum class OnError : uint8_t {
  kRefuse,      // nothing of it is kept
  kQuarantine,  // the good rows are accepted, the bad ones go to quarantine
};
// "refuse", "quarantine".
StatusOr<OnError> ParseOnError(std::string_view text);

struct ServiceLimits {
  size_t max_rows_per_predict = 10'000;
  size_t max_rows_per_features = 100'000;
  size_t max_events_per_request = 100'000;
  size_t max_row_errors = 10;         // bad rows that an answer explains
  size_t max_rows_per_resend = 1000;  // out of quarantine in one request
};

class Service {
 public:
  // `replay_id`: "" on a live server. All that is referred to must outlive the service.
  Service(OnlineFeatures& online, Endpoints& endpoints, Ledger& ledger, std::string replay_id,
          const ServiceLimits& limits)
      : online_(online), endpoints_(endpoints), ledger_(ledger), replay_id_(std::move(replay_id)), limits_(limits) {}

  // POST /v1/events/{stream}: `done` gets {"accepted", "duplicates"} once the rows are durable and visible; with
  // kQuarantine "quarantined" as well and, when there are some, the first "errors": [{"index", "column", "message"}].
  // Large bodies are parsed by threads of the service's own, so that the caller is free for others at once.
  using JsonDone = std::function<void(const StatusOr<Json>&)>;
  void PushEvents(const std::string& stream, OnError on_error, std::string body, JsonDone done);
  // POST /v1/quarantine/{stream}, {"after": id}: sends the next quarantined rows of the stream again. Those that are
  // accepted, or duplicates, leave the quarantine in the same durable step. {"accepted", "duplicates", "quarantined":
  // rows that stay, "errors", "unknown": rows that are there no more, "last": the id to go on after, null at the end}.
  // {"rows": [{"id", "row"}]}: sends mended rows in place of those that have the ids.
  // It takes a commit or more, and is done by those threads.
  void Resend(const std::string& stream, std::string body, JsonDone done);
  // POST /v1/features
  StatusOr<Json> Features(std::string_view body);
  // POST /v1/predict/{reference}
  StatusOr<Json> Predict(const std::string& reference, std::string_view body);
  // POST /v1/labels/{model}
  StatusOr<Json> Labels(const std::string& model, std::string_view body);
  // GET /metrics, in Prometheus' text format
  std::string Metrics() const;

  OnlineFeatures& online() { return online_; }
  // For whoever verifies a sample of the predictions.
  VerifyCounters& verify_counters() { return verify_counters_; }
  LogCounters& log_counters() { return log_counters_; }

 private:
  static constexpr int kParsers = 2;  // one alone is faster than the committer, if no body is much larger than others

  StatusOr<std::shared_ptr<const StreamSource>> FindStream(const std::string& stream);
  StatusOr<PushRequest> ParsePush(const StreamSource& source, OnError on_error, std::string_view body) const;
  StatusOr<Json> ResendAndWait(const std::string& stream, std::string_view body);
  void ParseAndPush(const std::string& stream, OnError on_error, std::string_view body, JsonDone done);
  StatusOr<Json> PredictWith(const Endpoint& endpoint, const Json& body);
  Prediction ToPrediction(const Endpoint& endpoint, const Json& row, TimestampUs t) const;

  OnlineFeatures& online_;
  Endpoints& endpoints_;
  PlanCache plans_;
  Ledger& ledger_;
  const std::string replay_id_;
  const ServiceLimits limits_;
  LatencyHistogram predict_latency_;
  LatencyHistogram features_latency_;
  std::atomic<int64_t> predictions_ = 0;
  std::atomic<int64_t> labels_ = 0;
  std::atomic<int64_t> refused_ = 0;
  VerifyCounters verify_counters_;
  LogCounters log_counters_;
  WorkQueue parsers_{kParsers};  // last: it uses all of the others
};

}  // namespace headrace
