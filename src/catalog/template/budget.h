// The work that one rendering may do, so that no template runs or grows for ever.
//
// Everything that a template can make bigger spends from it: a byte of text, an item of a list, a turn of a loop,
// an evaluated expression. Not thread-safe: one per rendering.
#pragma once

#include <cstddef>

#include "base/status.h"

namespace headrace::jinja {

inline constexpr size_t kMaxTemplateWork = 10'000'000;

class Budget {
 public:
  explicit Budget(size_t units = kMaxTemplateWork) : limit_(units), left_(units) {}

  // kResourceExhausted once more was spent than there was.
  Status Spend(size_t units) {
    if (units > left_) return Exhausted();
    left_ -= units;
    return absl::OkStatus();
  }

 private:
  Status Exhausted() const {
    return ResourceExhausted("the template does more than {} steps: a loop or a text in it grows too large", limit_);
  }

  size_t limit_;
  size_t left_;
};

}  // namespace headrace::jinja
