// FrameSource: frames that somebody recorded, one after the other.
#ifndef TAPLOOM_DATAPLANE_IO_FRAME_SOURCE_H_
#define TAPLOOM_DATAPLANE_IO_FRAME_SOURCE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace taploom::io {

// As the recording interface saw it: *inbound* frames came in by it.
enum class FrameDirection : std::uint8_t { kUnknown = 0, kInbound = 1, kOutbound = 2 };

struct CapturedFrame {
  std::span<const std::uint8_t> bytes;  // as much as was recorded; good until the next frame
  std::uint32_t original_size = 0;      // ≥ bytes.size(); larger when it was cut short
  std::int64_t time_ns = 0;             // since 1970
  int link_type = 0;                    // LINKTYPE_… of tcpdump.org
  std::string_view interface;  // its name in the file, empty when there is none; as long as bytes
  FrameDirection direction = FrameDirection::kUnknown;
  std::uint64_t packet_id = 0;  // the same wherever one packet was recorded; 0 = not told
};

class FrameSource {
 public:
  virtual ~FrameSource() = default;

  // False at the end. When the source is broken, everything before that place was given, and
  // error() says where and how.
  virtual bool Next(CapturedFrame& frame) = 0;
  // One sentence that names the file and the place; empty when all was read.
  virtual const std::string& error() const = 0;
};

}  // namespace taploom::io

#endif  // TAPLOOM_DATAPLANE_IO_FRAME_SOURCE_H_
