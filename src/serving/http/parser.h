// HTTP/1.1 messages out of bytes that come in any pieces. Behind both stands Beast's parser, whose templates take
// seconds to compile: only parser.cc includes them.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/status.h"
#include "serving/http/message.h"

namespace headrace {

// One request.
class RequestParser {
 public:
  explicit RequestParser(size_t max_body_bytes);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Takes bytes from the front and says how many: up to the end of the headers, in the calls after that up to the end
  // of the request. What was left comes again, with more behind it. A body over the limit is kResourceExhausted (by its
  // Content-Length before any of it came), headers over 64 KiB are kOutOfRange, what is no HTTP is kInvalidArgument.
  StatusOr<size_t> Take(std::string_view bytes);

  bool started() const;      // something was taken
  bool has_headers() const;  // all of them
  bool done() const;         // headers and body

  // Once there are headers: the value of one, "" without it.
  std::string_view Header(std::string_view name) const;
  bool is_head() const;
  bool is_old() const;      // HTTP/1.0
  bool keep_alive() const;  // its client can send another one

  // The request when it is done, its body as it came. kInvalidArgument for a target with a broken %-escape.
  StatusOr<HttpRequest> Release();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// One answer; "100 Continue" and its like are passed over.
class ResponseParser {
 public:
  explicit ResponseParser(bool to_head);  // the answer to HEAD has no body
  ~ResponseParser();
  ResponseParser(const ResponseParser&) = delete;
  ResponseParser& operator=(const ResponseParser&) = delete;

  // As above; kInvalidArgument for what is no HTTP.
  StatusOr<size_t> Take(std::string_view bytes);
  // The connection ended, which is the end of a body without a length.
  void TakeEnd();

  bool done() const;
  bool keep_alive() const;
  HttpResponse Release();  // when it is done

 private:
  struct State;
  void Restart();

  bool to_head_;
  std::unique_ptr<State> state_;
};

// "Not Found"; "<unknown-status>" for a number that is none.
std::string_view ReasonPhrase(int status);

}  // namespace headrace
