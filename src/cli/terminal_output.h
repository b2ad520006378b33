// Output to a person or a pipe: results to standard output, everything else to standard error.
//
// A step's progress, on a terminal, is one line that is redrawn and at last left standing; in a pipe or a file, one
// plain line when it begins and one when it ends:
//
//   running tests ...
//   running tests: 38, 1.2 s
//   reading raw.arrivals: 20,000,000, 2.2 s, 9,090,909/s
#pragma once

#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

#include "base/output.h"

namespace headrace {

// Thread-safe. The streams must outlive it.
class TerminalOutput : public Output {
 public:
  // `redraw`: whether `err` is a terminal.
  TerminalOutput(std::FILE* out, std::FILE* err, bool redraw) : out_(out), err_(err), redraw_(redraw) {}
  ~TerminalOutput() override;

  void Print(std::string_view text) override;
  void Note(std::string_view line) override;
  void Progress(std::string_view what, int64_t done, int64_t total) override;

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  void BeginStep(std::string_view what, TimePoint now);
  void Redraw(int64_t done, int64_t total, TimePoint now);
  void EndStep(int64_t done, TimePoint now);
  void ClearLine();

  std::FILE* const out_;
  std::FILE* const err_;
  const bool redraw_;
  std::mutex mutex_;
  std::string step_;   // the open one; "" when there is none
  std::string ended_;  // the last one that ended
  TimePoint begun_;
  TimePoint drawn_;
  bool line_is_drawn_ = false;
};

}  // namespace headrace
