#include "kernel/functions/utf8.h"

#include <utf8proc.h>

#include <array>

namespace headrace::functions {
namespace {

template <auto map>
std::string MapCase(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t offset = 0; offset < text.size();) {
    const size_t start = offset;
    const auto code_point = static_cast<utf8proc_int32_t>(NextCodePoint(text, &offset));
    const utf8proc_int32_t mapped = map(code_point);
    std::array<utf8proc_uint8_t, 4> bytes;
    if (mapped == code_point) {
      result.append(text, start, offset - start);
    } else {
      result.append(reinterpret_cast<const char*>(bytes.data()),
                    static_cast<size_t>(utf8proc_encode_char(mapped, bytes.data())));
    }
  }
  return result;
}

}  // namespace

char32_t NextCodePoint(std::string_view text, size_t* offset) {
  const auto byte = static_cast<unsigned char>(text[*offset]);
  if (byte < 0x80) {
    ++*offset;
    return byte;
  }
  utf8proc_int32_t code_point = 0;
  const utf8proc_ssize_t size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + *offset,
                                                 static_cast<utf8proc_ssize_t>(text.size() - *offset), &code_point);
  *offset += size > 0 ? static_cast<size_t>(size) : 1;
  return size > 0 ? static_cast<char32_t>(code_point) : byte;
}

std::string LowerCase(std::string_view text) {
  return MapCase<utf8proc_tolower>(text);
}
std::string UpperCase(std::string_view text) {
  return MapCase<utf8proc_toupper>(text);
}

}  // namespace headrace::functions
