#include "dataplane/io/pcapng_writer.h"

#include <algorithm>
#include <cstring>

#include "dataplane/io/pcapng_format.h"

namespace taploom::io {
namespace {

constexpr std::size_t kMaxOption = 0xffff;
constexpr std::uint8_t kNanoseconds = 9;  // a clock of 10^-9 seconds

}  // namespace

// The byte order is always the little-endian one, whatever the machine, so that files are equal.
void PcapngWriter::Put16(std::uint16_t value) {
  block_.push_back(static_cast<std::uint8_t>(value));
  block_.push_back(static_cast<std::uint8_t>(value >> 8));
}

void PcapngWriter::Put32(std::uint32_t value) {
  Put16(static_cast<std::uint16_t>(value));
  Put16(static_cast<std::uint16_t>(value >> 16));
}

void PcapngWriter::Put64(std::uint64_t value) {
  Put32(static_cast<std::uint32_t>(value));
  Put32(static_cast<std::uint32_t>(value >> 32));
}

void PcapngWriter::PutBytes(std::span<const std::uint8_t> bytes) {
  block_.insert(block_.end(), bytes.begin(), bytes.end());
}

void PcapngWriter::PutText(std::string_view text) {
  block_.insert(block_.end(), text.begin(), text.end());
}

void PcapngWriter::Pad() {
  while ((block_.size() + tail_.size()) % 4 != 0) block_.push_back(0);
}

void PcapngWriter::StartBlock(std::uint32_t type) {
  block_.clear();
  tail_ = {};
  Put32(type);
  Put32(0);  // the length, in EndBlock
}

void PcapngWriter::EndBlock() {
  const auto size = static_cast<std::uint32_t>(block_.size() + tail_.size() + 4);
  Put32(size);
  for (unsigned i = 0; i < 4; ++i) block_[4 + i] = static_cast<std::uint8_t>(size >> (8 * i));
  const std::span<const std::uint8_t> block(block_);
  if (tail_.empty()) {
    Push(block);
  } else {
    Push(block.first(tail_place_));
    Push(tail_);
    Push(block.subspan(tail_place_));
  }
  written_bytes_ += size;
}

// What is larger than stdio's buffer goes past it.
void PcapngWriter::Push(std::span<const std::uint8_t> bytes) {
  if (fwrite_unlocked(bytes.data(), 1, bytes.size(), file_) != bytes.size()) failed_ = true;
}

void PcapngWriter::PutOption(std::uint16_t code, std::string_view text) {
  if (text.empty()) return;
  text = text.substr(0, kMaxOption);
  Put16(code);
  Put16(static_cast<std::uint16_t>(text.size()));
  PutText(text);
  Pad();
}

void PcapngWriter::PutOption32(std::uint16_t code, std::uint32_t value) {
  Put16(code);
  Put16(4);
  Put32(value);
}

void PcapngWriter::PutOption64(std::uint16_t code, std::uint64_t value) {
  Put16(code);
  Put16(8);
  Put64(value);
}

void PcapngWriter::Begin(std::string_view application) {
  StartBlock(pcapng::kSectionHeader);
  Put32(pcapng::kByteOrderMagic);
  Put16(1);  // version 1.0
  Put16(0);
  Put64(~std::uint64_t{0});  // the section's length is not known
  PutOption(pcapng::kApplication, application);
  EndOptions();
  EndBlock();
}

std::uint32_t PcapngWriter::AddInterface(std::string_view name, std::string_view description) {
  StartBlock(pcapng::kInterface);
  Put16(pcapng::kLinkTypeEthernet);
  Put16(0);
  Put32(0);  // no limit of length
  PutOption(pcapng::kName, name);
  PutOption(pcapng::kDescription, description);
  Put16(pcapng::kClockUnit);
  Put16(1);
  block_.push_back(kNanoseconds);
  Pad();
  EndOptions();
  EndBlock();
  return interface_count_++;
}

void PcapngWriter::AddNames(const AddressNames& names) {
  if (names.empty()) return;
  StartBlock(pcapng::kNameResolution);
  for (const auto& [address, name] : names) {
    const auto bytes = address.bytes();
    Put16(address.is_v4() ? pcapng::kIpv4Name : pcapng::kIpv6Name);
    Put16(static_cast<std::uint16_t>(bytes.size() + name.size() + 1));
    PutBytes(bytes);
    PutText(name);
    block_.push_back(0);
    Pad();
  }
  Put32(0);  // end of records
  EndBlock();
}

void PcapngWriter::Write(const Record& record) {
  StartBlock(pcapng::kEnhancedPacket);
  const auto clock = static_cast<std::uint64_t>(record.time_ns);
  const auto captured_size = static_cast<std::uint32_t>(record.head.size() + record.tail.size());
  Put32(record.interface);
  Put32(static_cast<std::uint32_t>(clock >> 32));
  Put32(static_cast<std::uint32_t>(clock));
  Put32(captured_size);
  Put32(std::max(captured_size, record.original_size));
  PutBytes(record.head);
  tail_ = record.tail;
  tail_place_ = block_.size();
  Pad();
  PutOption(pcapng::kComment, record.comment);
  if (record.direction != FrameDirection::kUnknown)
    PutOption32(pcapng::kFlags, static_cast<std::uint32_t>(record.direction));
  if (record.packet_id != 0) PutOption64(pcapng::kPacketId, record.packet_id);
  EndOptions();
  EndBlock();
}

void PcapngWriter::AddStatistics(std::uint32_t interface, std::int64_t time_ns,
                                 std::uint64_t received, std::uint64_t dropped) {
  StartBlock(pcapng::kInterfaceStatistics);
  const auto clock = static_cast<std::uint64_t>(time_ns);
  Put32(interface);
  Put32(static_cast<std::uint32_t>(clock >> 32));
  Put32(static_cast<std::uint32_t>(clock));
  PutOption64(pcapng::kReceived, received);
  PutOption64(pcapng::kDropped, dropped);
  EndOptions();
  EndBlock();
}

bool PcapngWriter::Finish() {
  if (std::fflush(file_) != 0) failed_ = true;
  return !failed_;
}

}  // namespace taploom::io
