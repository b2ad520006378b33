// Where a command speaks: result text, progress, warnings. The command does not know whether a terminal, a pipe,
// a socket to a waiting command line or a test is behind it.
#pragma once

#include <cstdint>
#include <string_view>

namespace headrace {

// Thread-safe.
class Output {
 public:
  virtual ~Output() = default;
  virtual void Print(std::string_view text) = 0;  // the result: standard output
  virtual void Note(std::string_view line) = 0;   // one line for a person: standard error

  // The state of a long step: `done` of `total` units (total 0: not known). A terminal redraws one line; a pipe
  // gets a line when the step begins and when it ends. `what` is constant through one step.
  virtual void Progress(std::string_view what, int64_t done, int64_t total) = 0;
};

// Says nothing; for tests and for callers that only want the result.
class NullOutput : public Output {
 public:
  void Print(std::string_view) override {}
  void Note(std::string_view) override {}
  void Progress(std::string_view, int64_t, int64_t) override {}
};

}  // namespace headrace
