#include "cli/terminal_output.h"

#include "fmt/format.h"

namespace headrace {
namespace {

constexpr auto kRedrawInterval = std::chrono::milliseconds(100);

void Write(std::FILE* stream, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stream);
}

double SecondsBetween(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// 1234567 -> "1,234,567"
std::string WithSeparators(int64_t n) {
  std::string text = std::to_string(n);
  for (size_t at = text.size(); at > 3 && text[at - 4] != '-';) text.insert(at -= 3, ",");
  return text;
}

// Of a step that counts rows: ", 2,439,024/s"; of one with a few units, or that has just begun, nothing.
std::string RateText(int64_t done, double seconds) {
  constexpr int64_t kRows = 10'000;
  if (done < kRows || seconds < 0.1) return "";
  return fmt::format(", {}/s", WithSeparators(static_cast<int64_t>(static_cast<double>(done) / seconds)));
}

}  // namespace

TerminalOutput::~TerminalOutput() {
  ClearLine();
  std::fflush(out_);
  std::fflush(err_);
}

void TerminalOutput::Print(std::string_view text) {
  const std::lock_guard lock(mutex_);
  ClearLine();
  Write(out_, text);
  std::fflush(out_);
}

void TerminalOutput::Note(std::string_view line) {
  const std::lock_guard lock(mutex_);
  ClearLine();
  Write(err_, line);
  if (line.empty() || line.back() != '\n') Write(err_, "\n");
  std::fflush(err_);
}

void TerminalOutput::Progress(std::string_view what, int64_t done, int64_t total) {
  const std::lock_guard lock(mutex_);
  const TimePoint now = std::chrono::steady_clock::now();
  const bool at_end = total > 0 && done >= total;
  if (at_end && step_.empty() && ended_ == what) return;  // the end, told twice
  if (step_ != what) BeginStep(what, now);
  if (at_end) return EndStep(done, now);
  if (redraw_ && (!line_is_drawn_ || now - drawn_ >= kRedrawInterval)) Redraw(done, total, now);
}

void TerminalOutput::BeginStep(std::string_view what, TimePoint now) {
  ClearLine();
  step_ = what;
  begun_ = now;
  if (!redraw_) Write(err_, fmt::format("{} ...\n", what));
  std::fflush(err_);
}

void TerminalOutput::Redraw(int64_t done, int64_t total, TimePoint now) {
  ClearLine();
  std::string line = step_;
  if (total > 0) {
    line += fmt::format("  {:3.0f} %  {} of {}", 100.0 * static_cast<double>(done) / static_cast<double>(total),
                        WithSeparators(done), WithSeparators(total));
  } else if (done > 0) {
    line += "  " + WithSeparators(done);
  }
  const double seconds = SecondsBetween(begun_, now);
  line += fmt::format("  {:.0f} s{}", seconds, RateText(done, seconds));
  if (done > 0 && total > done && seconds >= 1)
    line += fmt::format(", {:.0f} s left", seconds * static_cast<double>(total - done) / static_cast<double>(done));
  Write(err_, line);
  std::fflush(err_);
  drawn_ = now;
  line_is_drawn_ = true;
}

void TerminalOutput::EndStep(int64_t done, TimePoint now) {
  ClearLine();
  const double seconds = SecondsBetween(begun_, now);
  Write(err_, fmt::format("{}: {}, {:.1f} s{}\n", step_, WithSeparators(done), seconds, RateText(done, seconds)));
  std::fflush(err_);
  ended_ = std::move(step_);
  step_.clear();
}

void TerminalOutput::ClearLine() {
  if (!line_is_drawn_) return;
  Write(err_, "\r\x1b[K");
  std::fflush(err_);
  line_is_drawn_ = false;
}

}  // namespace headrace
