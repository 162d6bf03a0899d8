#include "cli/capture_file_writer.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

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

}  // namespace

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

bool CaptureFileWriter::Matches(std::int64_t time_ns, std::uint32_t frame_size) {
  if (!has_filter_) return true;
  pcap_pkthdr header{};
  header.ts.tv_sec = static_cast<time_t>(time_ns / 1'000'000'000);
  header.caplen = static_cast<bpf_u_int32>(frame_.size());
  header.len = frame_size;
  return pcap_offline_filter(&filter_, &header, frame_.data()) != 0;
}

// What the sender left to its device. A superframe gets one checksum over all of it, as a capture
// on a Linux device would show it after GRO.
void CaptureFileWriter::FinishChecksum(const observe::CaptureRecord& record) {
  if (record.recorded_size != record.frame_size) return;
  Packet packet;
  packet.head = frame_.data();
  packet.head_size = record.recorded_size;
  packet.vnet = record.vnet;
  packet.vnet.gso_type = VnetHeader::kGsoNone;
  (void)io::FinishChecksum(packet);  // false: the sender lied about where it is; nothing to mend
}

bool CaptureFileWriter::Write(const observe::CaptureRingReader::Entry& entry) {
  const observe::CaptureRecord& record = entry.record;
  frame_.assign(entry.bytes.begin(), entry.bytes.end());
  FinishChecksum(record);
  if (!Matches(record.time_ns, record.frame_size)) return true;
  if (options_.rotate_bytes != 0 && writer_->written_bytes() > options_.rotate_bytes && !Rotate())
    return false;
  const std::uint32_t interface = InterfaceOf(record.port);
  writer_->Write({.interface = interface,
                  .time_ns = record.time_ns,
                  .head = frame_,
                  .original_size = record.frame_size,
                  .direction = record.is_outbound != 0 ? io::FrameDirection::kOutbound
                                                       : io::FrameDirection::kInbound,
                  .packet_id = record.packet_id,
                  .comment = CommentOf(entry)});
  ++written_;
  ++written_by_interface_[interface];
  last_time_ns_ = record.time_ns;
  return std::ferror(file_.get()) == 0;
}

bool CaptureFileWriter::Rotate() { return writer_->Finish() && Open().ok(); }

bool CaptureFileWriter::Flush() { return writer_->Finish(); }

bool CaptureFileWriter::Finish(std::uint64_t lost) {
  for (std::size_t i = 0; i < written_by_interface_.size(); ++i) {
    writer_->AddStatistics(static_cast<std::uint32_t>(i), last_time_ns_,
                           i == 0 ? written_ : written_by_interface_[i], i == 0 ? lost : 0);
  }
  return writer_->Finish();
}

}  // namespace taploom::cli
