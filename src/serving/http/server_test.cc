#include "serving/http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "base/json.h"
#include "serving/http/client.h"

namespace headrace {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A connection that sends what it is told, well-formed or not.
class RawConnection {
 public:
  explicit RawConnection(int port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const timeval patience = {10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~RawConnection() { ::close(fd_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  void Send(std::string_view bytes) {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  // Everything up to the connection's end, or until `text` was seen.
  std::string ReadAll() { return ReadUntil(""); }
  std::string ReadUntil(std::string_view text) {
    std::string all;
    char bytes[4096];
    while (text.empty() || all.find(text) == std::string::npos) {
      const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
      if (got <= 0) break;
      all.append(bytes, static_cast<size_t>(got));
    }
    return all;
  }

 private:
  int fd_;
};

std::unique_ptr<HttpServer> StartServer(HttpHandler handler, HttpServerOptions options = {}) {
  options.port = 0;
  StatusOr<std::unique_ptr<HttpServer>> server = HttpServer::Start(options, std::move(handler));
  EXPECT_TRUE(server.ok()) << server.status();
  return std::move(server).value();
}

// Answers with what it was asked.
void Echo(HttpRequest request, Responder respond) {
  HttpResponse response;
  response.content_type = "text/plain";
  response.body = request.method + " " + request.path;
  for (const auto& [name, value] : request.query) response.body += fmt::format(" {}={}", name, value);
  if (!request.body.empty()) response.body += "\n" + request.body;
  respond(std::move(response));
}

std::string Gzip(std::string_view text) {
  z_stream stream = {};
  deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string result(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

std::string CodeOf(const HttpResponse& response) {
  const StatusOr<Json> json = Json::Parse(response.body);
  if (!json.ok() || json->Find("error") == nullptr) return "no error: " + response.body;
  return json->Find("error")->Find("code")->str();
}

// One thread for the answers that come later.
class Later {
 public:
  Later() : thread_([this] { Run(); }) {}
  ~Later() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void Do(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
    changed_.notify_all();
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return ended_ || !work_.empty(); });
      if (work_.empty()) return;
      const std::function<void()> work = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      work();
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;
  bool ended_ = false;
  std::thread thread_;
};

TEST(HttpServerTest, DecodesPathAndQueryAndKeepsTheBody) {
  const auto server = StartServer(Echo);
  HttpClient client("127.0.0.1", server->port());
  const auto response = client.Send("POST", "/v1/a%20b?x=1%262&y=c+d&flag", "body");
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->content_type, "text/plain");
  EXPECT_EQ(response->body, "POST /v1/a b flag= x=1&2 y=c d\nbody");
  EXPECT_EQ(server->url(), fmt::format("http://127.0.0.1:{}", server->port()));
}

TEST(HttpServerTest, HeadersAreFoundInAnyCase) {
  const auto server = StartServer([](HttpRequest request, Responder respond) {
    respond({.body = std::string(request.Header("x-TOKEN").value_or("none")), .headers = {{"X-Back", "a\r\nEvil: b"}}});
  });
  HttpClient client("127.0.0.1", server->port());
  const auto response = client.Send("GET", "/", "", {{"X-Token", "t"}});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "t");
  EXPECT_EQ(response->Header("x-back"), "a  Evil: b");
  EXPECT_FALSE(response->Header("evil"));
}

TEST(HttpServerTest, ManyRequestsShareOneConnection) {
  const auto server = StartServer(Echo, {.max_connections = 1});
  HttpClient client("127.0.0.1", server->port());
  for (int i = 0; i < 100; ++i) {
    const auto response = client.Send("GET", fmt::format("/{}", i));
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->body, fmt::format("GET /{}", i));
  }
}

TEST(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  Later later;
  const auto server = StartServer([&](HttpRequest request, Responder respond) {
    const bool slow = request.path == "/slow";
    later.Do([slow, respond, path = request.path] {
      if (slow) std::this_thread::sleep_for(std::chrono::milliseconds(50));
      respond({.body = "<" + path + ">"});
    });
  });
  RawConnection connection(server->port());
  connection.Send(
      "GET /slow HTTP/1.1\r\nHost: h\r\n\r\nPOST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
      "GET /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const std::string all = connection.ReadAll();
  const size_t first = all.find("</slow>");
  const size_t second = all.find("</b>");
  EXPECT_LT(first, second);
  EXPECT_LT(second, all.find("</c>"));
  EXPECT_THAT(all, EndsWith("</c>"));
}

TEST(HttpServerTest, ChunkedBodiesAreJoined) {
  const auto server = StartServer(Echo);
  RawConnection connection(server->port());
  connection.Send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
  connection.Send("3\r\nabc\r\n");
  connection.Send("2\r\nde\r\n0\r\n\r\n");
  EXPECT_THAT(connection.ReadAll(), EndsWith("POST /\nabcde"));
}

TEST(HttpServerTest, BodiesOfManyMegabytesPass) {
  const auto server = StartServer(Echo, {.max_body_bytes = 20 << 20});
  HttpClient client("127.0.0.1", server->port());
  const std::string body(18 << 20, 'x');
  const auto response = client.Send("POST", "/", body);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_TRUE(response->body == "POST /\n" + body);
}

TEST(HttpServerTest, ABodyOverTheLimitIsRefusedByItsLengthBeforeItIsSent) {
  const auto server = StartServer(Echo, {.max_body_bytes = 1000});
  RawConnection connection(server->port());
  connection.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n");
  const std::string all = connection.ReadUntil("}}");
  EXPECT_THAT(all, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(all, HasSubstr("Connection: close"));
  EXPECT_THAT(all, HasSubstr(R"("code": "too_large")"));
}

TEST(HttpServerTest, AClientThatSendsMoreThanTheLimitSeesWhy) {
  const auto server = StartServer(Echo, {.max_body_bytes = 1000});
  HttpClient client("127.0.0.1", server->port());
  const auto response = client.Send("POST", "/", std::string(8 << 20, 'x'));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 413);
  const auto next = client.Send("POST", "/", std::string(1000, 'x'));
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(next->status, 200);
}

TEST(HttpServerTest, AChunkedBodyOverTheLimitIsRefused) {
  const auto server = StartServer(Echo, {.max_body_bytes = 4});
  RawConnection connection(server->port());
  connection.Send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n");
  EXPECT_THAT(connection.ReadUntil("}}"), StartsWith("HTTP/1.1 413 "));
}

TEST(HttpServerTest, GzipBodiesAreInflated) {
  const auto server = StartServer(Echo, {.max_body_bytes = 100'000});
  HttpClient client("127.0.0.1", server->port());
  const std::string text(50'000, 'z');
  const auto response = client.Send("POST", "/", Gzip(text) + Gzip("end"), {{"Content-Encoding", "gzip"}});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "POST /\n" + text + "end");
}

std::string GzipRequest(std::string_view path, const std::string& body) {
  constexpr std::string_view kHead =
      "POST {} HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n";
  return fmt::format(kHead, path, body.size()) + body;
}

// Long ones are inflated elsewhere, and what follows on their connection waits for them.
TEST(HttpServerTest, LongGzipBodiesAreInflatedInTheirOrder) {
  std::string text;  // that compresses little
  uint32_t state = 1;
  for (int i = 0; i < 100'000; ++i) {
    state = state * 1664525 + 1013904223;
    text += static_cast<char>('!' + (state >> 26));
  }
  const std::string body = Gzip(text);
  ASSERT_GT(body.size(), 50'000);
  const auto server = StartServer(Echo);
  RawConnection connection(server->port());
  connection.Send(GzipRequest("/1", body) + GzipRequest("/2", body) + "GET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string answers = connection.ReadUntil("GET /3");
  const size_t first = answers.find("POST /1\n" + text);
  ASSERT_NE(first, std::string::npos);
  EXPECT_NE(answers.find("POST /2\n" + text, first), std::string::npos);
}

TEST(HttpServerTest, AStopAnswersWhatIsBeingInflated) {
  const auto server = StartServer(Echo);
  RawConnection connection(server->port());
  connection.Send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
  connection.ReadUntil("GET /1");
  connection.Send(GzipRequest("/2", Gzip(std::string(30'000'000, 'z'))));
  std::thread stopper([&] { server->Stop(); });
  const std::string answer = connection.ReadAll();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_GT(answer.size(), 30'000'000);
  stopper.join();
}

TEST(HttpServerTest, AServerThatIsCutOffWhileItInflatesGoesAway) {
  const auto server = StartServer(Echo, {.stop_grace = 0});
  RawConnection connection(server->port());
  connection.Send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
  connection.ReadUntil("GET /1");
  connection.Send(GzipRequest("/2", Gzip(std::string(30'000'000, 'z'))));
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  server->Stop();
  connection.ReadAll();
}

TEST(HttpServerTest, TheInflatedSizeIsLimitedToo) {
  const auto server = StartServer(Echo, {.max_body_bytes = 100'000});
  HttpClient client("127.0.0.1", server->port());
  const auto fits = client.Send("POST", "/", Gzip(std::string(100'000, 'z')), {{"Content-Encoding", "gzip"}});
  ASSERT_TRUE(fits.ok()) << fits.status();
  EXPECT_EQ(fits->status, 200);
  const auto bomb = client.Send("POST", "/", Gzip(std::string(50'000'000, 'z')), {{"Content-Encoding", "gzip"}});
  ASSERT_TRUE(bomb.ok()) << bomb.status();
  EXPECT_EQ(bomb->status, 413);
  EXPECT_EQ(CodeOf(*bomb), "too_large");
}

TEST(HttpServerTest, DamagedGzipIsABadRequest) {
  const auto server = StartServer(Echo);
  const std::string whole = Gzip("some text that is long enough");
  const std::string long_one(100'000, 'x');
  for (const std::string& body :
       {std::string("no gzip at all"), whole.substr(0, whole.size() - 6), std::string(), long_one}) {
    HttpClient client("127.0.0.1", server->port());
    const auto response = client.Send("POST", "/", body, {{"Content-Encoding", "gzip"}});
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->status, 400);
    EXPECT_EQ(CodeOf(*response), "invalid_argument");
  }
}

TEST(HttpServerTest, AnUnknownContentEncodingIs415) {
  const auto server = StartServer(Echo);
  HttpClient client("127.0.0.1", server->port());
  const auto response = client.Send("POST", "/", "x", {{"Content-Encoding", "br"}});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 415);
}

TEST(HttpServerTest, MalformedRequestsAreBadRequests) {
  const auto server = StartServer(Echo);
  for (const std::string_view request :
       {"hello\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /%zz HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "GET nowhere HTTP/1.1\r\n\r\n", "GET /?a=%4 HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
    RawConnection connection(server->port());
    connection.Send(request);
    EXPECT_THAT(connection.ReadUntil("}}"), StartsWith("HTTP/1.1 400 ")) << request;
  }
}

TEST(HttpServerTest, EndlessHeadersAreRefused) {
  const auto server = StartServer(Echo);
  RawConnection connection(server->port());
  connection.Send("GET / HTTP/1.1\r\nX: " + std::string(70'000, 'x'));
  EXPECT_THAT(connection.ReadUntil("}}"), StartsWith("HTTP/1.1 431 "));
}

TEST(HttpServerTest, AClientThatWaitsForContinueGetsIt) {
  const auto server = StartServer(Echo);
  RawConnection connection(server->port());
  connection.Send(
      "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(connection.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  connection.Send("ok");
  EXPECT_THAT(connection.ReadAll(), EndsWith("POST /\nok"));
}

TEST(HttpServerTest, HeadHasTheLengthButNoBody) {
  const auto server = StartServer(Echo);
  HttpClient client("127.0.0.1", server->port());
  for (int i = 0; i < 2; ++i) {
    const auto response = client.Send("HEAD", "/x");
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->body, "");
    EXPECT_EQ(response->Header("Content-Length"), "7");
  }
}

TEST(HttpServerTest, Http10ClosesUnlessAskedToKeepTheConnection) {
  const auto server = StartServer(Echo);
  RawConnection closing(server->port());
  closing.Send("GET /a HTTP/1.0\r\n\r\n");
  EXPECT_THAT(closing.ReadAll(), EndsWith("GET /a"));
  RawConnection keeping(server->port());
  keeping.Send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(keeping.ReadUntil("GET /a"), HasSubstr("Connection: keep-alive"));
}

TEST(HttpServerTest, AnswersMayComeFromAnotherThreadLater) {
  Later later;
  const auto server = StartServer(
      [&](HttpRequest, Responder respond) { later.Do([respond] { respond({.status = 202, .body = "later"}); }); });
  HttpClient client("127.0.0.1", server->port());
  for (int i = 0; i < 20; ++i) {
    const auto response = client.Send("GET", "/");
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->status, 202);
  }
}

TEST(HttpServerTest, ManyRequestsAreAnsweredAtOnceByAnotherThread) {
  std::mutex mutex;
  std::vector<std::pair<std::string, Responder>> waiting;
  const auto server = StartServer([&](const HttpRequest& request, Responder respond) {
    const std::lock_guard lock(mutex);
    waiting.emplace_back(request.path, std::move(respond));
  });
  std::vector<std::unique_ptr<RawConnection>> connections;
  for (int i = 0; i < 100; ++i) connections.push_back(std::make_unique<RawConnection>(server->port()));
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 100; ++i) connections[i]->Send(fmt::format("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", i));
    std::vector<std::pair<std::string, Responder>> all;
    while (all.size() < 100) {
      const std::lock_guard lock(mutex);
      std::move(waiting.begin(), waiting.end(), std::back_inserter(all));
      waiting.clear();
    }
    for (const auto& [path, respond] : all) respond({.body = fmt::format("to {}.", path)});
    for (int i = 0; i < 100; ++i) EXPECT_THAT(connections[i]->ReadUntil("."), EndsWith(fmt::format("to /{}.", i)));
  }
}

TEST(HttpServerTest, OnlyTheFirstCallOfAResponderCounts) {
  const auto server = StartServer([](HttpRequest, Responder respond) {
    respond({.body = "one"});
    respond({.body = "two"});
  });
  HttpClient client("127.0.0.1", server->port());
  for (int i = 0; i < 3; ++i) {
    const auto response = client.Send("GET", "/");
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->body, "one");
  }
}

TEST(HttpServerTest, AResponderThatIsDroppedAnswers500) {
  const auto server = StartServer([](HttpRequest, Responder) {});
  HttpClient client("127.0.0.1", server->port());
  const auto response = client.Send("GET", "/");
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 500);
  EXPECT_EQ(CodeOf(*response), "internal");
}

TEST(HttpServerTest, AnExceptionOfTheHandlerAnswers500AndTheServerGoesOn) {
  const auto server = StartServer([](HttpRequest request, Responder respond) {
    if (request.path == "/bad") throw std::runtime_error("boom");
    respond({.body = "fine"});
  });
  HttpClient client("127.0.0.1", server->port());
  const auto bad = client.Send("GET", "/bad");
  ASSERT_TRUE(bad.ok()) << bad.status();
  EXPECT_EQ(bad->status, 500);
  EXPECT_THAT(bad->body, HasSubstr("boom"));
  const auto fine = client.Send("GET", "/");
  ASSERT_TRUE(fine.ok()) << fine.status();
  EXPECT_EQ(fine->body, "fine");
}

TEST(HttpServerTest, TwoHundredConnectionsAtOnce) {
  const auto server = StartServer(Echo, {.threads = 2});
  std::vector<HttpClient> clients;
  for (int i = 0; i < 200; ++i) clients.emplace_back("127.0.0.1", server->port());
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 5; ++round) {
        for (int i = t; i < 200; i += 8) {
          const auto response = clients[static_cast<size_t>(i)].Send("POST", "/", fmt::format("{}", i));
          if (response.ok() && response->body == fmt::format("POST /\n{}", i)) ++right;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 1000);
}

TEST(HttpServerTest, AConnectionOverTheLimitIsTurnedAway) {
  const auto server = StartServer(Echo, {.max_connections = 1});
  HttpClient first("127.0.0.1", server->port());
  ASSERT_TRUE(first.Send("GET", "/").ok());
  RawConnection second(server->port());
  const std::string all = second.ReadAll();
  EXPECT_THAT(all, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(all, HasSubstr("Retry-After: 1"));
  EXPECT_THAT(all, EndsWith("}}"));
}

TEST(HttpServerTest, IdleConnectionsAreClosedAndTheClientConnectsAgain) {
  const auto server = StartServer(Echo, {.idle_timeout = 50'000});
  HttpClient client("127.0.0.1", server->port());
  ASSERT_TRUE(client.Send("GET", "/").ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const auto response = client.Send("GET", "/again");
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "GET /again");
}

TEST(HttpServerTest, StopAnswersWhatWasAccepted) {
  Later later;
  std::atomic<bool> begun = false;
  auto server = StartServer([&](HttpRequest, Responder respond) {
    begun = true;
    later.Do([respond] {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      respond({.body = "done"});
    });
  });
  const int port = server->port();
  HttpClient idle("127.0.0.1", port);
  StatusOr<HttpResponse> response = Internal("not sent");
  std::thread sender([&] { response = HttpClient("127.0.0.1", port).Send("GET", "/"); });
  while (!begun) std::this_thread::yield();
  server->Stop();
  sender.join();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "done");
  EXPECT_EQ(response->Header("Connection"), "close");
  EXPECT_TRUE(absl::IsUnavailable(HttpClient("127.0.0.1", port).Send("GET", "/").status()));
}

TEST(HttpServerTest, StopDoesNotWaitForIdleConnections) {
  auto server = StartServer(Echo);
  HttpClient client("127.0.0.1", server->port());
  ASSERT_TRUE(client.Send("GET", "/").ok());
  const auto begin = std::chrono::steady_clock::now();
  server->Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(3));
}

TEST(HttpServerTest, StopWaitsNoLongerThanItsGrace) {
  Responder kept;
  std::atomic<bool> begun = false;
  const HttpHandler keep = [&](HttpRequest, Responder respond) {
    kept = std::move(respond);
    begun = true;
  };
  auto server = StartServer(keep, {.stop_grace = 100'000});
  RawConnection connection(server->port());
  connection.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  while (!begun) std::this_thread::yield();
  server->Stop();
  EXPECT_EQ(connection.ReadAll(), "");
  kept({.body = "too late"});
  server.reset();
}

TEST(HttpServerTest, APortInUseIsNamed) {
  const auto server = StartServer(Echo);
  const auto second = HttpServer::Start({.port = server->port()}, Echo);
  ASSERT_TRUE(absl::IsUnavailable(second.status())) << second.status();
  EXPECT_THAT(std::string(Message(second.status())),
              HasSubstr(fmt::format("127.0.0.1:{} is already in use", server->port())));
}

TEST(HttpServerTest, AHostThatIsNoneOfThisMachineIsAnError) {
  EXPECT_TRUE(absl::IsInvalidArgument(HttpServer::Start({.host = "203.0.113.7", .port = 0}, Echo).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(HttpServer::Start({.port = 70000}, Echo).status()));
}

TEST(HttpClientTest, NobodyListening) {
  int port = 0;
  { port = StartServer(Echo)->port(); }
  const Status status = HttpClient("127.0.0.1", port).Send("GET", "/").status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(Message(status)), StartsWith(fmt::format("127.0.0.1:{}", port)));
}

TEST(HttpClientTest, GivesUpAfterItsTimeout) {
  Later later;
  const auto server = StartServer([&](HttpRequest, Responder respond) {
    later.Do([respond] {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      respond({.body = "too late"});
    });
  });
  HttpClient client("127.0.0.1", server->port(), 100'000);
  EXPECT_TRUE(absl::IsDeadlineExceeded(client.Send("GET", "/").status()));
}

TEST(ErrorResponseTest, CodesAndStatuses) {
  const auto expect = [](const Status& status, int http_status, std::string_view code) {
    const HttpResponse response = ErrorResponse(status, "row 1");
    EXPECT_EQ(response.status, http_status);
    EXPECT_EQ(CodeOf(response), code);
    EXPECT_EQ(response.Header("Retry-After").has_value(), http_status == 429 || http_status == 503);
  };
  expect(InvalidArgument("a"), 400, "invalid_argument");
  expect(NotFound("a"), 404, "not_found");
  expect(FailedPrecondition("a"), 409, "failed_precondition");
  expect(ResourceExhausted("a"), 429, "resource_exhausted");
  expect(Unavailable("a"), 503, "unavailable");
  expect(DataLoss("a"), 500, "data_loss");
  expect(Internal("a"), 500, "internal");
  expect(InvalidArgument("at_too_old: the instant is before what is kept"), 400, "at_too_old");
  EXPECT_EQ(ErrorResponse(NotFound("no \"x\""), "y").body,
            R"({"error": {"code": "not_found", "message": "no \"x\"", "where": "y"}})");
}

}  // namespace
}  // namespace headrace
