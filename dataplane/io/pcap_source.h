// Capture files: pcap (every variant that libpcap reads) and pcapng, plain or gzip.
//
//   std::string error;
//   auto source = io::OpenCapture("web.pcap.gz", error);
//   io::CapturedFrame frame;
//   while (source->Next(frame)) …
#ifndef TAPLOOM_DATAPLANE_IO_PCAP_SOURCE_H_
#define TAPLOOM_DATAPLANE_IO_PCAP_SOURCE_H_

#include <memory>
#include <string>

#include "dataplane/io/byte_stream.h"
#include "dataplane/io/frame_source.h"

namespace taploom::io {

// Null, with a sentence in `error`, when it is no capture file. Memory is constant: one record at a
// time.
std::unique_ptr<FrameSource> OpenCapture(const std::string& path, std::string& error);
// The same for a file that is open already and has not been read from.
std::unique_ptr<FrameSource> OpenCapture(std::unique_ptr<ByteStream> stream,
                                         const std::string& path, std::string& error);

}  // namespace taploom::io

#endif  // TAPLOOM_DATAPLANE_IO_PCAP_SOURCE_H_
