#include "serving/http/server.h"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "serving/http/session.h"

namespace headrace {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;

constexpr int kInflaters = 1;
constexpr std::string_view kTooManyConnections =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\nConnection: close\r\n"
    "Content-Length: 88\r\n\r\n"
    R"({"error": {"code": "unavailable", "message": "too many connections", "where": "server"}})";

StatusOr<tcp::endpoint> Resolve(asio::io_context& io, const std::string& host, int port) {
  if (port < 0 || port > 65535) return InvalidArgument("{} is no port: 0 to 65535", port);
  Error error;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, error);
  if (error || found.empty()) return InvalidArgument("'{}' is no host of this machine: {}", host, error.message());
  return found.begin()->endpoint();
}

Status ListenStatus(const Error& error, const std::string& host, int port) {
  if (error == asio::error::address_in_use) {
    return Unavailable("{}:{} is already in use; stop the program that listens there, or choose another port", host,
                       port);
  }
  if (error == asio::error::access_denied) {
    return Unavailable("{}:{} is not allowed to this user; choose a port from 1024 on", host, port);
  }
  return InvalidArgument("{}:{} cannot be listened on: {}", host, port, error.message());
}

}  // namespace

// The io_context, its threads, the listening socket and the list of sessions. Sessions hold it, so that an answer that
// comes after Stop still finds what it touches.
class HttpServer::Core : public std::enable_shared_from_this<HttpServer::Core> {
 public:
  Core(const HttpServerOptions& options, HttpHandler handler)
      : io_(options.threads),
        host_{options, std::move(handler), {io_, options.threads}, {}},
        strand_(make_strand(io_)) {}

  Status Listen();
  void Run();
  void Stop();
  int port() const { return port_; }
  const HttpServerOptions& options() const { return host_.options; }

 private:
  void Accept();
  void OnAccept(Error error, HttpSession::Socket socket);
  void AcceptLater();
  std::vector<std::shared_ptr<HttpSession>> Sessions();

  asio::io_context io_;
  HttpSessionHost host_;
  HttpSession::Executor strand_;  // of the acceptor
  asio::basic_socket_acceptor<tcp, HttpSession::Executor> acceptor_{strand_};
  asio::steady_timer retry_{io_};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  std::vector<std::thread> threads_;
  int port_ = 0;
  std::mutex stop_mutex_;  // one Stop at a time

  std::mutex mutex_;
  std::condition_variable none_left_;
  std::map<HttpSession*, std::weak_ptr<HttpSession>> sessions_;
  bool stopping_ = false;
};

Status HttpServer::Core::Listen() {
  const HttpServerOptions& options = host_.options;
  HR_ASSIGN_OR_RETURN(const tcp::endpoint endpoint, Resolve(io_, options.host, options.port));
  Error error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) return ListenStatus(error, options.host, options.port);
  port_ = acceptor_.local_endpoint().port();
  return absl::OkStatus();
}

void HttpServer::Core::Run() {
  work_.emplace(io_.get_executor());
  asio::dispatch(strand_, [self = shared_from_this()] { self->Accept(); });
  host_.inflater.emplace(kInflaters);
  for (int i = 0; i < host_.options.threads; ++i) {
    threads_.emplace_back([this] { io_.run(); });
  }
}

void HttpServer::Core::Accept() {
  acceptor_.async_accept(asio::make_strand(io_), [self = shared_from_this()](Error error, HttpSession::Socket socket) {
    self->OnAccept(error, std::move(socket));
  });
}

void HttpServer::Core::OnAccept(Error error, HttpSession::Socket socket) {
  if (!acceptor_.is_open()) return;
  if (error == asio::error::no_descriptors || error == asio::error::no_memory) return AcceptLater();
  if (error) return Accept();
  std::shared_ptr<HttpSession> session;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    if (sessions_.size() < static_cast<size_t>(host_.options.max_connections)) {
      session =
          std::make_shared<HttpSession>(std::move(socket), &host_, [self = shared_from_this()](HttpSession* ended) {
            const std::lock_guard lock(self->mutex_);
            self->sessions_.erase(ended);
            if (self->sessions_.empty()) self->none_left_.notify_all();
          });
      sessions_[session.get()] = session;
    }
  }
  if (session != nullptr) {
    session->Start();
  } else {
    // NOLINTNEXTLINE(bugprone-use-after-move): it was moved only where a session was made.
    socket.non_blocking(true, error);
    socket.write_some(asio::buffer(kTooManyConnections), error);
    socket.shutdown(asio::socket_base::shutdown_send, error);
  }
  Accept();
}

void HttpServer::Core::AcceptLater() {
  retry_.expires_after(std::chrono::milliseconds(50));
  retry_.async_wait(asio::bind_executor(strand_, [self = shared_from_this()](Error) {
    if (self->acceptor_.is_open()) self->Accept();
  }));
}

std::vector<std::shared_ptr<HttpSession>> HttpServer::Core::Sessions() {
  std::vector<std::shared_ptr<HttpSession>> result;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, weak] : sessions_) {
    if (std::shared_ptr<HttpSession> session = weak.lock()) result.push_back(std::move(session));
  }
  return result;
}

void HttpServer::Core::Stop() {
  const std::lock_guard only(stop_mutex_);
  if (threads_.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  asio::dispatch(strand_, [self = shared_from_this()] {
    Error ignored;
    self->acceptor_.close(ignored);
    self->retry_.cancel();
  });
  for (const auto& session : Sessions()) session->BeginStop();
  {
    std::unique_lock lock(mutex_);
    none_left_.wait_for(lock, std::chrono::microseconds(host_.options.stop_grace),
                        [this] { return sessions_.empty(); });
  }
  for (const auto& session : Sessions()) session->Abort();
  work_.reset();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  host_.inflater.reset();
  io_.restart();
  io_.poll();  // what it had in hand, whose connections are closed
  host_.outbox.Close();
}

HttpServer::HttpServer(std::shared_ptr<Core> core) : core_(std::move(core)) {}
HttpServer::~HttpServer() {
  Stop();
}

StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options, HttpHandler handler) {
  if (options.threads < 1) return InvalidArgument("an HTTP server needs at least one thread");
  auto core = std::make_shared<Core>(options, std::move(handler));
  HR_RETURN_IF_ERROR(core->Listen());
  core->Run();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(core)));
}

int HttpServer::port() const {
  return core_->port();
}

std::string HttpServer::url() const {
  const std::string& host = core_->options().host;
  const bool bracketed = host.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}:{}", bracketed ? "[" : "", host, bracketed ? "]" : "", core_->port());
}

void HttpServer::Stop() {
  core_->Stop();
}

}  // namespace headrace
