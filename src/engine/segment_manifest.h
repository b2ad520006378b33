// The manifest of a segment of exported events (engine/event_segments.h), to and from its text.
#pragma once

#include <string>
#include <string_view>

#include "engine/event_segments.h"

namespace headrace {

inline constexpr std::string_view kManifestName = "segment.json";

std::string EncodeManifest(const Segment& segment);
// Without the folder. kDataLoss: damaged, or of another version.
StatusOr<Segment> DecodeManifest(std::string_view text);

}  // namespace headrace
