#include "serving/http/session.h"

#include <atomic>
#include <chrono>
#include <exception>
#include <iterator>

#include "absl/strings/match.h"
#include "serving/http/gzip.h"
#include "serving/http/target.h"

namespace headrace {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr uint32_t kMaxHeaderBytes = 64 << 10;
constexpr std::chrono::seconds kLingerTime(2);

std::string_view View(beast::string_view text) {
  return {text.data(), text.size()};
}

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
  for (const std::string_view part : {name, std::string_view(": "), value}) {
    for (const char c : part) *out += c == '\r' || c == '\n' ? ' ' : c;
  }
  *out += "\r\n";
}

bool HasBody(int status) {
  return status >= 200 && status != 204 && status != 304;
}

std::string HeaderText(const HttpResponse& response, bool close, bool old) {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\n", response.status,
                                 View(http::obsolete_reason(http::int_to_status(response.status))));
  if (HasBody(response.status)) {
    AppendHeader("Content-Type", response.content_type, &text);
    fmt::format_to(std::back_inserter(text), "Content-Length: {}\r\n", response.body.size());
  }
  for (const auto& [name, value] : response.headers) AppendHeader(name, value, &text);
  if (close) text += "Connection: close\r\n";
  if (!close && old) text += "Connection: keep-alive\r\n";
  text += "\r\n";
  return text;
}

}  // namespace

HttpSession::HttpSession(Socket socket, HttpSessionHost* host, std::function<void(HttpSession*)> on_end)
    : host_(host), on_end_(std::move(on_end)), stream_(std::move(socket)) {
  Error ignored;
  stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
}

HttpSession::~HttpSession() {
  on_end_(this);
}

void HttpSession::Start() {
  asio::dispatch(stream_.get_executor(), [self = shared_from_this()] { self->ReadHeader(); });
}

void HttpSession::BeginStop() {
  asio::dispatch(stream_.get_executor(), [self = shared_from_this()] {
    self->stopping_ = true;
    if (self->lingers_ || (self->waiting_ && !self->Arriving())) self->Close();
  });
}

void HttpSession::Abort() {
  asio::dispatch(stream_.get_executor(), [self = shared_from_this()] { self->Close(); });
}

void HttpSession::Respond(HttpResponse response) {
  if (host_->finished) return;
  asio::dispatch(stream_.get_executor(), [self = shared_from_this(), response = std::move(response)]() mutable {
    self->Write(std::move(response));
  });
}

bool HttpSession::Arriving() {
  Error error;
  return buffer_.size() > 0 || parser_->got_some() || stream_.socket().available(error) > 0;
}

void HttpSession::ReadHeader() {
  parser_.emplace();
  if (stopping_ && !Arriving()) return Close();
  head_ = false;
  parser_->header_limit(kMaxHeaderBytes);
  parser_->body_limit(host_->options.max_body_bytes);
  waiting_ = true;
  stream_.expires_after(std::chrono::microseconds(host_->options.idle_timeout));
  http::async_read_header(stream_, buffer_, *parser_, On(&HttpSession::OnHeader));
}

void HttpSession::OnHeader(Error error) {
  waiting_ = false;
  if (error) return OnReadError(error);
  const std::string_view encoding = View(parser_->get()[http::field::content_encoding]);
  if (!encoding.empty() && !absl::EqualsIgnoreCase(ToAbsl(encoding), "gzip") &&
      !absl::EqualsIgnoreCase(ToAbsl(encoding), "identity")) {
    return Refuse(
        ErrorResponse(415, "unsupported_encoding",
                      fmt::format("Content-Encoding '{}' is not known; there are: gzip, identity", encoding)));
  }
  if (parser_->is_done()) return OnBody({});
  if (absl::EqualsIgnoreCase(ToAbsl(View(parser_->get()[http::field::expect])), "100-continue")) return Continue();
  ReadBody();
}

void HttpSession::Continue() {
  header_ = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(stream_, asio::buffer(header_),
                    [self = shared_from_this()](Error error, size_t) { error ? self->Close() : self->ReadBody(); });
}

void HttpSession::ReadBody() {
  stream_.expires_after(std::chrono::microseconds(host_->options.idle_timeout));
  http::async_read(stream_, buffer_, *parser_, On(&HttpSession::OnBody));
}

void HttpSession::OnBody(Error error) {
  if (error) return OnReadError(error);
  stream_.expires_never();
  head_ = parser_->get().method() == http::verb::head;
  keep_alive_ = parser_->keep_alive();
  old_ = parser_->get().version() < 11;
  StatusOr<HttpRequest> request = TakeRequest();
  if (request.ok()) return Handle(*std::move(request));
  const bool too_large = request.status().code() == absl::StatusCode::kResourceExhausted;
  Refuse(too_large ? ErrorResponse(413, "too_large", Message(request.status())) : ErrorResponse(request.status()));
}

StatusOr<HttpRequest> HttpSession::TakeRequest() {
  auto message = parser_->release();
  HttpRequest request;
  request.method = View(message.method_string());
  HR_ASSIGN_OR_RETURN(HttpTarget target, ParseTarget(View(message.target())));
  request.path = std::move(target.path);
  request.query = std::move(target.query);
  for (const auto& field : message) request.headers.emplace_back(View(field.name_string()), View(field.value()));
  request.body = std::move(message.body());
  if (absl::EqualsIgnoreCase(ToAbsl(View(message[http::field::content_encoding])), "gzip")) {
    HR_ASSIGN_OR_RETURN(request.body, Gunzip(request.body, host_->options.max_body_bytes));
  }
  return request;
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

void HttpSession::OnReadError(Error error) {
  if (error == http::error::body_limit) {
    return Refuse(ErrorResponse(413, "too_large",
                                fmt::format("the body is over the limit of {} bytes", host_->options.max_body_bytes)));
  }
  if (error == http::error::header_limit) {
    return Refuse(ErrorResponse(431, "header_too_large",
                                fmt::format("the request's headers are over {} bytes", kMaxHeaderBytes)));
  }
  const bool gone = error == http::error::end_of_stream || error == http::error::partial_message;
  if (gone || error.category() != make_error_code(http::error::bad_method).category()) return Close();
  Refuse(ErrorResponse(InvalidArgument("the request is no HTTP/1.1: {}", error.message())));
}

void HttpSession::Refuse(HttpResponse response) {
  keep_alive_ = false;
  lingers_ = true;
  Write(std::move(response));
}

void HttpSession::Write(HttpResponse response) {
  if (!stream_.socket().is_open()) return;
  // While stopping, requests that arrived together with this one are still answered.
  keep_alive_ = keep_alive_ && !(stopping_ && buffer_.size() == 0);
  header_ = HeaderText(response, !keep_alive_, old_);
  if (!head_ && HasBody(response.status)) {
    body_ = std::move(response.body);
  } else {
    body_.clear();
  }
  stream_.expires_after(std::chrono::microseconds(host_->options.idle_timeout));
  asio::async_write(stream_,
                    std::array{asio::const_buffer(asio::buffer(header_)), asio::const_buffer(asio::buffer(body_))},
                    On(&HttpSession::OnWritten));
}

void HttpSession::OnWritten(Error error) {
  if (error) return Close();
  if (keep_alive_) return ReadHeader();
  if (!lingers_) return Close();
  stream_.socket().shutdown(asio::socket_base::shutdown_send, error);
  if (error || stopping_) return Close();
  stream_.expires_after(kLingerTime);
  Linger();
}

void HttpSession::Linger() {
  stream_.async_read_some(asio::buffer(dropped_),
                          [self = shared_from_this()](Error error, size_t) { error ? self->Close() : self->Linger(); });
}

void HttpSession::Close() {
  Error ignored;
  stream_.socket().shutdown(asio::socket_base::shutdown_both, ignored);
  stream_.close();
}

}  // namespace headrace
