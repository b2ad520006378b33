// Hashes: of content SHA-256 and MD5 (OpenSSL), in lower-case hexadecimal; for buckets, and where much is hashed and
// nobody forges, XXH3.
#pragma once

#include <cstdint>
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

// As Sha256, by XXH3 of 128 bits: see Xxh128Hex.
class Xxh128 {
 public:
  Xxh128();
  ~Xxh128();
  Xxh128(Xxh128&&) noexcept;
  void Update(std::string_view bytes);
  std::string Finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// 128 bits by XXH3 (xxHash), at memory speed: finds change, is no defence against a forger.
std::string Xxh128Hex(std::string_view bytes);

std::string Md5Hex(std::string_view bytes);

// XXH3 of 64 bits, seed 0: the same on every machine and in every release.
uint64_t Hash64(std::string_view bytes);
StatusOr<std::string> Sha256OfFile(const std::string& path);

}  // namespace headrace
