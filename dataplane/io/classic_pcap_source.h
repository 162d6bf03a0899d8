// ClassicPcapSource: reads pcap files of the form that everybody writes: version 2.4, with
// microseconds or nanoseconds, in either byte order.
//
// libpcap hands every packet through stdio, which costs a replay as much as deciding it; here a
// frame is given where the stream's buffer holds it. What the file's header means is still
// libpcap's word.
#ifndef TAPLOOM_DATAPLANE_IO_CLASSIC_PCAP_SOURCE_H_
#define TAPLOOM_DATAPLANE_IO_CLASSIC_PCAP_SOURCE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "dataplane/io/byte_stream.h"
#include "dataplane/io/frame_source.h"

namespace taploom::io {

class ClassicPcapSource final : public FrameSource {
 public:
  // Takes `stream`, which has not been read from; or leaves it alone and returns null when the file
  // is not of that form.
  static std::unique_ptr<ClassicPcapSource> Open(std::unique_ptr<ByteStream>& stream,
                                                 const std::string& path);

  bool Next(CapturedFrame& frame) override;
  const std::string& error() const override { return error_; }

 private:
  struct Format {
    bool is_swapped = false;        // the file's byte order is not this machine's
    std::int64_t nanoseconds = 1;   // in a unit of the file's clock
    int link_type = 0;              // as libpcap calls it
    std::uint32_t snap_length = 0;  // what is recorded beyond it is not shown
  };
  ClassicPcapSource(std::unique_ptr<ByteStream> stream, std::string path, const Format& format)
      : stream_(std::move(stream)), path_(std::move(path)), format_(format) {}

  std::uint32_t Get32(const std::uint8_t* bytes) const;
  bool Break(std::uint64_t at, const std::string& what);

  std::unique_ptr<ByteStream> stream_;
  const std::string path_;
  const Format format_;
  std::string error_;
};

}  // namespace taploom::io

#endif  // TAPLOOM_DATAPLANE_IO_CLASSIC_PCAP_SOURCE_H_
