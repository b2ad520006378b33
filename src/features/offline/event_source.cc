#include "features/offline/event_source.h"

#include <memory>
#include <mutex>

namespace headrace {

Schema InputOf(std::span<const ViewProgram* const> views) {
  Schema input;
  for (const ViewProgram* view : views) {
    for (const Field& field : view->input) {
      if (!FindField(input, field.name)) input.push_back(field);
    }
  }
  return input;
}

std::function<EventSink()> OneAtATime(const EventSink& sink) {
  return [&sink, mutex = std::make_shared<std::mutex>()]() -> EventSink {
    return [&sink, mutex](const RecordBatch& input, const Arrivals& arrivals) {
      const std::lock_guard lock(*mutex);
      return sink(input, arrivals);
    };
  };
}

}  // namespace headrace
