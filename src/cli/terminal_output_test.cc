#include "cli/terminal_output.h"

#include <array>
#include <chrono>
#include <string>
#include <thread>

#include "gmock/gmock.h"

namespace headrace {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

// Two files in place of the terminal's streams.
class TerminalOutputTest : public ::testing::Test {
 protected:
  ~TerminalOutputTest() override {
    std::fclose(out_);
    std::fclose(err_);
  }

  static std::string TextOf(std::FILE* file) {
    std::string text;
    std::array<char, 4096> buffer;
    std::rewind(file);
    while (const size_t size = std::fread(buffer.data(), 1, buffer.size(), file)) text.append(buffer.data(), size);
    return text;
  }

  std::FILE* out_ = std::tmpfile();
  std::FILE* err_ = std::tmpfile();
};

TEST_F(TerminalOutputTest, ResultsAndNotesHaveTheirOwnStreams) {
  {
    TerminalOutput output(out_, err_, /*redraw=*/false);
    output.Print("result\n");
    output.Note("a note");
  }
  EXPECT_EQ(TextOf(out_), "result\n");
  EXPECT_EQ(TextOf(err_), "a note\n");
}

TEST_F(TerminalOutputTest, APipeGetsOneLineAtTheBeginningAndOneAtTheEndOfAStep) {
  {
    TerminalOutput output(out_, err_, /*redraw=*/false);
    for (int done = 0; done <= 2000; ++done) output.Progress("joining", done, 2000);
  }
  EXPECT_THAT(TextOf(err_), MatchesRegex("joining \\.\\.\\.\njoining: 2,000, [0-9.]+ s\n"));
}

TEST_F(TerminalOutputTest, AStepThatCountsRowsTellsItsRateAndWhatIsLeft) {
  {
    TerminalOutput output(out_, err_, /*redraw=*/true);
    output.Progress("reading", 0, 4'000'000);
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    output.Progress("reading", 3'000'000, 4'000'000);
    output.Progress("reading", 4'000'000, 4'000'000);
  }
  EXPECT_THAT(TextOf(err_), ContainsRegex("3,000,000 of 4,000,000  [0-9]+ s, [0-9,]+/s"));
  EXPECT_THAT(TextOf(err_), ContainsRegex("/s, [0-9]+ s left"));
  EXPECT_THAT(TextOf(err_), ContainsRegex("reading: 4,000,000, [0-9.]+ s, [0-9,]+/s"));
}

TEST_F(TerminalOutputTest, AStepWhoseEndIsToldTwiceEndsOnce) {
  {
    TerminalOutput output(out_, err_, /*redraw=*/false);
    output.Progress("joining", 1, 1);
    output.Progress("joining", 1, 1);
  }
  EXPECT_THAT(TextOf(err_), MatchesRegex("joining \\.\\.\\.\njoining: 1, [0-9.]+ s\n"));
}

TEST_F(TerminalOutputTest, AStepThatBeginsAgainIsShownAgain) {
  {
    TerminalOutput output(out_, err_, /*redraw=*/false);
    for (int round = 0; round < 2; ++round) {
      output.Progress("joining", 0, 1);
      output.Progress("joining", 1, 1);
    }
  }
  EXPECT_THAT(TextOf(err_), MatchesRegex("(joining \\.\\.\\.\njoining: 1, [0-9.]+ s\n){2}"));
}

TEST_F(TerminalOutputTest, ATerminalLineIsClearedBeforeAnythingElseIsWritten) {
  {
    TerminalOutput output(out_, err_, /*redraw=*/true);
    output.Progress("joining", 1, 4);
    output.Note("a note");
  }
  EXPECT_THAT(TextOf(err_), MatchesRegex("joining   25 %  1 of 4  0 s\r.\\[Ka note\n"));
}

TEST_F(TerminalOutputTest, ATerminalIsNotRedrawnForEveryRow) {
  {
    TerminalOutput output(out_, err_, /*redraw=*/true);
    for (int done = 0; done < 1000; ++done) output.Progress("joining", done, 100'000);
  }
  EXPECT_LT(TextOf(err_).size(), 1000u);
  EXPECT_THAT(TextOf(err_), Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace headrace
