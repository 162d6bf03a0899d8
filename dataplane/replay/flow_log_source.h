// FlowLogSource: AWS VPC flow logs as frames: one synthetic packet per record.
//
// A record says that a flow was seen at an interface in a span of time, not which packets. What is
// made of it: a SYN of the side that opened the connection, a SYN-ACK of the other, one datagram,
// or an echo request or reply, at the record's start, of the size of the record's average packet.
// Both the text's default format (vpc-semantics §10) and any other with a header line are read.
#ifndef TAPLOOM_DATAPLANE_REPLAY_FLOW_LOG_SOURCE_H_
#define TAPLOOM_DATAPLANE_REPLAY_FLOW_LOG_SOURCE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/flow/five_tuple.h"
#include "dataplane/flow/key_view.h"
#include "dataplane/io/byte_stream.h"
#include "dataplane/io/frame_source.h"

namespace taploom::replay {

struct FlowRecord {
  flow::FiveTuple tuple;
  std::int64_t start_seconds = 0;
  std::uint32_t packet_size = 0;  // average, of the IP packet
  bool is_reply = false;          // of the side that did not open the connection
};

class FlowLogSource final : public io::FrameSource {
 public:
  // Whether a file that begins so is a flow log.
  static bool IsFlowLog(std::string_view beginning);

  // Reads all records: they are sorted by time, those that open before those that answer.
  FlowLogSource(std::unique_ptr<io::ByteStream> stream, std::string path);

  bool Next(io::CapturedFrame& frame) override;
  const std::string& error() const override { return error_; }

 private:
  void ReadRecords(io::ByteStream& stream);
  void MarkReplies();

  std::string path_;
  std::vector<FlowRecord> records_;
  std::size_t next_ = 0;
  std::vector<std::uint8_t> packet_;
  std::string error_;
};

// Any file that can be replayed: a capture or a flow log. Null, with a sentence in `error`, when it
// is neither.
std::unique_ptr<io::FrameSource> OpenRecording(const std::string& path, std::string& error);

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_FLOW_LOG_SOURCE_H_
