// Content hashes in lower-case hexadecimal: SHA-256 (OpenSSL), and XXH3 where much is hashed and nobody forges.
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

// 128 bits by XXH3 (xxHash), at memory speed: finds change, is no defence against a forger.
std::string Xxh128Hex(std::string_view bytes);

StatusOr<std::string> Sha256OfFile(const std::string& path);

}  // namespace headrace
