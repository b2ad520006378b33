// The requests that bring events.
#include "base/diagnostic.h"
#include "serving/core/service.h"

namespace headrace {
namespace {

// Up to here, some hundred events, it takes less to parse a body than to wake another thread for it.
constexpr size_t kLargeBodyBytes = 8 << 10;

// The first bad rows, for an answer.
Json Explain(const std::vector<QuarantinedRow>& bad, size_t most) {
  Json::Array errors;
  for (size_t i = 0; i < std::min(bad.size(), most); ++i) {
    const BadRow& row = bad[i].row;
    errors.emplace_back(Json::Object{{"index", row.index}, {"column", row.column}, {"message", row.reason}});
  }
  return errors;
}

Json ToAnswer(const PushResult& result, OnError on_error, Json errors) {
  Json::Object answer = {{"accepted", result.accepted}, {"duplicates", result.duplicates}};
  if (on_error == OnError::kQuarantine) answer.emplace_back("quarantined", result.quarantined);
  if (!errors.array().empty()) answer.emplace_back("errors", std::move(errors));
  return answer;
}

// What POST /v1/quarantine wants sent.
struct ResendBody {
  std::string after;
  std::optional<std::vector<QuarantinedRow>> mended;
};

StatusOr<std::vector<QuarantinedRow>> ParseMended(const Json& rows) {
  if (!rows.is_array()) return InvalidArgument("'rows' must be an array of {{\"id\", \"row\"}}");
  std::vector<QuarantinedRow> mended;
  for (const Json& item : rows.array()) {
    const Json* id = item.Find("id");
    const Json* row = item.Find("row");
    if (id == nullptr || !id->is_string() || row == nullptr || item.object().size() != 2)
      return InvalidArgument("row {}: expected {{\"id\": a text of quarantine.events, \"row\": {{...}}}}",
                             mended.size());
    mended.push_back({id->str(), "", 0, {mended.size(), "", "", row->Dump()}});
  }
  return mended;
}

StatusOr<ResendBody> ParseResend(std::string_view text) {
  ResendBody result;
  if (text.empty()) return result;
  HR_ASSIGN_OR_RETURN(const Json body, Json::Parse(text));
  if (!body.is_object()) return InvalidArgument("the body must be a JSON object");
  for (const auto& [name, value] : body.object()) {
    if (name == "rows") {
      HR_ASSIGN_OR_RETURN(result.mended, ParseMended(value));
    } else if (name != "after") {
      return InvalidArgument("unknown member '{}'; there are 'after' and 'rows'", name);
    } else if (!value.is_string()) {
      return InvalidArgument("'after' must be a text");
    } else {
      result.after = value.str();
    }
  }
  return result;
}

// Sends the good ones of some quarantined rows, in one request or, when that is refused for what a view makes of a row,
// one by one. Rows that stay go to `bad`, with what is wrong with them now.
class Resending {
 public:
  Resending(OnlineFeatures& online, const StreamSource& source) : online_(online), source_(source) {}

  Status Send(std::vector<QuarantinedRow> rows) {
    PushRequest request = {source_.name, RecordBatch(source_.columns), {}, {}};
    std::vector<QuarantinedRow> good;
    for (QuarantinedRow& row : rows) {
      const std::optional<RecordBatch> batch = ParseRow(row);
      if (!batch) continue;
      request.rows.AppendBatch(*batch);
      request.quarantine_ids.push_back(row.id);
      good.push_back(std::move(row));
    }
    if (good.empty()) return absl::OkStatus();
    Status status = Push(std::move(request));
    if (status.code() != absl::StatusCode::kInvalidArgument) return status;
    for (QuarantinedRow& row : good) HR_RETURN_IF_ERROR(SendAlone(std::move(row)));
    return absl::OkStatus();
  }

  const PushResult& result() const { return result_; }
  const std::vector<QuarantinedRow>& bad() const { return bad_; }

 private:
  // Nothing for a row that is still bad: it goes to bad_.
  std::optional<RecordBatch> ParseRow(QuarantinedRow& row) {
    CheckedEvents sorted = CheckRow(source_, row.row.text);
    if (sorted.bad.empty()) return std::move(sorted.good);
    row.row.column = std::move(sorted.bad[0].column);
    row.row.reason = std::move(sorted.bad[0].reason);
    Keep(std::move(row));
    return std::nullopt;
  }

  Status SendAlone(QuarantinedRow row) {
    CheckedEvents sorted = CheckRow(source_, row.row.text);
    Status status = Push({source_.name, std::move(sorted.good), {}, {row.id}});
    if (status.code() != absl::StatusCode::kInvalidArgument) return status;
    row.row.column.clear();
    row.row.reason = Message(status);
    Keep(std::move(row));
    return absl::OkStatus();
  }

  Status Push(PushRequest request) {
    HR_ASSIGN_OR_RETURN(const PushResult pushed, online_.PushAndWait(std::move(request)));
    result_.accepted += pushed.accepted;
    result_.duplicates += pushed.duplicates;
    return absl::OkStatus();
  }

  void Keep(QuarantinedRow row) {
    bad_.push_back(std::move(row));
    ++result_.quarantined;
  }

  OnlineFeatures& online_;
  const StreamSource& source_;
  PushResult result_;
  std::vector<QuarantinedRow> bad_;
};

}  // namespace

StatusOr<OnError> ParseOnError(std::string_view text) {
  if (text == "refuse") return OnError::kRefuse;
  if (text == "quarantine") return OnError::kQuarantine;
  return InvalidArgument("on_error: '{}' is neither 'refuse' nor 'quarantine'", text);
}

StatusOr<std::shared_ptr<const StreamSource>> Service::FindStream(const std::string& stream) {
  const std::shared_ptr<const OnlineDefinition> definition = online_.definition();
  const auto source = definition->streams.find(stream);
  if (source != definition->streams.end()) return std::shared_ptr<const StreamSource>(definition, &source->second);
  std::vector<std::string> names;
  for (const auto& [name, known] : definition->streams) names.push_back(name);
  return NotFound("there is no stream source '{}'; {}", stream, NearestNameHint(stream, names));
}

StatusOr<PushRequest> Service::ParsePush(const StreamSource& source, OnError on_error, std::string_view body) const {
  PushRequest request;
  request.stream = source.name;
  size_t rows = 0;
  if (on_error == OnError::kRefuse) {
    HR_ASSIGN_OR_RETURN(request.rows, ParseEvents(source, body));
    rows = request.rows.num_rows;
  } else if (rows = SplitRows(body).size(); rows <= limits_.max_events_per_request) {
    // Counted first: a body of short bad lines would take many times its size.
    HR_ASSIGN_OR_RETURN(CheckedEvents sorted, CheckEvents(source, body, online_.LatestEventTime()));
    request.rows = std::move(sorted.good);
    request.bad = ToQuarantined(source.name, std::move(sorted.bad));
  }
  if (rows <= limits_.max_events_per_request) return request;
  return ResourceExhausted("{} events in one request, the limit is {}; send them in parts", rows,
                           limits_.max_events_per_request);
}

void Service::PushEvents(const std::string& stream, OnError on_error, std::string body, JsonDone done) {
  if (body.size() <= kLargeBodyBytes) return ParseAndPush(stream, on_error, body, std::move(done));
  parsers_.Add([this, stream, on_error, body = std::move(body), done = std::move(done)] {
    ParseAndPush(stream, on_error, body, done);
  });
}

void Service::ParseAndPush(const std::string& stream, OnError on_error, std::string_view body, JsonDone done) {
  const StatusOr<std::shared_ptr<const StreamSource>> source = FindStream(stream);
  StatusOr<PushRequest> request = source.ok() ? ParsePush(**source, on_error, body) : source.status();
  if (!request.ok()) {
    ++refused_;
    return done(request.status());
  }
  struct Pending {
    JsonDone done;
    Json errors;
  };
  const auto pending =
      std::make_shared<Pending>(Pending{std::move(done), Explain(request->bad, limits_.max_row_errors)});
  const Status queued = online_.Push(*std::move(request), [pending, on_error](const StatusOr<PushResult>& result) {
    if (!result.ok()) return pending->done(result.status());
    pending->done(ToAnswer(*result, on_error, std::move(pending->errors)));
  });
  if (queued.code() == absl::StatusCode::kInvalidArgument) ++refused_;
  if (!queued.ok()) pending->done(queued);
}

void Service::Resend(const std::string& stream, std::string body, JsonDone done) {
  parsers_.Add([this, stream, body = std::move(body), done = std::move(done)] { done(ResendAndWait(stream, body)); });
}

StatusOr<Json> Service::ResendAndWait(const std::string& stream, std::string_view body) {
  HR_ASSIGN_OR_RETURN(const std::shared_ptr<const StreamSource> source, FindStream(stream));
  HR_ASSIGN_OR_RETURN(ResendBody wanted, ParseResend(body));
  Json last;
  std::vector<QuarantinedRow> rows;
  if (wanted.mended) {
    rows = *std::move(wanted.mended);
    if (rows.size() > limits_.max_events_per_request)
      return ResourceExhausted("{} events in one request, the limit is {}; send them in parts", rows.size(),
                               limits_.max_events_per_request);
  } else {
    HR_ASSIGN_OR_RETURN(rows, online_.ReadQuarantine(stream, wanted.after, limits_.max_rows_per_resend));
    if (rows.size() == limits_.max_rows_per_resend) last = rows.back().id;
  }
  const auto asked = static_cast<int64_t>(rows.size());
  std::erase_if(rows, [&](const QuarantinedRow& row) { return !online_.HoldsQuarantined(stream, row.id); });
  Resending resending(online_, *source);
  HR_RETURN_IF_ERROR(resending.Send(std::move(rows)));
  Json answer = ToAnswer(resending.result(), OnError::kQuarantine, Explain(resending.bad(), limits_.max_row_errors));
  const PushResult& sent = resending.result();
  answer.object().emplace_back("unknown", asked - sent.accepted - sent.duplicates - sent.quarantined);
  answer.object().emplace_back("last", std::move(last));
  return answer;
}

}  // namespace headrace
