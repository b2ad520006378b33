// Whether the machine was started again since files were written: only then may a write that had returned be torn.
//
// The file BOOT in the files' folder says in which run of the machine that was.
#pragma once

#include <string>

#include "base/status.h"

namespace headrace {

// To be called before anything is written to the files of `folder`.
Status RememberBoot(const std::string& folder);

// Whether this is still the run of the machine of the last RememberBoot.
bool IsSameBoot(const std::string& folder);

}  // namespace headrace
