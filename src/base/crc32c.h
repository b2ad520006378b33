// CRC-32C (Castagnoli), as RFC 3720 has it: the checksum of "123456789" is 0xe3069283.
//
// x86-64-v2, the least machine that this program runs on, has an instruction for it: 8 bytes in 3 cycles.
#pragma once

#include <nmmintrin.h>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace headrace {

inline uint32_t Crc32c(std::string_view bytes) {
  uint64_t crc = 0xffffffff;
  for (; bytes.size() >= sizeof(uint64_t); bytes.remove_prefix(sizeof(uint64_t))) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    crc = _mm_crc32_u64(crc, word);
  }
  for (const char c : bytes) crc = _mm_crc32_u8(static_cast<uint32_t>(crc), static_cast<uint8_t>(c));
  return ~static_cast<uint32_t>(crc);
}

}  // namespace headrace
