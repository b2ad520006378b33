#include "serving/api/routes.h"

#include "base/json.h"

namespace headrace {
namespace {

HttpResponse JsonResponse(const Json& json) {
  HttpResponse response;
  response.body = json.Dump();
  return response;
}

HttpResponse ToResponse(const StatusOr<Json>& result) {
  return result.ok() ? JsonResponse(*result) : ErrorResponse(result.status());
}

Service::JsonDone Answering(Responder respond) {
  return [respond = std::move(respond)](const StatusOr<Json>& result) { respond(ToResponse(result)); };
}

// What follows `prefix` in a path, if it does and is not empty.
std::optional<std::string> After(const std::string& path, std::string_view prefix) {
  if (!path.starts_with(prefix) || path.size() == prefix.size()) return std::nullopt;
  return path.substr(prefix.size());
}

HttpResponse WrongMethod(std::string_view allowed) {
  HttpResponse response = ErrorResponse(InvalidArgument("this path takes {}", allowed));
  response.status = 405;
  response.headers.emplace_back("Allow", allowed);
  return response;
}

}  // namespace

Status Routes::AdvanceClock(const HttpRequest& request) const {
  const std::optional<std::string_view> clock = request.Header(kClockHeader);
  if (!clock || clock->empty()) return absl::OkStatus();
  if (!advance_clock_)
    return InvalidArgument("the header '{}' belongs to a replay; this server lives in the present", kClockHeader);
  const StatusOr<Json> number = Json::Parse(*clock);
  const StatusOr<Value> t =
      FromJson(number.ok() && number->is_integer() ? *number : Json(std::string(*clock)), TypeId::kTimestamp);
  HR_RETURN_IF_ERROR(t.status());
  return advance_clock_(t->int64());
}

void Routes::Handle(HttpRequest request, Responder respond) {
  Service* service = service_;
  if (request.path == "/healthz") return respond(JsonResponse(Json::Object{{"status", "alive"}}));
  if (service == nullptr || (stopping_ && request.path == "/readyz")) {
    return respond(
        ErrorResponse(Unavailable("{}", service == nullptr ? "not ready: state is being recovered" : "stopping")));
  }
  if (request.path == "/readyz") return respond(JsonResponse(Json::Object{{"status", "ready"}}));
  if (request.path == "/metrics") {
    HttpResponse response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = service->Metrics();
    return respond(std::move(response));
  }
  if (request.path.starts_with("/v1/")) return HandleApi(*service, std::move(request), std::move(respond));
  respond(ErrorResponse(NotFound("there is nothing at {}", request.path)));
}

void Routes::HandleApi(Service& service, HttpRequest request, Responder respond) {
  const std::optional<std::string> stream = After(request.path, "/v1/events/");
  const std::optional<std::string> quarantine = After(request.path, "/v1/quarantine/");
  const std::optional<std::string> model = After(request.path, "/v1/predict/");
  const std::optional<std::string> labelled = After(request.path, "/v1/labels/");
  if (!stream && !quarantine && !model && !labelled && request.path != "/v1/features") {
    return respond(ErrorResponse(NotFound("there is nothing at {}; see docs/serving.md", request.path)));
  }
  if (request.method != "POST") return respond(WrongMethod("POST"));
  if (const Status status = AdvanceClock(request); !status.ok()) return respond(ErrorResponse(status));
  if (stream) {
    const auto wanted = request.query.find("on_error");
    const StatusOr<OnError> on_error = wanted == request.query.end() ? OnError::kRefuse : ParseOnError(wanted->second);
    if (!on_error.ok()) return respond(ErrorResponse(on_error.status()));
    return service.PushEvents(*stream, *on_error, std::move(request.body), Answering(std::move(respond)));
  }
  if (quarantine) return service.Resend(*quarantine, std::move(request.body), Answering(std::move(respond)));
  if (model) return respond(ToResponse(service.Predict(*model, request.body)));
  if (labelled) return respond(ToResponse(service.Labels(*labelled, request.body)));
  respond(ToResponse(service.Features(request.body)));
}

}  // namespace headrace
