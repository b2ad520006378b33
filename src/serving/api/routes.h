// Headrace's own HTTP interface: paths and methods -> requests of the service.
//
//   POST /v1/events/{source}   POST /v1/features   POST /v1/predict/{model}   POST /v1/labels/{model}
//   POST /v1/quarantine/{source}
//   GET /healthz               GET /readyz         GET /metrics
//
// /v1/events takes ?on_error=refuse, the default, or ?on_error=quarantine.
#pragma once

#include <atomic>
#include <functional>

#include "base/time.h"
#include "serving/core/service.h"
#include "serving/http/server.h"

namespace headrace {

// The header by which a replay's client says what time it is: RFC 3339 or integer microseconds.
inline constexpr std::string_view kClockHeader = "headrace-clock";

class Routes {
 public:
  // `advance_clock`: of a replay, sets its clock forward to the instant of the request's clock header; empty on a live
  // server, which takes no such header.
  explicit Routes(std::function<Status(TimestampUs)> advance_clock = nullptr)
      : advance_clock_(std::move(advance_clock)) {}

  // Until then every request but /healthz is answered with 503. The service must outlive the HTTP server.
  void SetReady(Service* service) { service_ = service; }
  // Not ready any more: /readyz says so, so that nothing new is sent here; requests are still answered.
  void SetStopping() { stopping_ = true; }

  void Handle(HttpRequest request, Responder respond);

 private:
  void HandleApi(Service& service, HttpRequest request, Responder respond);
  Status AdvanceClock(const HttpRequest& request) const;

  const std::function<Status(TimestampUs)> advance_clock_;
  std::atomic<Service*> service_ = nullptr;
  std::atomic<bool> stopping_ = false;
};

}  // namespace headrace
