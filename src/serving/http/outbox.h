// Answers on their way from the threads that gave them to the server's own, which write them.
//
// A commit of many events answers as many requests at once. To wake a thread for each of them costs more than to write
// the answer; here the first one wakes a thread, which takes what has come until there is nothing left. The more
// wait, the more threads help. Thread-safe.
#pragma once

#include <boost/asio/io_context.hpp>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "serving/http/message.h"

namespace headrace {

class HttpSession;

class HttpOutbox {
 public:
  struct Answer {
    std::shared_ptr<HttpSession> session;
    HttpResponse response;
  };

  // `threads`: how many run `io`, which outlives the outbox.
  HttpOutbox(boost::asio::io_context& io, int threads) : io_(io), threads_(threads) {}

  void Add(Answer answer);
  // Once the threads are gone: answers lead nowhere, those that wait and those that come.
  void Close();

 private:
  void Deliver();
  std::vector<Answer> Take();

  boost::asio::io_context& io_;
  const int threads_;
  std::mutex mutex_;
  std::deque<Answer> waiting_;
  int deliverers_ = 0;  // threads that are in Deliver, or on their way there
  bool closed_ = false;
};

}  // namespace headrace
