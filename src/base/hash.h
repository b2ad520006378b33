// Content hashes: SHA-256 (OpenSSL), in lower-case hexadecimal.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace headrace {

// Feeds bytes, then gives their digest once.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void Update(std::string_view bytes);
  std::string Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string Sha256Hex(std::string_view bytes);
StatusOr<std::string> Sha256OfFile(const std::string& path);

}  // namespace headrace
