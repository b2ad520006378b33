#include "serving/control/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "serving/control/frames.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RecordingOutput : public Output {
 public:
  void Print(std::string_view text) override {
    const std::lock_guard lock(mutex_);
    printed += text;
  }
  void Note(std::string_view line) override {
    const std::lock_guard lock(mutex_);
    notes.emplace_back(line);
  }
  void Progress(std::string_view what, int64_t done, int64_t total) override {
    const std::lock_guard lock(mutex_);
    steps.push_back(fmt::format("{} {}/{}", what, done, total));
  }
  std::string printed;
  std::vector<std::string> notes;
  std::vector<std::string> steps;

 private:
  std::mutex mutex_;
};

class ControlTest : public ::testing::Test {
 protected:
  ControlTest() {
    std::string name = std::filesystem::temp_directory_path() / "headrace-control-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ + "/control.sock";
  }
  ~ControlTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<ControlServer> Start(ControlHandler handler) {
    StatusOr<std::unique_ptr<ControlServer>> server = ControlServer::Start(path_, std::move(handler));
    EXPECT_TRUE(server.ok()) << server.status();
    return std::move(server).value();
  }
  int ConnectRaw() const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::copy(path_.begin(), path_.end(), address.sun_path);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

  std::string folder_;
  std::string path_;
};

int Nothing(const ControlCommand&, Output&) {
  return 0;
}

TEST_F(ControlTest, ACommandRunsInTheServerAndSpeaksToTheClient) {
  ControlCommand seen;
  const auto server = Start([&](const ControlCommand& command, Output& output) {
    seen = command;
    output.Progress("building", 0, 2);
    output.Print("a\n");
    output.Note("careful");
    output.Progress("building", 2, 2);
    output.Print("b\n");
    return 7;
  });
  RecordingOutput output;
  const StatusOr<int> status = RunThroughServer(path_, {"sql", "", "select 'é'"}, output);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(*status, 7);
  EXPECT_EQ(output.printed, "a\nb\n");
  EXPECT_THAT(output.notes, ElementsAre("careful"));
  EXPECT_THAT(output.steps, ElementsAre("building 0/2", "building 2/2"));
  EXPECT_THAT(seen.args, ElementsAre("sql", "", "select 'é'"));
  EXPECT_EQ(seen.working_folder, std::filesystem::current_path().string());
}

TEST_F(ControlTest, LongOutputArrivesWhole) {
  std::string text;
  for (int i = 0; text.size() < (5u << 20); ++i) text += fmt::format("{}\n", i);
  const auto server = Start([&](const ControlCommand&, Output& output) {
    output.Print(text);
    return 0;
  });
  RecordingOutput output;
  ASSERT_TRUE(RunThroughServer(path_, {}, output).ok());
  EXPECT_TRUE(output.printed == text);
}

TEST_F(ControlTest, FastProgressIsThinnedOutButEndsAtItsEnd) {
  const auto server = Start([](const ControlCommand&, Output& output) {
    for (int i = 0; i <= 100'000; ++i) output.Progress("rows", i, 100'000);
    return 0;
  });
  RecordingOutput output;
  ASSERT_TRUE(RunThroughServer(path_, {}, output).ok());
  EXPECT_EQ(output.steps.front(), "rows 0/100000");
  EXPECT_EQ(output.steps.back(), "rows 100000/100000");
  EXPECT_LT(output.steps.size(), 1000u);
}

TEST_F(ControlTest, SeveralCommandsAtOnce) {
  std::atomic<int> inside = 0;
  const auto server = Start([&](const ControlCommand&, Output&) {
    ++inside;
    while (inside < 3) std::this_thread::yield();
    return 0;
  });
  std::vector<std::thread> threads;
  std::atomic<int> ended = 0;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      NullOutput output;
      if (RunThroughServer(path_, {}, output).ok()) ++ended;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ended, 3);
}

TEST_F(ControlTest, WithoutAServerThereIsNoneFound) {
  NullOutput output;
  EXPECT_TRUE(absl::IsNotFound(RunThroughServer(path_, {}, output).status()));
  EXPECT_TRUE(absl::IsNotFound(RunThroughServer(folder_ + "/none/control.sock", {}, output).status()));
}

TEST_F(ControlTest, ASocketThatAKilledServerLeftIsReplaced) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::copy(path_.begin(), path_.end(), address.sun_path);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
  NullOutput output;
  EXPECT_TRUE(absl::IsNotFound(RunThroughServer(path_, {}, output).status()));
  const auto server = Start(Nothing);
  EXPECT_TRUE(RunThroughServer(path_, {}, output).ok());
}

TEST_F(ControlTest, ASecondServerIsRefused) {
  const auto server = Start(Nothing);
  EXPECT_TRUE(absl::IsFailedPrecondition(ControlServer::Start(path_, Nothing).status()));
  NullOutput output;
  EXPECT_TRUE(RunThroughServer(path_, {}, output).ok());
}

TEST_F(ControlTest, OnlyTheOwnerMayConnectAndStopRemovesTheSocket) {
  const auto server = Start(Nothing);
  struct stat info = {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  server->Stop();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ControlTest, PathsMayBeLongerThanASocketsAddress) {
  path_ = folder_ + "/" + std::string(90, 'a') + "/" + std::string(90, 'b');
  std::filesystem::create_directories(path_);
  path_ += "/control.sock";
  const auto server = Start([](const ControlCommand&, Output&) { return 5; });
  NullOutput output;
  const StatusOr<int> status = RunThroughServer(path_, {}, output);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(*status, 5);
  EXPECT_TRUE(absl::IsFailedPrecondition(ControlServer::Start(path_, Nothing).status()));
}

TEST_F(ControlTest, AClientThatGoesAwayDoesNotDisturbTheServer) {
  std::atomic<bool> gone = false;
  std::atomic<bool> ended = false;
  const auto server = Start([&](const ControlCommand& command, Output& output) {
    if (command.args.empty()) return 0;
    while (!gone) std::this_thread::yield();
    for (int i = 0; i < 100; ++i) output.Print("nobody reads this\n");
    ended = true;
    return 0;
  });
  const int fd = ConnectRaw();
  // The command ["x"] from "/p".
  const char command[] = {1, 15, 0, 0, 0, 2, 0, 0, 0, '/', 'p', 1, 0, 0, 0, 1, 0, 0, 0, 'x'};
  ASSERT_EQ(::send(fd, command, sizeof command, 0), static_cast<ssize_t>(sizeof command));
  ::close(fd);
  gone = true;
  while (!ended) std::this_thread::yield();
  NullOutput output;
  EXPECT_TRUE(RunThroughServer(path_, {}, output).ok());
}

TEST_F(ControlTest, WhatIsNoCommandIsDropped) {
  const auto server = Start(Nothing);
  for (const std::string_view bytes : {"GET / HTTP/1.1\r\n\r\n", "\x01\xff\xff\xff\xff", "\x01\x02"}) {
    const int fd = ConnectRaw();
    ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ::shutdown(fd, SHUT_WR);
    char byte = 0;
    EXPECT_LE(::recv(fd, &byte, 1, 0), 0);
    ::close(fd);
  }
  NullOutput output;
  EXPECT_TRUE(RunThroughServer(path_, {}, output).ok());
}

TEST_F(ControlTest, AnExceptionIsANoteAndExitStatus1) {
  const auto server = Start([](const ControlCommand&, Output&) -> int { throw std::runtime_error("boom"); });
  RecordingOutput output;
  const StatusOr<int> status = RunThroughServer(path_, {}, output);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(*status, 1);
  ASSERT_EQ(output.notes.size(), 1u);
  EXPECT_THAT(output.notes[0], HasSubstr("boom"));
}

TEST_F(ControlTest, StopWaitsForRunningCommands) {
  std::atomic<bool> begun = false;
  const auto server = Start([&](const ControlCommand&, Output&) {
    begun = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return 3;
  });
  StatusOr<int> status = Internal("not run");
  std::thread client([&] {
    NullOutput output;
    status = RunThroughServer(path_, {}, output);
  });
  while (!begun) std::this_thread::yield();
  server->Stop();
  client.join();
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(*status, 3);
}

}  // namespace
}  // namespace headrace
