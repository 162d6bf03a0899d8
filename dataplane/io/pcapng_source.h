// PcapngSource: reads pcapng (draft-ietf-opsawg-pcapng).
//
// Not through libpcap, because that hides what replay needs: the interface a frame was recorded on,
// its direction, its packet id; and it refuses files whose interfaces differ in link type.
#ifndef TAPLOOM_DATAPLANE_IO_PCAPNG_SOURCE_H_
#define TAPLOOM_DATAPLANE_IO_PCAPNG_SOURCE_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataplane/io/byte_stream.h"
#include "dataplane/io/frame_source.h"

namespace taploom::io {

class PcapngSource final : public FrameSource {
 public:
  static bool IsPcapng(std::span<const std::uint8_t> first_four_bytes);

  PcapngSource(std::unique_ptr<ByteStream> stream, std::string path)
      : stream_(std::move(stream)), path_(std::move(path)) {}

  bool Next(CapturedFrame& frame) override;
  const std::string& error() const override { return error_; }

 private:
  struct Interface {
    std::string name;
    int link_type = 0;
    std::uint32_t snap_length = 0;  // 0 = no limit
    bool is_binary = false;         // the clock's unit is 2^-exponent seconds, else 10^-exponent
    unsigned exponent = 6;
    std::int64_t offset_seconds = 0;
  };

  bool ReadBlock();  // the next block into type_ and body_; false at the end or when broken
  bool ReadSectionHeader(std::span<const std::uint8_t> head);
  bool ReadInterface();
  bool ReadEnhancedPacket(CapturedFrame& frame);
  bool ReadObsoletePacket(CapturedFrame& frame);
  bool ReadSimplePacket(CapturedFrame& frame);
  bool FinishPacket(std::uint32_t interface, std::uint64_t clock, std::size_t data_offset,
                    std::uint32_t captured_size, std::uint32_t original_size, CapturedFrame& frame);
  template <typename Visitor>
  void ForEachOption(std::size_t offset, Visitor visit) const;
  bool Break(const std::string& what);

  std::uint16_t Get16(std::size_t offset) const;
  std::uint32_t Get32(std::size_t offset) const;

  std::unique_ptr<ByteStream> stream_;
  std::string path_;
  bool is_big_endian_ = false;
  bool in_section_ = false;
  std::deque<Interface> interfaces_;  // of this section; a deque, so that names stay where they are
  std::uint64_t block_offset_ = 0;
  std::uint32_t type_ = 0;
  std::vector<std::uint8_t> body_;  // without type and the two lengths
  std::int64_t last_time_ns_ = 0;
  std::string error_;
};

}  // namespace taploom::io

#endif  // TAPLOOM_DATAPLANE_IO_PCAPNG_SOURCE_H_
