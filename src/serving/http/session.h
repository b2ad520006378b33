// One connection of the HTTP server; only server.cc and session.cc include this.
//
//   Next -> Parse <-> Read ... OnHeaders [-> 100 Continue] ... OnRequest [-> Inflate] -> handler ... Responder -> Write
//    ^        \___________________\__________________________\__________\_ Refuse -> Write -> Linger -> closed        |
//    \________________________________________________________________________________________________________________/
//
// Everything runs on the connection's strand but Respond, which comes from any thread, Deliver and Inflate. A session
// lives as long as an operation or a responder holds it. Every operation ends in one type of handler: each type more
// costs seconds of compiling.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/work_queue.h"
#include "serving/http/outbox.h"
#include "serving/http/parser.h"
#include "serving/http/server.h"

namespace headrace {

// What sessions need to know of their server; it outlives them.
struct HttpSessionHost {
  HttpServerOptions options;
  HttpHandler handler;
  HttpOutbox outbox;
  std::optional<WorkQueue> inflater;  // of bodies that take long; there as long as the server's threads
};

class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  using Executor = boost::asio::strand<boost::asio::io_context::executor_type>;
  using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;

  // `on_end` is called when the session is gone; it holds the host.
  HttpSession(Socket socket, HttpSessionHost* host, std::function<void(HttpSession*)> on_end);
  ~HttpSession();

  void Start();                         // from any thread, as the next three
  void BeginStop();                     // closes now if idle, else after what has begun to arrive
  void Abort();                         // closes now
  void Respond(HttpResponse response);  // to the request being handled, once
  void Deliver(HttpResponse response);  // what the outbox does with it, on one of the server's threads

 private:
  using Clock = std::chrono::steady_clock;
  using Timer = boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, HttpSession::Executor>;
  using Error = boost::system::error_code;
  using Method = void (HttpSession::*)(Error, size_t);

  // The end of any operation, as a call of `method`: an error, and the bytes read or written.
  struct Completion {
    std::shared_ptr<HttpSession> self;
    Method method;
    void operator()(Error error = {}, size_t bytes = 0) { (self.get()->*method)(error, bytes); }
  };
  Completion On(Method method) { return {shared_from_this(), method}; }

  void OnStart(Error error, size_t bytes);
  void OnBeginStop(Error error, size_t bytes);
  void OnAbort(Error error, size_t bytes);

  void Next();      // request
  bool Arriving();  // something of the next request is here
  void Parse();
  bool OnHeaders();  // false if what comes next is not the body
  void Continue();   // "100 Continue", for which the client waits
  void OnContinued(Error error, size_t bytes);
  void Read();
  void OnRead(Error error, size_t bytes);
  void OnRequest();
  void Inflate();  // request_'s body; by any thread
  void OnInflated(Error error, size_t bytes);
  void OnUnparsable(const Status& status);
  void Handle(HttpRequest request);
  void Refuse(HttpResponse response);  // answers and closes: what follows cannot be understood
  void Write(HttpResponse response);
  void Send(Method then);  // header_ and body_
  void SendRest(size_t sent, Method then);
  void OnWritten(Error error, size_t bytes);
  void Linger();  // reads and drops for a while: closing with unread bytes could destroy the answer on its way
  void OnLinger(Error error, size_t bytes);
  void Close();

  // The connection is closed unless something else is set within `wait`. One timer runs all the time and looks when it
  // rings: setting a later deadline costs nothing.
  void Expect(std::chrono::microseconds wait);
  void ExpectNothing();
  void OnTimer(Error error, size_t bytes);

  HttpSessionHost* host_;
  std::function<void(HttpSession*)> on_end_;
  Socket socket_;
  Timer timer_;
  bool timer_runs_ = false;
  Clock::time_point deadline_ = Clock::time_point::max();
  std::array<char, 16 << 10> piece_;     // just read
  std::string received_;                 // not yet parsed
  std::optional<RequestParser> parser_;  // of the request being read
  HttpRequest request_;                  // while it is inflated
  Status inflated_;                      // how that went
  std::string header_;                   // of the answer being written
  std::string body_;
  bool headers_seen_ = false;  // of the request being read
  bool waiting_ = false;       // for the next request
  bool stopping_ = false;
  bool head_ = false;        // of the request being handled: it was HEAD
  bool keep_alive_ = false;  // its client can send another one
  bool old_ = false;         // it was HTTP/1.0
  bool lingers_ = false;     // the connection ends with unread bytes
};

}  // namespace headrace
