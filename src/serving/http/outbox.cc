#include "serving/http/outbox.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <iterator>

#include "serving/http/session.h"

namespace headrace {
namespace {

// Taken at once by one thread. Waking another one takes about as long as to write two answers.
constexpr size_t kAnswersAtOnce = 16;

}  // namespace

void HttpOutbox::Add(Answer answer) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    waiting_.push_back(std::move(answer));
    const bool enough = waiting_.size() <= kAnswersAtOnce * static_cast<size_t>(deliverers_);
    if (enough || deliverers_ == threads_) return;
    ++deliverers_;
  }
  boost::asio::post(io_, [this] { Deliver(); });
}

void HttpOutbox::Close() {
  std::deque<Answer> dropped;  // outside the lock: with an answer may go the last hold on a session
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(waiting_);
}

void HttpOutbox::Deliver() {
  for (std::vector<Answer> answers = Take(); !answers.empty(); answers = Take()) {
    for (Answer& answer : answers) answer.session->Deliver(std::move(answer.response));
  }
}

// Empty: the thread is not needed any more.
std::vector<HttpOutbox::Answer> HttpOutbox::Take() {
  const std::lock_guard lock(mutex_);
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(waiting_.size(), kAnswersAtOnce));
  std::vector<Answer> taken(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  if (taken.empty()) --deliverers_;
  return taken;
}

}  // namespace headrace
