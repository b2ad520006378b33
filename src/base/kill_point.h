// Named points at which a process can be made to die, for crash tests of the real program.
//
//   HEADRACE_KILL_AT=export.files headrace serve      dies, as by kill -9, when it first comes to that point
//   HEADRACE_KILL_AT=log.written:3 headrace serve     when it comes there for the third time
//
// Without the variable a point costs the test of one constant.
#pragma once

#include <string_view>

namespace headrace {

// log.written        an entry of the log is durable, and not acknowledged
// checkpoint.begun   the log is ahead of the states; nothing of the checkpoint is written
// checkpoint.view    a view's states are written; the checkpoint is not
// checkpoint.written the checkpoint is durable
// replace.built      new states are built and not swapped in
// export.files       a segment's files are there, without a manifest
// export.manifest    the segment is durable; the log has its entries, too
// export.truncated   the log has them no more
void KillPoint(std::string_view name);

}  // namespace headrace
