#include "serving/http/client.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iterator>
#include <limits>

#include "serving/http/parser.h"

namespace headrace {
namespace {

using SteadyClock = std::chrono::steady_clock;

std::string RequestText(std::string_view method, std::string_view target, std::string_view host, std::string_view body,
                        const HttpHeaders& headers) {
  std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", method, target, host);
  if (!body.empty() || method == "POST" || method == "PUT") {
    fmt::format_to(std::back_inserter(text), "Content-Length: {}\r\n", body.size());
    if (!FindHeader(headers, "Content-Type")) text += "Content-Type: application/json\r\n";
  }
  for (const auto& [name, value] : headers) fmt::format_to(std::back_inserter(text), "{}: {}\r\n", name, value);
  text += "\r\n";
  text += body;
  return text;
}

}  // namespace

struct HttpClient::State {
  ~State() { Disconnect(); }

  // Where the server is, for messages.
  std::string Place() const { return fmt::format("{}:{}", host, port); }
  Status Broken(std::string_view what, int error_number) const {
    return Unavailable("{}: {}: {}", Place(), what, std::strerror(error_number));
  }

  void Disconnect();
  Status Connect();
  Status WaitFor(short events);
  Status Write(std::string_view bytes);
  StatusOr<size_t> Read();  // behind what is in `received`; 0 at the end
  StatusOr<HttpResponse> ReadResponse(bool head, bool* heard);
  StatusOr<HttpResponse> Exchange(std::string_view text, bool head, bool* heard);

  std::string host;
  int port = 0;
  DurationUs timeout_us = 0;
  int fd = -1;
  std::array<char, 64 << 10> piece;  // just read
  std::string received;              // not yet parsed
  SteadyClock::time_point deadline;  // of the present request
};

void HttpClient::State::Disconnect() {
  if (fd >= 0) ::close(fd);
  fd = -1;
  received.clear();
}

Status HttpClient::State::Connect() {
  addrinfo wanted = {};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
  if (failed != 0) return Unavailable("{}: no such host: {}", Place(), ::gai_strerror(failed));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  int last_error = 0;
  for (const addrinfo* address = found; address != nullptr && fd < 0; address = address->ai_next) {
    fd = ::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && ::connect(fd, address->ai_addr, address->ai_addrlen) == 0) break;
    last_error = errno;
    Disconnect();
  }
  if (fd < 0) return Broken("no server answers", last_error);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return absl::OkStatus();
}

Status HttpClient::State::WaitFor(short events) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
    pollfd poll_fd = {fd, events, 0};
    const int ready =
        left <= 0 ? 0 : ::poll(&poll_fd, 1, static_cast<int>(std::min<int64_t>(left, std::numeric_limits<int>::max())));
    if (ready > 0) return absl::OkStatus();
    if (ready < 0 && errno != EINTR) return Broken("the connection failed", errno);
    if (ready == 0) {
      return absl::DeadlineExceededError(fmt::format("{}: no answer within {}", Place(), FormatDuration(timeout_us)));
    }
  }
}

Status HttpClient::State::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    HR_RETURN_IF_ERROR(WaitFor(POLLOUT));
    const ssize_t written = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written < 0) return Broken("the request could not be sent", errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

StatusOr<size_t> HttpClient::State::Read() {
  HR_RETURN_IF_ERROR(WaitFor(POLLIN));
  const ssize_t got = ::recv(fd, piece.data(), piece.size(), 0);
  if (got < 0) return Broken("the connection broke", errno);
  received.append(piece.data(), static_cast<size_t>(got));
  return static_cast<size_t>(got);
}

// `heard` becomes true with the answer's first byte.
StatusOr<HttpResponse> HttpClient::State::ReadResponse(bool head, bool* heard) {
  ResponseParser parser(head);
  while (!parser.done()) {
    const StatusOr<size_t> taken = parser.Take(received);
    if (!taken.ok()) return Unavailable("{}: {}", Place(), Message(taken.status()));
    received.erase(0, *taken);
    if (parser.done() || *taken > 0) continue;
    HR_ASSIGN_OR_RETURN(const size_t got, Read());
    *heard = *heard || got > 0;
    if (got > 0) continue;
    if (*heard) parser.TakeEnd();
    if (!parser.done()) return Unavailable("{}: the server closed the connection without an answer", Place());
  }
  const bool keep = parser.keep_alive();
  HttpResponse response = parser.Release();
  if (!keep) Disconnect();
  return response;
}

StatusOr<HttpResponse> HttpClient::State::Exchange(std::string_view text, bool head, bool* heard) {
  // A server that refuses a large body answers before it has read all of it, and then the sending fails.
  const Status sent = Write(text);
  if (absl::IsDeadlineExceeded(sent)) return sent;
  StatusOr<HttpResponse> response = ReadResponse(head, heard);
  if (!response.ok() && !sent.ok()) return sent;
  return response;
}

HttpClient::HttpClient(std::string host, int port, DurationUs timeout) : state_(std::make_unique<State>()) {
  state_->host = std::move(host);
  state_->port = port;
  state_->timeout_us = timeout;
}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

StatusOr<HttpResponse> HttpClient::Send(std::string_view method, std::string_view target, std::string_view body,
                                        const HttpHeaders& headers) {
  const std::string text = RequestText(method, target, state_->Place(), body, headers);
  state_->deadline = SteadyClock::now() + std::chrono::microseconds(state_->timeout_us);
  while (true) {
    const bool kept = state_->fd >= 0;
    if (!kept) HR_RETURN_IF_ERROR(state_->Connect());
    bool heard = false;
    StatusOr<HttpResponse> response = state_->Exchange(text, method == "HEAD", &heard);
    if (response.ok()) return response;
    state_->Disconnect();
    if (!kept || heard || !absl::IsUnavailable(response.status())) return response;
  }
}

}  // namespace headrace
