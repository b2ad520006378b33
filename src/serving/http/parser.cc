#include "serving/http/parser.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>

#include "serving/http/target.h"

namespace headrace {
namespace {

namespace http = boost::beast::http;
using Error = boost::beast::error_code;

constexpr uint32_t kMaxHeaderBytes = 64 << 10;

std::string_view View(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

// Of one piece; `error` is what the parser said, but that it needs more.
template <typename Parser>
size_t Put(std::string_view bytes, Parser* parser, Error* error) {
  if (bytes.empty() || parser->is_done()) return 0;
  const size_t taken = parser->put(boost::asio::const_buffer(bytes.data(), bytes.size()), *error);
  if (*error == http::error::need_more) *error = {};
  return taken;
}

template <typename Message>
HttpHeaders HeadersOf(const Message& message) {
  HttpHeaders headers;
  for (const auto& field : message) headers.emplace_back(View(field.name_string()), View(field.value()));
  return headers;
}

}  // namespace

struct RequestParser::State {
  http::request_parser<http::string_body> parser;
  size_t max_body_bytes;
};

RequestParser::RequestParser(size_t max_body_bytes) : state_(std::make_unique<State>()) {
  state_->max_body_bytes = max_body_bytes;
  state_->parser.header_limit(kMaxHeaderBytes);
  state_->parser.body_limit(max_body_bytes);
}
RequestParser::~RequestParser() = default;

StatusOr<size_t> RequestParser::Take(std::string_view bytes) {
  Error error;
  const size_t taken = Put(bytes, &state_->parser, &error);
  if (!error) return taken;
  if (error == http::error::body_limit) {
    return ResourceExhausted("the body is over the limit of {} bytes", state_->max_body_bytes);
  }
  if (error == http::error::header_limit) {
    return absl::OutOfRangeError(fmt::format("the request's headers are over {} bytes", kMaxHeaderBytes));
  }
  return InvalidArgument("the request is no HTTP/1.1: {}", error.message());
}

bool RequestParser::started() const {
  return state_->parser.got_some();
}
bool RequestParser::has_headers() const {
  return state_->parser.is_header_done();
}
bool RequestParser::done() const {
  return state_->parser.is_done();
}
std::string_view RequestParser::Header(std::string_view name) const {
  return View(state_->parser.get()[boost::beast::string_view(name.data(), name.size())]);
}
bool RequestParser::is_head() const {
  return state_->parser.get().method() == http::verb::head;
}
bool RequestParser::is_old() const {
  return state_->parser.get().version() < 11;
}
bool RequestParser::keep_alive() const {
  return state_->parser.keep_alive();
}

StatusOr<HttpRequest> RequestParser::Release() {
  auto message = state_->parser.release();
  HttpRequest request;
  request.method = View(message.method_string());
  HR_ASSIGN_OR_RETURN(HttpTarget target, ParseTarget(View(message.target())));
  request.path = std::move(target.path);
  request.query = std::move(target.query);
  request.headers = HeadersOf(message);
  request.body = std::move(message.body());
  return request;
}

struct ResponseParser::State {
  http::response_parser<http::string_body> parser;
};

ResponseParser::ResponseParser(bool to_head) : to_head_(to_head) {
  Restart();
}
ResponseParser::~ResponseParser() = default;

void ResponseParser::Restart() {
  state_ = std::make_unique<State>();
  state_->parser.body_limit(boost::none);
  state_->parser.skip(to_head_);
}

StatusOr<size_t> ResponseParser::Take(std::string_view bytes) {
  Error error;
  const size_t taken = Put(bytes, &state_->parser, &error);
  if (error) return InvalidArgument("the answer is no HTTP/1.1: {}", error.message());
  if (state_->parser.is_done() && state_->parser.get().result_int() < 200) Restart();
  return taken;
}

void ResponseParser::TakeEnd() {
  Error error;  // an answer that is cut short is not done
  state_->parser.put_eof(error);
}
bool ResponseParser::done() const {
  return state_->parser.is_done();
}
bool ResponseParser::keep_alive() const {
  return state_->parser.keep_alive();
}

HttpResponse ResponseParser::Release() {
  auto message = state_->parser.release();
  HttpResponse response;
  response.status = static_cast<int>(message.result_int());
  response.content_type = View(message[http::field::content_type]);
  response.headers = HeadersOf(message);
  response.body = std::move(message.body());
  return response;
}

std::string_view ReasonPhrase(int status) {
  return View(http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status))));
}

}  // namespace headrace
