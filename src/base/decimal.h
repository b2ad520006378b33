// Decimals: whole numbers of units of 10^-scale, of up to 38 digits, in 128 bits.
//
// As a value, a decimal is held in 16 bytes: the number of units, its highest bit flipped, highest byte first. So equal
// decimals of one type have equal bytes, and the bytes compare as the numbers do: they are moved, hashed and compared
// as texts are.
//
//   -0.01 as DECIMAL(4,2), -1 unit:  7f ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/column.h"

namespace headrace {

using Int128 = __int128;

std::string EncodeDecimal(Int128 units);
Int128 DecodeDecimal(std::string_view bytes);  // "", which null rows hold, is 0

// Appends to a column of a decimal type.
void AppendDecimal(Int128 units, Column* column);

// 10^exponent; 0 to 38.
Int128 PowerOfTen(int exponent);

// Whether a decimal of `type` holds so many units.
bool FitsDecimal(Int128 units, TypeId type);

// "-0.05": always `scale` digits after the point, and at least one before it.
std::string FormatDecimal(Int128 units, int scale);

// `units` of 10^-from as units of 10^-to; half rounds away from zero. nullopt beyond 38 digits.
std::optional<Int128> Rescale(Int128 units, int from, int to);

// The units of a number as text: digits, a point, an exponent ("-12.5", ".5", "1.25e1"); underscores may stand between
// digits. kInvalidArgument of a text that is no number, and of one that does not fit the type; digits beyond the scale
// are rounded, half away from zero, or with `exact` are an error unless they are zeros.
StatusOr<Int128> ParseDecimal(std::string_view text, TypeId type, bool exact);

// The double that DuckDB's CAST gives: the nearest, up to 2^53 units; beyond, the sum of the nearest of what stands
// before the point and of what stands after it.
double DecimalToDouble(Int128 units, int scale);

// The number of a row, or a value, that is not null and no text: of a boolean 0 or 1, of a time its days or
// microseconds.
double NumberAt(const Column& column, size_t row);
double NumberOf(const Value& value);

// The units nearest to the double, half away from zero, after DuckDB: v * 10^scale in double, rounded.
// kInvalidArgument of what does not fit.
StatusOr<Int128> DoubleToDecimal(double v, TypeId type);

}  // namespace headrace
