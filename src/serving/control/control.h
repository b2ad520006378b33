// How a command line hands its command to the server that owns the project: a unix socket in .headrace/.
//
// One connection is one command. Frames, both ways (base/codec.h):
//   u8 type | u32 length | length bytes
//   1 command   to the server   text working folder | u32 count | count texts: the arguments
//   2 print     to the client   text for standard output, as it is; long texts come in several frames
//   3 note      to the client   one line for standard error
//   4 progress  to the client   text what | i64 done | i64 total
//   5 exit      to the client   i64 exit status; the last frame
// The command ["sql", "select 1"] from /p:
//   01 | 1d 00 00 00 | 02 00 00 00 "/p" | 02 00 00 00 | 03 00 00 00 "sql" | 08 00 00 00 "select 1"
// The bytes are taken as long as both ends are the same program on the same machine; there is no version in them.
//
// The socket is for its owner alone (mode 0600). Its path may be longer than the 107 bytes that a socket's address
// holds, its last part may not.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/output.h"
#include "base/status.h"

namespace headrace {

struct ControlCommand {
  std::vector<std::string> args;  // without the program's name
  std::string working_folder;     // of the client: what relative paths among the arguments are relative to
};

// Runs one command, gives its exit status. Called on a thread of the command's own, several at once. An exception is a
// note to the client and exit status 1.
using ControlHandler = std::function<int(const ControlCommand&, Output&)>;

class ControlServer {
 public:
  // Listens when it returns. A socket file that nobody listens on is replaced; kFailedPrecondition if somebody does.
  static StatusOr<std::unique_ptr<ControlServer>> Start(const std::string& socket_path, ControlHandler handler);
  ~ControlServer();  // stops
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // Takes no more commands, removes the socket file, and waits for the running commands to end. A client that goes away
  // changes nothing for its command. Not to be called by a handler. May be called twice.
  void Stop();

 private:
  struct State;
  explicit ControlServer(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

// Runs a command in the server behind `socket_path`, with this process's working folder; what the command says goes to
// `output`. Gives the exit status. kNotFound when no server listens there; kUnavailable when it went away before the
// command ended.
StatusOr<int> RunThroughServer(const std::string& socket_path, const std::vector<std::string>& args, Output& output);

}  // namespace headrace
