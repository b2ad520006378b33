#include "base/id.h"

#include <chrono>
#include <cstdint>
#include <random>

namespace headrace {

std::string NewId() {
  constexpr char kAlphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  constexpr int kTimeDigits = 10;
  constexpr int kRandomDigits = 16;
  thread_local std::mt19937_64 random = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  auto ms = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
  std::string id(kTimeDigits + kRandomDigits, '0');
  for (int i = kTimeDigits - 1; i >= 0; --i, ms >>= 5) id[static_cast<size_t>(i)] = kAlphabet[ms & 31];
  uint64_t bits = 0;
  for (int i = 0; i < kRandomDigits; ++i, bits >>= 5) {
    if (i % 8 == 0) bits = random();
    id[static_cast<size_t>(kTimeDigits + i)] = kAlphabet[bits & 31];
  }
  return id;
}

}  // namespace headrace
