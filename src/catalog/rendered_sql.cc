#include <algorithm>

#include "catalog/project.h"
#include "catalog/template/error.h"

namespace headrace {

SourcePosition RenderedSql::PositionOf(size_t rendered_offset) const {
  const auto after =
      std::upper_bound(segments.begin(), segments.end(), rendered_offset,
                       [](size_t offset, const Segment& segment) { return offset < segment.rendered_begin; });
  if (after == segments.begin()) return jinja::PositionAt(file, source, 0);
  const Segment& segment = *(after - 1);
  const size_t within = segment.literal ? rendered_offset - segment.rendered_begin : 0;
  return jinja::PositionAt(file, source, segment.source_begin + within);
}

}  // namespace headrace
