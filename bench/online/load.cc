// A load of events for `./dev bench online`: connections that each send a prepared request, wait for its answer, and
// send the next, to Headrace over HTTP or to Redis. Requests that are refused with 429 are counted, and sent again. One
// thread. Prints one line of JSON.
//
//   load PORT http|redis|hmget CONNECTIONS BATCH SECONDS [EVENTS_PER_SECOND]
//
// An event is a key of 10,000, an instant of the last second and a value. To Redis it is one HINCRBYFLOAT of the key's
// sum and one ZADD to its window. hmget asks for BATCH fields of one hash (which it fills before).
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "fmt/format.h"

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "load: %s\n", what.c_str());
  std::exit(1);
}

enum class Protocol { kHttp, kRedis, kHmget };

struct Options {
  int port = 0;
  Protocol protocol = Protocol::kHttp;
  size_t connections = 1;
  size_t batch = 1;
  double seconds = 1;
  double events_per_second = 0;  // 0: as fast as answers come
};

// A request that is made once and sent often: only its instants are written anew.
struct Request {
  std::string bytes;
  std::vector<size_t> instants;  // where they are, each of 16 digits
};

int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void SetInstants(Request* request) {
  constexpr size_t kPerEvent = 37;  // microseconds apart, so that a thousand begin some 37 ms ago
  int64_t at_us = NowUs() - static_cast<int64_t>(request->instants.size() * kPerEvent);
  for (const size_t place : request->instants) {
    fmt::format_to_n(request->bytes.data() + place, 16, "{:016}", at_us);
    at_us += kPerEvent;
  }
}

std::vector<Request> Requests(const Options& options) {
  constexpr size_t kDifferent = 256;
  constexpr std::string_view kInstant = "1000000000000000";
  std::mt19937_64 random(42);
  std::vector<Request> requests;
  for (size_t i = 0; i < kDifferent; ++i) {
    std::string body;
    for (size_t event = 0; event < options.batch; ++event) {
      const auto key = static_cast<int64_t>(random() % 10'000);
      const double amount = static_cast<double>(random() % 100'000) / 100;
      if (options.protocol == Protocol::kHttp) {
        body += fmt::format("{{\"key\":{},\"at\":{},\"amount\":{}}}\n", key, kInstant, amount);
      } else {
        const std::string sum = fmt::format("s:{}", key), window = fmt::format("w:{}", key);
        const std::string value = fmt::format("{}", amount), member = fmt::format("{}:{}:{}", kInstant, i, event);
        body += fmt::format("*4\r\n$12\r\nHINCRBYFLOAT\r\n${}\r\n{}\r\n$1\r\nv\r\n${}\r\n{}\r\n", sum.size(), sum,
                            value.size(), value);
        body += fmt::format("*4\r\n$4\r\nZADD\r\n${}\r\n{}\r\n$16\r\n{}\r\n${}\r\n{}\r\n", window.size(), window,
                            kInstant, member.size(), member);
      }
    }
    if (options.protocol == Protocol::kHttp)
      body = fmt::format("POST /v1/events/bench.events HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{}",
                         body.size(), body);
    Request request{std::move(body), {}};
    for (size_t at = request.bytes.find(kInstant); at != std::string::npos; at = request.bytes.find(kInstant, at + 1))
      request.instants.push_back(at);
    requests.push_back(std::move(request));
  }
  return requests;
}

std::string HashOf(const Options& options, std::string_view command, bool values) {
  std::string request =
      fmt::format("*{}\r\n${}\r\n{}\r\n$4\r\nwide\r\n", 2 + options.batch * (values ? 2 : 1), command.size(), command);
  for (size_t field = 0; field < options.batch; ++field) {
    request += fmt::format("$4\r\nf{:03}\r\n", field);
    if (values) request += "$8\r\n123.4567\r\n";
  }
  return request;
}

int Connect(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) Fail("cannot connect");
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

void SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) Fail("the server closed a connection");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

// What is there of one answer.
class Answer {
 public:
  Answer(Protocol protocol, size_t batch) : protocol_(protocol), batch_(batch) {}

  // True once it is whole.
  bool Take(std::string_view bytes) {
    if (protocol_ != Protocol::kHttp) {
      if (bytes_ == 0 && bytes.front() == '-') Fail(std::string(bytes));
      bytes_ += bytes.size();
      lines_ += static_cast<size_t>(std::count(bytes.begin(), bytes.end(), '\n'));
      // HINCRBYFLOAT answers with two lines, ZADD with one; HMGET with one and two a field.
      return lines_ == (protocol_ == Protocol::kRedis ? 3 * batch_ : 1 + 2 * batch_);
    }
    text_ += bytes;
    const size_t head = text_.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    const size_t length = text_.find("Content-Length: ");
    if (length > head) Fail("an answer without length");
    if (text_.size() < head + 4 + std::strtoul(text_.c_str() + length + 16, nullptr, 10)) return false;
    refused_ = text_.starts_with("HTTP/1.1 429");
    if (!refused_ && !text_.starts_with("HTTP/1.1 200")) Fail(text_);
    return true;
  }
  bool refused() const { return refused_; }  // of a whole one: the server had no room for the request
  void Clear() {
    text_.clear();
    lines_ = bytes_ = 0;
  }

 private:
  const Protocol protocol_;
  const size_t batch_;
  std::string text_;
  size_t lines_ = 0;
  size_t bytes_ = 0;
  bool refused_ = false;
};

struct Connection {
  int fd;
  Answer answer;
  Clock::time_point sent;
};

double Percentile(std::vector<double>& sorted, double share) {
  return sorted.empty()
             ? 0
             : sorted[std::min(sorted.size() - 1, static_cast<size_t>(share * static_cast<double>(sorted.size())))];
}

void Run(const Options& options) {
  std::vector<Request> requests;
  if (options.protocol == Protocol::kHmget) {
    const int fd = Connect(options.port);
    SendAll(fd, HashOf(options, "HSET", true));
    char ignored[64];
    if (::recv(fd, ignored, sizeof ignored, 0) <= 0) Fail("HSET was not answered");
    ::close(fd);
    requests.push_back({HashOf(options, "HMGET", false), {}});
  } else {
    requests = Requests(options);
  }
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<Connection> connections;
  for (size_t i = 0; i < options.connections; ++i)
    connections.push_back({Connect(options.port), Answer(options.protocol, options.batch), {}});
  size_t next = 0;
  size_t sent = 0;
  const Clock::time_point begin = Clock::now();
  const auto seconds = [&](Clock::time_point t) { return std::chrono::duration<double>(t - begin).count(); };
  const auto send = [&](Connection& connection) {
    while (options.events_per_second > 0 &&
           static_cast<double>(sent * options.batch) > seconds(Clock::now()) * options.events_per_second)
      ::usleep(50);
    Request& request = requests[next++ % requests.size()];
    SetInstants(&request);
    connection.sent = Clock::now();
    SendAll(connection.fd, request.bytes);
    ++sent;
  };
  for (size_t i = 0; i < connections.size(); ++i) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event);
    send(connections[i]);
  }
  std::vector<double> latencies_us;  // of requests that were not refused
  size_t refused = 0;
  size_t open = connections.size();
  std::vector<char> buffer(1 << 20);
  while (open > 0) {
    epoll_event ready[64];
    const int count = ::epoll_wait(epoll, ready, 64, 10'000);
    if (count <= 0) Fail("no answer within 10 seconds");
    for (int i = 0; i < count; ++i) {
      Connection& connection = connections[ready[i].data.u64];
      const ssize_t got = ::recv(connection.fd, buffer.data(), buffer.size(), 0);
      if (got <= 0) Fail("the server closed a connection");
      if (!connection.answer.Take({buffer.data(), static_cast<size_t>(got)})) continue;
      connection.answer.Clear();
      const Clock::time_point now = Clock::now();
      if (connection.answer.refused()) {
        ++refused;
      } else {
        latencies_us.push_back(std::chrono::duration<double, std::micro>(now - connection.sent).count());
      }
      if (seconds(now) < options.seconds) {
        send(connection);
      } else {
        --open;
      }
    }
  }
  const double took = seconds(Clock::now());
  std::sort(latencies_us.begin(), latencies_us.end());
  fmt::print(
      "{{\"requests\": {}, \"refused\": {}, \"events\": {}, \"seconds\": {:.3f}, \"p50_us\": {:.1f}, \"p99_us\": "
      "{:.1f}}}\n",
      latencies_us.size(), refused, latencies_us.size() * options.batch, took, Percentile(latencies_us, 0.5),
      Percentile(latencies_us, 0.99));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) Fail("usage: load PORT http|redis|hmget CONNECTIONS BATCH SECONDS [EVENTS_PER_SECOND]");
  Options options;
  options.port = std::atoi(argv[1]);
  const std::string_view protocol = argv[2];
  options.protocol = protocol == "http" ? Protocol::kHttp : protocol == "redis" ? Protocol::kRedis : Protocol::kHmget;
  options.connections = std::strtoul(argv[3], nullptr, 10);
  options.batch = std::strtoul(argv[4], nullptr, 10);
  options.seconds = std::atof(argv[5]);
  if (argc > 6) options.events_per_second = std::atof(argv[6]);
  Run(options);
}
