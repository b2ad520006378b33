// Distances on the Earth.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernel/functions/support.h"

namespace headrace::functions {
namespace {

// Kilometres between two places, in degrees, along a great circle of a sphere with the Earth's mean radius (IUGG); off
// by up to 0.5 % from the ellipsoid. R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (1984): unlike the
// law of cosines it keeps its digits for places close together.
Status Haversine(double latitude_1, double longitude_1, double latitude_2, double longitude_2, double* out) {
  constexpr double kRadiusKm = 6371.0088;
  constexpr double kRadians = std::numbers::pi / 180;
  for (const double degrees : {latitude_1, longitude_1, latitude_2, longitude_2}) {
    if (std::isinf(degrees)) return InvalidArgument("haversine of {} degrees", FormatDouble(degrees));
  }
  const double sin_latitude = std::sin((latitude_2 - latitude_1) * kRadians / 2);
  const double sin_longitude = std::sin((longitude_2 - longitude_1) * kRadians / 2);
  const double a = sin_latitude * sin_latitude +
                   std::cos(latitude_1 * kRadians) * std::cos(latitude_2 * kRadians) * sin_longitude * sin_longitude;
  *out = std::isnan(a) ? a : 2 * kRadiusKm * std::asin(std::sqrt(std::clamp(a, 0.0, 1.0)));
  return absl::OkStatus();
}

}  // namespace

std::vector<ScalarFunction> GeographyFunctions() {
  constexpr TypeId kD = TypeId::kDouble;
  ScalarFunction haversine = {
      "haversine", {kD, kD, kD, kD}, kD, TryMap<double, Haversine, double, double, double, double>};
  haversine.own = true;
  return {haversine};
}

}  // namespace headrace::functions
