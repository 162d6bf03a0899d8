// CaptureFileWriter: records of the capture ring as pcapng, into a file, a pipe, or files that
// rotate.
#ifndef TAPLOOM_CLI_CAPTURE_FILE_WRITER_H_
#define TAPLOOM_CLI_CAPTURE_FILE_WRITER_H_

#include <pcap/pcap.h>

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "cli/ring_session.h"
#include "dataplane/io/pcapng_writer.h"
#include "dataplane/observe/capture_ring.h"
#include "dataplane/replay/gateway_hops.h"
#include "dataplane/tables/snapshot.h"

namespace taploom::cli {

class CaptureFileWriter {
 public:
  struct Options {
    std::string path;  // "-": standard output
    std::uint64_t rotate_bytes =
        0;  // 0 = one file; else path, path.1, path.2, … of at most so many
    std::vector<CaptureInterface> interfaces;
    io::AddressNames names;
    // The configuration that runs. Gateways have interfaces of their own.
    std::shared_ptr<const tables::Snapshot> snapshot;
    // What is shown, of ports and of gateways by name; empty = everything.
    std::set<std::uint16_t> ports;
    std::set<std::string> gateways;
    bool shows_all = true;
    std::uint64_t most_frames = 0;  // 0 = no limit
  };
  explicit CaptureFileWriter(Options options);
  ~CaptureFileWriter();

  absl::Status Open();
  // `filter`: of pcap-filter(7); empty = everything.
  absl::Status SetFilter(const std::string& filter);
  // Writes the frame; and before one that left the fabric, or behind one that did not, what passed
  // the gateways on its way.
  // False when nothing can be written any more: the disk is full, or Wireshark was closed.
  bool Write(const observe::CaptureRingReader::Entry& entry);
  // What is buffered becomes visible.
  bool Flush();
  // The last words of the file: how much was written and lost.
  bool Finish(std::uint64_t lost);
  std::uint64_t written() const { return written_; }
  bool is_complete() const { return options_.most_frames != 0 && written_ >= options_.most_frames; }

 private:
  std::uint32_t InterfaceOf(std::uint16_t port);
  // What was recorded of a frame: its head, which may be changed here, and its tail, which stands
  // in the ring.
  struct Frame {
    std::vector<std::uint8_t> head;  // at most Packet::kHeadCapacity
    std::span<const std::uint8_t> tail;
    std::uint32_t size = 0;  // of the frame itself
  };
  void Load(const observe::CaptureRingReader::Entry& entry);  // into frame_
  bool Matches(const Frame& frame, const observe::CaptureRecord& record);
  void Put(const Frame& frame, const observe::CaptureRecord& record, std::uint32_t interface,
           bool is_outbound, std::string_view comment);
  bool IsShown(std::uint16_t port) const {
    return options_.shows_all || options_.ports.contains(port);
  }
  void WriteEntered(const observe::CaptureRingReader::Entry& entry);
  void WriteLeft(const observe::CaptureRingReader::Entry& entry);
  void WriteHops(const observe::CaptureRecord& record, const std::vector<replay::GatewayHop>& hops,
                 std::string_view comment);
  bool RotateWhenFull();

  struct CloseFile {
    void operator()(std::FILE* file) const {
      if (file != stdout) std::fclose(file);
    }
  };
  Options options_;
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::unique_ptr<io::PcapngWriter> writer_;
  std::map<std::uint16_t, std::uint32_t> interface_by_port_;
  std::vector<std::uint64_t> written_by_interface_;
  pcap_t* compiler_ = nullptr;
  bpf_program filter_{};
  bool has_filter_ = false;
  Frame frame_;
  std::vector<std::uint8_t> whole_;  // for filters
  replay::GatewayHops hops_;
  std::uint32_t first_gateway_ = 0;  // number of its interface
  // The packet that entered last: its frame, until it has left.
  Frame entered_;
  replay::GatewayHops::End entrance_;
  std::uint64_t entered_id_ = 0;
  std::vector<observe::GatewayPassage> entered_passages_;
  std::uint64_t written_ = 0;
  std::int64_t last_time_ns_ = 0;
  unsigned files_ = 0;
};

}  // namespace taploom::cli

#endif  // TAPLOOM_CLI_CAPTURE_FILE_WRITER_H_
