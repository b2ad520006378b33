// Code points of UTF-8 text. A byte that is not UTF-8 counts as a code point of its own, so that nothing here can fail.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace headrace::functions {

inline bool StartsCodePoint(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

inline int64_t CodePoints(std::string_view text) {
  return std::count_if(text.begin(), text.end(), StartsCodePoint);
}

// Byte offset of the code point at `index` (from 0); the text's size past its end.
inline size_t CodePointOffset(std::string_view text, int64_t index) {
  size_t offset = 0;
  for (; offset < text.size(); ++offset) {
    if (StartsCodePoint(text[offset]) && index-- == 0) return offset;
  }
  return offset;
}

// The code point at `*offset`, which moves past it.
char32_t NextCodePoint(std::string_view text, size_t* offset);

// By Unicode's simple case mapping, code point by code point: "ß" has no upper case of one letter and stays.
std::string LowerCase(std::string_view text);
std::string UpperCase(std::string_view text);

}  // namespace headrace::functions
