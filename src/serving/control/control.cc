#include "serving/control/control.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/codec.h"
#include "serving/control/frames.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;

// The address of a unix socket. One that is too long for sun_path is reached through its folder, held open:
// /proc/self/fd/N/NAME. Live as long as the call that uses the address.
class SocketAddress {
 public:
  SocketAddress() = default;
  ~SocketAddress() {
    if (folder_ >= 0) ::close(folder_);
  }
  SocketAddress(const SocketAddress&) = delete;
  SocketAddress& operator=(const SocketAddress&) = delete;

  Status Set(const std::string& path) {
    address_.sun_family = AF_UNIX;
    std::string short_path = path;
    if (path.size() >= sizeof address_.sun_path) {
      const fs::path whole(path);
      folder_ = ::open(whole.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
      if (folder_ < 0) return NotFound("{}: {}", whole.parent_path().string(), std::strerror(errno));
      short_path = fmt::format("/proc/self/fd/{}/{}", folder_, whole.filename().string());
    }
    if (short_path.size() >= sizeof address_.sun_path) {
      return InvalidArgument("{}: the file's name is too long for a socket", path);
    }
    std::memcpy(address_.sun_path, short_path.c_str(), short_path.size() + 1);
    return absl::OkStatus();
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
  static socklen_t size() { return sizeof(sockaddr_un); }

 private:
  sockaddr_un address_ = {};
  int folder_ = -1;
};

StatusOr<FileDescriptor> Connect(const std::string& path) {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return Unavailable("no socket could be made: {}", std::strerror(errno));
  SocketAddress address;
  HR_RETURN_IF_ERROR(address.Set(path));
  while (::connect(socket.get(), address.get(), SocketAddress::size()) != 0) {
    if (errno == EINTR) continue;
    if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR) return NotFound("{}: no server listens", path);
    return Unavailable("{}: cannot be connected to: {}", path, std::strerror(errno));
  }
  return socket;
}

StatusOr<FileDescriptor> Listen(const std::string& path) {
  const Status answer = Connect(path).status();
  if (answer.ok()) return FailedPrecondition("{}: a server already listens", path);
  if (!absl::IsNotFound(answer)) return answer;
  ::unlink(path.c_str());  // left by a server that was killed
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return Unavailable("no socket could be made: {}", std::strerror(errno));
  SocketAddress address;
  HR_RETURN_IF_ERROR(address.Set(path));
  // Nobody can connect before listen(), so the mode is right from the first connection on.
  if (::bind(socket.get(), address.get(), SocketAddress::size()) != 0 || ::chmod(path.c_str(), 0600) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0) {
    return Unavailable("{}: cannot be listened on: {}", path, std::strerror(errno));
  }
  return socket;
}

// What a command says, as frames. Once the client is gone it says nothing; the command goes on.
class SocketOutput : public Output {
 public:
  explicit SocketOutput(int fd) : fd_(fd) {}

  void Print(std::string_view text) override {
    while (!text.empty()) {
      const std::string_view part = text.substr(0, kMaxPrintBytes);
      Send(FrameType::kPrint, part);
      text.remove_prefix(part.size());
    }
  }
  void Note(std::string_view line) override { Send(FrameType::kNote, line.substr(0, kMaxFrameBytes)); }
  void Progress(std::string_view what, int64_t done, int64_t total) override;
  void Exit(int status) {
    ByteWriter bytes;
    bytes.PutI64(status);
    Send(FrameType::kExit, std::move(bytes).Finish());
  }

 private:
  void Send(FrameType type, std::string_view payload) {
    const std::lock_guard lock(mutex_);
    if (!gone_) gone_ = !WriteFrame(fd_, type, payload).ok();
  }

  const int fd_;
  std::mutex mutex_;
  bool gone_ = false;
  std::string step_;  // of the last progress sent
  std::chrono::steady_clock::time_point progress_sent_;
};

// A step's begin and end always; between them as often as an eye can follow.
void SocketOutput::Progress(std::string_view what, int64_t done, int64_t total) {
  constexpr std::chrono::milliseconds kPause(50);
  {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    const bool edge = step_ != what || done == 0 || done == total;
    if (!edge && now - progress_sent_ < kPause) return;
    step_ = what;
    progress_sent_ = now;
  }
  ByteWriter bytes;
  bytes.PutText(what);
  bytes.PutI64(done);
  bytes.PutI64(total);
  Send(FrameType::kProgress, std::move(bytes).Finish());
}

StatusOr<ControlCommand> ReadCommand(int fd) {
  HR_ASSIGN_OR_RETURN(const Frame frame, ReadFrame(fd));
  if (frame.type != FrameType::kCommand)
    return DataLoss("a frame of type {} is no command", static_cast<int>(frame.type));
  ByteReader reader(frame.payload);
  ControlCommand command;
  uint32_t count = 0;
  HR_RETURN_IF_ERROR(reader.GetText(&command.working_folder));
  HR_RETURN_IF_ERROR(reader.GetU32(&count));
  for (uint32_t i = 0; i < count; ++i) {
    HR_RETURN_IF_ERROR(reader.GetText(&command.args.emplace_back()));
  }
  return command;
}

int RunHandler(const ControlHandler& handler, const ControlCommand& command, Output& output) {
  try {
    return handler(command, output);
  } catch (const std::exception& exception) {
    output.Note(fmt::format("the command failed: {}", exception.what()));
  } catch (...) {
    output.Note("the command failed: an exception");
  }
  return 1;
}

Status Deliver(const Frame& frame, Output& output, int64_t* exit_status) {
  ByteReader reader(frame.payload);
  std::string what;
  int64_t done = 0;
  int64_t total = 0;
  switch (frame.type) {
    case FrameType::kPrint:
      output.Print(frame.payload);
      return absl::OkStatus();
    case FrameType::kNote:
      output.Note(frame.payload);
      return absl::OkStatus();
    case FrameType::kProgress:
      HR_RETURN_IF_ERROR(reader.GetText(&what));
      HR_RETURN_IF_ERROR(reader.GetI64(&done));
      HR_RETURN_IF_ERROR(reader.GetI64(&total));
      output.Progress(what, done, total);
      return absl::OkStatus();
    case FrameType::kExit:
      return reader.GetI64(exit_status);
    case FrameType::kCommand:
      break;
  }
  return DataLoss("the server sent a frame of type {}", static_cast<int>(frame.type));
}

}  // namespace

struct ControlServer::State {
  std::string path;
  ControlHandler handler;
  FileDescriptor listener;
  std::thread acceptor;
  std::atomic<bool> stopping = false;
  std::mutex stop_mutex;  // one Stop at a time

  std::mutex mutex;
  std::condition_variable none_left;
  int running = 0;

  void Accept(const std::shared_ptr<State>& self);
  void RunCommand(const FileDescriptor& socket);
};

// `self` goes with each command's thread, which may outlast the accepting one.
void ControlServer::State::Accept(const std::shared_ptr<State>& self) {
  while (!stopping) {
    FileDescriptor socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (stopping) return;
    if (socket.get() < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      continue;
    }
    {
      const std::lock_guard lock(mutex);
      ++running;
    }
    std::thread([self, socket = std::move(socket)] {
      self->RunCommand(socket);
      const std::lock_guard lock(self->mutex);
      if (--self->running == 0) self->none_left.notify_all();
    }).detach();
  }
}

void ControlServer::State::RunCommand(const FileDescriptor& socket) {
  // A client that connects and says nothing must not keep Stop waiting.
  const timeval patience = {5, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const StatusOr<ControlCommand> command = ReadCommand(socket.get());
  if (!command.ok()) return;
  SocketOutput output(socket.get());
  output.Exit(RunHandler(handler, *command, output));
}

ControlServer::ControlServer(std::shared_ptr<State> state) : state_(std::move(state)) {}
ControlServer::~ControlServer() {
  Stop();
}

StatusOr<std::unique_ptr<ControlServer>> ControlServer::Start(const std::string& socket_path, ControlHandler handler) {
  auto state = std::make_shared<State>();
  state->path = fs::absolute(socket_path).string();
  state->handler = std::move(handler);
  HR_ASSIGN_OR_RETURN(state->listener, Listen(state->path));
  state->acceptor = std::thread([state] { state->Accept(state); });
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(state)));
}

void ControlServer::Stop() {
  const std::lock_guard only(state_->stop_mutex);
  if (!state_->acceptor.joinable()) return;
  ::unlink(state_->path.c_str());
  state_->stopping = true;
  ::shutdown(state_->listener.get(), SHUT_RDWR);  // wakes accept
  state_->acceptor.join();
  state_->listener = FileDescriptor();
  std::unique_lock lock(state_->mutex);
  state_->none_left.wait(lock, [this] { return state_->running == 0; });
}

StatusOr<int> RunThroughServer(const std::string& socket_path, const std::vector<std::string>& args, Output& output) {
  HR_ASSIGN_OR_RETURN(const FileDescriptor socket, Connect(socket_path));
  std::error_code ignored;
  ByteWriter bytes;
  bytes.PutText(fs::current_path(ignored).string());
  bytes.PutU32(static_cast<uint32_t>(args.size()));
  for (const std::string& arg : args) bytes.PutText(arg);
  HR_RETURN_IF_ERROR(WriteFrame(socket.get(), FrameType::kCommand, std::move(bytes).Finish()));
  while (true) {
    const StatusOr<Frame> frame = ReadFrame(socket.get());
    if (!frame.ok()) return Annotate(frame.status(), "the server went away before the command ended");
    int64_t exit_status = 0;
    HR_RETURN_IF_ERROR(Deliver(*frame, output, &exit_status));
    if (frame->type == FrameType::kExit) return static_cast<int>(exit_status);
  }
}

}  // namespace headrace
