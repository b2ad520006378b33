#include "serving/http/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

namespace headrace {
namespace {

// zlib's inflater, reading gzip headers only.
class Inflater {
 public:
  Inflater() { ready_ = inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK; }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  bool ready() const { return ready_; }
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_ = {};
  bool ready_ = false;
};

}  // namespace

StatusOr<std::string> Gunzip(std::string_view compressed, size_t max_bytes) {
  constexpr size_t kStep = 64 << 10;
  if (compressed.size() > std::numeric_limits<uInt>::max()) return ResourceExhausted("a gzip body of over 4 GiB");
  Inflater inflater;
  if (!inflater.ready()) return Internal("zlib could not be started");
  z_stream& stream = inflater.stream();
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  std::string result;
  size_t used = 0;
  while (true) {
    // One byte over the limit is room enough to see that there is more.
    result.resize(std::min(std::max(2 * used, used + kStep), max_bytes + 1));
    stream.next_out = reinterpret_cast<Bytef*>(result.data() + used);
    stream.avail_out = static_cast<uInt>(std::min<size_t>(result.size() - used, 1 << 30));
    const uInt room = stream.avail_out;
    const int code = inflate(&stream, Z_NO_FLUSH);
    used += room - stream.avail_out;
    if (used > max_bytes) return ResourceExhausted("the inflated body is over the limit of {} bytes", max_bytes);
    if (code == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      inflateReset(&stream);  // another member follows
    } else if (code == Z_BUF_ERROR || (code == Z_OK && stream.avail_in == 0 && stream.avail_out > 0)) {
      return InvalidArgument("the gzip body is cut off");
    } else if (code != Z_OK) {
      return InvalidArgument("the body is no gzip: {}", stream.msg != nullptr ? stream.msg : "damaged");
    }
  }
  result.resize(used);
  return result;
}

}  // namespace headrace
