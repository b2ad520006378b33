#include "features/offline/event_source.h"

#include <memory>
#include <mutex>

namespace headrace {

std::function<EventSink()> OneAtATime(const EventSink& sink) {
  return [&sink, mutex = std::make_shared<std::mutex>()]() -> EventSink {
    return [&sink, mutex](const RecordBatch& input, const Arrivals& arrivals) {
      const std::lock_guard lock(*mutex);
      return sink(input, arrivals);
    };
  };
}

}  // namespace headrace
