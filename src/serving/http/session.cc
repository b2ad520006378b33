#include "serving/http/session.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <exception>
#include <iterator>

#include "absl/strings/match.h"
#include "serving/http/gzip.h"

namespace headrace {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kLingerTime(2);
// A body that is not longer is inflated on the server's own thread: it becomes a thousand times as long at most.
constexpr size_t kInflatedAtOnce = 1 << 10;

// The answer that is owed to a request: by the handler, or by the destructor if nobody gives it.
class OwedAnswer {
 public:
  explicit OwedAnswer(std::shared_ptr<HttpSession> session) : session_(std::move(session)) {}
  ~OwedAnswer() { Give(ErrorResponse(500, "internal", "the request was dropped without an answer")); }
  OwedAnswer(const OwedAnswer&) = delete;
  OwedAnswer& operator=(const OwedAnswer&) = delete;

  void Give(HttpResponse response) {
    if (given_.exchange(true)) return;
    // Not held any longer: a responder that is kept must not keep the connection.
    const std::shared_ptr<HttpSession> session = std::move(session_);
    session->Respond(std::move(response));
  }

 private:
  std::atomic<bool> given_ = false;
  std::shared_ptr<HttpSession> session_;
};

// A header's value cannot begin a header of its own.
void AppendHeader(std::string_view name, std::string_view value, std::string* out) {
  const size_t begin = out->size();
  out->append(name).append(": ").append(value);
  std::replace_if(
      out->begin() + static_cast<std::ptrdiff_t>(begin), out->end(), [](char c) { return c == '\r' || c == '\n'; },
      ' ');
  *out += "\r\n";
}

asio::const_buffer ToBuffer(const std::string& text) {
  return {text.data(), text.size()};
}

bool HasBody(int status) {
  return status >= 200 && status != 204 && status != 304;
}

// To `text`, whose memory serves one answer after the other.
void WriteHeader(const HttpResponse& response, bool close, bool old, std::string* text) {
  text->clear();
  fmt::format_to(std::back_inserter(*text), "HTTP/1.1 {} {}\r\n", response.status, ReasonPhrase(response.status));
  if (HasBody(response.status)) {
    AppendHeader("Content-Type", response.content_type, text);
    fmt::format_to(std::back_inserter(*text), "Content-Length: {}\r\n", response.body.size());
  }
  for (const auto& [name, value] : response.headers) AppendHeader(name, value, text);
  if (close) *text += "Connection: close\r\n";
  if (!close && old) *text += "Connection: keep-alive\r\n";
  *text += "\r\n";
}

}  // namespace

HttpSession::HttpSession(Socket socket, HttpSessionHost* host, std::function<void(HttpSession*)> on_end)
    : host_(host), on_end_(std::move(on_end)), socket_(std::move(socket)), timer_(socket_.get_executor()) {
  Error ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);  // Send writes without waiting
}

HttpSession::~HttpSession() {
  on_end_(this);
}

void HttpSession::Start() {
  asio::dispatch(socket_.get_executor(), On(&HttpSession::OnStart));
}
void HttpSession::OnStart(Error, size_t) {
  Next();
}

void HttpSession::BeginStop() {
  asio::dispatch(socket_.get_executor(), On(&HttpSession::OnBeginStop));
}
void HttpSession::OnBeginStop(Error, size_t) {
  stopping_ = true;
  if (lingers_ || (waiting_ && !Arriving())) Close();
}

void HttpSession::Abort() {
  asio::dispatch(socket_.get_executor(), On(&HttpSession::OnAbort));
}
void HttpSession::OnAbort(Error, size_t) {
  Close();
}

void HttpSession::Respond(HttpResponse response) {
  if (socket_.get_executor().running_in_this_thread()) return Write(std::move(response));
  host_->outbox.Add({shared_from_this(), std::move(response)});
}
void HttpSession::Deliver(HttpResponse response) {
  asio::dispatch(socket_.get_executor(), [self = shared_from_this(), response = std::move(response)]() mutable {
    self->Write(std::move(response));
  });
}

bool HttpSession::Arriving() {
  Error error;
  return !received_.empty() || parser_->started() || socket_.available(error) > 0;
}

void HttpSession::Next() {
  parser_.emplace(host_->options.max_body_bytes);
  headers_seen_ = false;
  head_ = false;
  if (stopping_ && !Arriving()) return Close();
  waiting_ = true;
  Parse();
}

void HttpSession::Parse() {
  while (true) {
    const StatusOr<size_t> taken = parser_->Take(received_);
    if (!taken.ok()) return OnUnparsable(taken.status());
    received_.erase(0, *taken);
    if (!headers_seen_ && parser_->has_headers() && !OnHeaders()) return;
    if (parser_->done()) return OnRequest();
    if (*taken == 0) return Read();
  }
}

bool HttpSession::OnHeaders() {
  headers_seen_ = true;
  waiting_ = false;
  const std::string_view encoding = parser_->Header("Content-Encoding");
  if (!encoding.empty() && !absl::EqualsIgnoreCase(ToAbsl(encoding), "gzip") &&
      !absl::EqualsIgnoreCase(ToAbsl(encoding), "identity")) {
    Refuse(ErrorResponse(415, "unsupported_encoding",
                         fmt::format("Content-Encoding '{}' is not known; there are: gzip, identity", encoding)));
    return false;
  }
  if (parser_->done() || !absl::EqualsIgnoreCase(ToAbsl(parser_->Header("Expect")), "100-continue")) return true;
  Continue();
  return false;
}

void HttpSession::Continue() {
  header_ = "HTTP/1.1 100 Continue\r\n\r\n";
  body_.clear();
  Send(&HttpSession::OnContinued);
}
void HttpSession::OnContinued(Error error, size_t) {
  error ? Close() : Parse();
}

void HttpSession::Read() {
  Expect(std::chrono::microseconds(host_->options.idle_timeout));
  socket_.async_read_some(asio::buffer(piece_), On(&HttpSession::OnRead));
}
void HttpSession::OnRead(Error error, size_t bytes) {
  if (error) return Close();
  received_.append(piece_.data(), bytes);
  Parse();
}

void HttpSession::OnUnparsable(const Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kResourceExhausted:
      return Refuse(ErrorResponse(413, "too_large", Message(status)));
    case absl::StatusCode::kOutOfRange:
      return Refuse(ErrorResponse(431, "header_too_large", Message(status)));
    default:
      return Refuse(ErrorResponse(status));
  }
}

void HttpSession::OnRequest() {
  ExpectNothing();
  head_ = parser_->is_head();
  keep_alive_ = parser_->keep_alive();
  old_ = parser_->is_old();
  StatusOr<HttpRequest> request = parser_->Release();
  if (!request.ok()) return OnUnparsable(request.status());
  if (!absl::EqualsIgnoreCase(ToAbsl(request->Header("Content-Encoding").value_or("")), "gzip"))
    return Handle(*std::move(request));
  request_ = *std::move(request);
  if (request_.body.size() <= kInflatedAtOnce) {
    Inflate();
    return OnInflated({}, 0);
  }
  host_->inflater->Add([self = shared_from_this()] {
    self->Inflate();
    asio::post(self->socket_.get_executor(), self->On(&HttpSession::OnInflated));
  });
}

void HttpSession::Inflate() {
  StatusOr<std::string> inflated = Gunzip(request_.body, host_->options.max_body_bytes);
  inflated_ = inflated.status();
  if (inflated.ok()) request_.body = *std::move(inflated);
}
void HttpSession::OnInflated(Error, size_t) {
  if (!socket_.is_open()) return;
  inflated_.ok() ? Handle(std::move(request_)) : OnUnparsable(inflated_);
}

void HttpSession::Handle(HttpRequest request) {
  auto owed = std::make_shared<OwedAnswer>(shared_from_this());
  std::string what;
  try {
    host_->handler(std::move(request), [owed](HttpResponse response) { owed->Give(std::move(response)); });
    return;
  } catch (const std::exception& exception) {
    what = exception.what();
  } catch (...) {
    what = "an exception";
  }
  owed->Give(ErrorResponse(Internal("the request's handler failed: {}", what)));
}

void HttpSession::Refuse(HttpResponse response) {
  keep_alive_ = false;
  lingers_ = true;
  Write(std::move(response));
}

void HttpSession::Write(HttpResponse response) {
  if (!socket_.is_open()) return;
  // While stopping, requests that arrived together with this one are still answered.
  keep_alive_ = keep_alive_ && !(stopping_ && received_.empty());
  WriteHeader(response, !keep_alive_, old_, &header_);
  if (!head_ && HasBody(response.status)) {
    body_ = std::move(response.body);
  } else {
    body_.clear();
  }
  Send(&HttpSession::OnWritten);
}

// Mostly the socket takes all of it at once, and then nobody has to be woken for what follows.
void HttpSession::Send(Method then) {
  Error error;
  const size_t sent = socket_.write_some(std::array{ToBuffer(header_), ToBuffer(body_)}, error);
  if (error && error != asio::error::would_block && error != asio::error::try_again) return (this->*then)(error, sent);
  if (sent < header_.size() + body_.size()) return SendRest(sent, then);
  // A client that has sent its next requests already takes turns with the others.
  if (!received_.empty()) return asio::post(socket_.get_executor(), On(then));
  (this->*then)({}, sent);
}

void HttpSession::SendRest(size_t sent, Method then) {
  Expect(std::chrono::microseconds(host_->options.idle_timeout));
  const size_t of_body = sent - std::min(sent, header_.size());
  asio::async_write(socket_, std::array{ToBuffer(header_) + sent, ToBuffer(body_) + of_body}, On(then));
}

void HttpSession::OnWritten(Error error, size_t) {
  if (error) return Close();
  if (keep_alive_) return Next();
  if (!lingers_) return Close();
  socket_.shutdown(asio::socket_base::shutdown_send, error);
  if (error || stopping_) return Close();
  Expect(kLingerTime);
  Linger();
}

void HttpSession::Linger() {
  socket_.async_read_some(asio::buffer(piece_), On(&HttpSession::OnLinger));
}
void HttpSession::OnLinger(Error error, size_t) {
  error ? Close() : Linger();
}

void HttpSession::Close() {
  Error ignored;
  socket_.shutdown(asio::socket_base::shutdown_both, ignored);
  socket_.close(ignored);
  timer_.cancel();
}

void HttpSession::Expect(std::chrono::microseconds wait) {
  deadline_ = Clock::now() + wait;
  if (timer_runs_ && timer_.expiry() <= deadline_) return;
  timer_runs_ = true;
  timer_.expires_at(deadline_);  // which ends the wait there may be
  timer_.async_wait(On(&HttpSession::OnTimer));
}

void HttpSession::ExpectNothing() {
  deadline_ = Clock::time_point::max();
}

void HttpSession::OnTimer(Error error, size_t) {
  if (error || !socket_.is_open()) return;  // another wait has begun, or none is needed
  if (deadline_ <= Clock::now()) return Close();
  timer_runs_ = false;
  if (deadline_ != Clock::time_point::max())
    Expect(std::chrono::ceil<std::chrono::microseconds>(deadline_ - Clock::now()));
}

}  // namespace headrace
