// UTF-8, by the bytes (RFC 3629).
#pragma once

#include <cstddef>
#include <string_view>

namespace headrace {

// Bytes of the character that `text` begins with; 0 when it begins with none, or with a zero byte.
size_t Utf8CharacterBytes(std::string_view text);

// Whether it is made of such characters and nothing else.
bool IsPlainUtf8(std::string_view text);

}  // namespace headrace
