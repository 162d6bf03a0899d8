#include "cli/capture_file_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "dataplane/io/finish_checksum.h"

namespace taploom::cli {
namespace {

constexpr int kLargestFrame = 262'144;

// "DROP SG_INGRESS_DENIED (ENI_SG_RULES_MISMATCH) security group ingress: no ingress rule …", or
// the rules that were asked, or how a superframe is cut.
std::string CommentOf(const observe::CaptureRingReader::Entry& entry) {
  std::string comment;
  const auto reason = static_cast<DropReason>(entry.record.drop_reason);
  if (reason != DropReason::kNone) {
    const DropReasonText text = TextOf(reason);
    const std::string code = text.aws_code[0] == '\0' ? "" : fmt::format(" ({})", text.aws_code);
    comment = fmt::format("DROP {}{} {}", text.name, code,
                          entry.text.empty() ? std::string_view(text.sentence) : entry.text);
  } else {
    comment = entry.text;
  }
  if (entry.record.vnet.is_gso()) {
    comment += fmt::format("{}superframe, in segments of {} bytes of payload",
                           comment.empty() ? "" : "; ", entry.record.vnet.gso_size);
  }
  return comment;
}

// A recorded frame as a packet whose headers can be looked at and rewritten.
Packet PacketOf(std::vector<std::uint8_t>& head, std::uint32_t frame_size) {
  Packet packet;
  packet.head = head.data();
  packet.head_size = static_cast<std::uint32_t>(head.size());
  packet.tail_size = frame_size - packet.head_size;
  return packet;
}

wire::Headers HeadersOf(std::vector<std::uint8_t>& head, std::uint32_t frame_size) {
  Packet packet = PacketOf(head, frame_size);
  return wire::Parse(packet.head_bytes(), packet.size());
}

// What the sender left to its device. A superframe gets one checksum over all of it, as a capture
// on a Linux device would show it after GRO.
void FinishChecksum(const observe::CaptureRecord& record, std::vector<std::uint8_t>& head,
                    std::span<const std::uint8_t> tail) {
  if (record.recorded_size != record.frame_size) return;
  Packet packet = PacketOf(head, record.frame_size);
  packet.tail = const_cast<std::uint8_t*>(tail.data());  // is only read: the field is in the head
  packet.vnet = record.vnet;
  packet.vnet.gso_type = VnetHeader::kGsoNone;
  (void)io::FinishChecksum(packet);  // false: the sender lied about where it is; nothing to mend
}

}  // namespace

CaptureFileWriter::CaptureFileWriter(Options options)
    : options_(std::move(options)), hops_(*options_.snapshot) {}

CaptureFileWriter::~CaptureFileWriter() {
  if (has_filter_) pcap_freecode(&filter_);
  if (compiler_ != nullptr) pcap_close(compiler_);
}

absl::Status CaptureFileWriter::Open() {
  const std::string path =
      files_ == 0 ? options_.path : fmt::format("{}.{}", options_.path, files_);
  file_.reset(path == "-" ? stdout : std::fopen(path.c_str(), "wbe"));
  if (file_ == nullptr)
    return absl::InvalidArgumentError(
        fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  ++files_;
  writer_ = std::make_unique<io::PcapngWriter>(file_.get());
  interface_by_port_.clear();
  written_by_interface_.clear();
  writer_->Begin("taploom capture");
  // What is lost is lost of all: a place to say so.
  writer_->AddInterface("fabric", "statistics of the whole capture");
  written_by_interface_.push_back(0);
  for (const CaptureInterface& interface : options_.interfaces) {
    interface_by_port_[interface.port] =
        writer_->AddInterface(interface.name, interface.description);
    written_by_interface_.push_back(0);
  }
  first_gateway_ = static_cast<std::uint32_t>(written_by_interface_.size());
  for (const replay::GatewayName& gateway : hops_.gateways()) {
    writer_->AddInterface(gateway.name, gateway.description);
    written_by_interface_.push_back(0);
  }
  writer_->AddNames(options_.names);
  return absl::OkStatus();
}

absl::Status CaptureFileWriter::SetFilter(const std::string& filter) {
  if (filter.empty()) return absl::OkStatus();
  compiler_ = pcap_open_dead(DLT_EN10MB, kLargestFrame);
  if (pcap_compile(compiler_, &filter_, filter.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is no filter: {}", filter, pcap_geterr(compiler_)));
  }
  has_filter_ = true;
  return absl::OkStatus();
}

// An interface that was attached while the capture ran has no name here.
std::uint32_t CaptureFileWriter::InterfaceOf(std::uint16_t port) {
  const auto found = interface_by_port_.find(port);
  if (found != interface_by_port_.end()) return found->second;
  const std::uint32_t interface = writer_->AddInterface(fmt::format("port {}", port), "");
  interface_by_port_[port] = interface;
  written_by_interface_.push_back(0);
  return interface;
}

bool CaptureFileWriter::Matches(const Frame& frame, const observe::CaptureRecord& record) {
  if (!has_filter_) return true;
  whole_.assign(frame.head.begin(), frame.head.end());
  whole_.insert(whole_.end(), frame.tail.begin(), frame.tail.end());
  pcap_pkthdr header{};
  header.ts.tv_sec = static_cast<time_t>(record.time_ns / 1'000'000'000);
  header.caplen = static_cast<bpf_u_int32>(whole_.size());
  header.len = frame.size;
  return pcap_offline_filter(&filter_, &header, whole_.data()) != 0;
}

void CaptureFileWriter::Load(const observe::CaptureRingReader::Entry& entry) {
  frame_.head.assign(entry.head.begin(), entry.head.end());
  frame_.tail = entry.tail;
  frame_.size = entry.record.frame_size;
  FinishChecksum(entry.record, frame_.head, frame_.tail);
}

// The frame, when it is wanted.
void CaptureFileWriter::Put(const Frame& frame, const observe::CaptureRecord& record,
                            std::uint32_t interface, bool is_outbound, std::string_view comment) {
  if (is_complete() || !Matches(frame, record)) return;
  writer_->Write(
      {.interface = interface,
       .time_ns = record.time_ns,
       .head = frame.head,
       .tail = frame.tail,
       .original_size = frame.size,
       .direction = is_outbound ? io::FrameDirection::kOutbound : io::FrameDirection::kInbound,
       .packet_id = record.packet_id,
       .comment = comment});
  ++written_;
  ++written_by_interface_[interface];
  last_time_ns_ = record.time_ns;
}

bool CaptureFileWriter::Write(const observe::CaptureRingReader::Entry& entry) {
  Load(entry);
  if (!RotateWhenFull()) return false;
  entry.record.is_outbound != 0 ? WriteLeft(entry) : WriteEntered(entry);
  return std::ferror(file_.get()) == 0;
}

void CaptureFileWriter::WriteEntered(const observe::CaptureRingReader::Entry& entry) {
  const observe::CaptureRecord& record = entry.record;
  const std::string comment = CommentOf(entry);
  if (IsShown(record.port)) Put(frame_, record, InterfaceOf(record.port), false, comment);
  entrance_ = {record.port, HeadersOf(frame_.head, record.frame_size)};
  std::swap(entered_, frame_);
  entered_id_ = record.packet_id;
  entered_passages_ = entry.passages;
  const bool is_dropped = static_cast<DropReason>(record.drop_reason) != DropReason::kNone;
  if (is_dropped && !entry.passages.empty())
    WriteHops(record, hops_.Find(entrance_.headers, entry.passages), comment);
}

// Of a packet in fragments, the first tells for all.
void CaptureFileWriter::WriteLeft(const observe::CaptureRingReader::Entry& entry) {
  const observe::CaptureRecord& record = entry.record;
  if (record.packet_id == entered_id_) {
    const wire::Headers left = HeadersOf(frame_.head, record.frame_size);
    WriteHops(record,
              entered_passages_.empty() ? hops_.Find(entrance_, {record.port, left})
                                        : hops_.Find(entrance_.headers, entered_passages_),
              {});
  }
  const bool is_sent = static_cast<DropReason>(record.drop_reason) == DropReason::kNone;
  if (is_sent && IsShown(record.port))
    Put(frame_, record, InterfaceOf(record.port), true, CommentOf(entry));
}

// The way from what entered, which becomes what left the last gateway. `comment`: for the gateway
// where the way ends.
void CaptureFileWriter::WriteHops(const observe::CaptureRecord& record,
                                  const std::vector<replay::GatewayHop>& hops,
                                  std::string_view comment) {
  entered_id_ = 0;
  Packet packet = PacketOf(entered_.head, entered_.size);
  packet.headers = entrance_.headers;
  replay::ForEachHop(packet, hops, [&](const replay::GatewayHop& hop, bool is_outbound) {
    const replay::GatewayName& name = hops_.gateways()[hop.gateway];
    if (options_.shows_all || options_.gateways.contains(name.name))
      Put(entered_, record, first_gateway_ + static_cast<std::uint32_t>(hop.gateway), is_outbound,
          hop.has_left ? std::string_view() : comment);
  });
}

bool CaptureFileWriter::RotateWhenFull() {
  if (options_.rotate_bytes == 0 || writer_->written_bytes() <= options_.rotate_bytes) return true;
  return writer_->Finish() && Open().ok();
}

bool CaptureFileWriter::Flush() { return writer_->Finish(); }

bool CaptureFileWriter::Finish(std::uint64_t lost) {
  for (std::size_t i = 0; i < written_by_interface_.size(); ++i) {
    writer_->AddStatistics(static_cast<std::uint32_t>(i), last_time_ns_,
                           i == 0 ? written_ : written_by_interface_[i], i == 0 ? lost : 0);
  }
  return writer_->Finish();
}

}  // namespace taploom::cli
