// PcapngWriter: writes pcapng (draft-ietf-opsawg-pcapng), because libpcap cannot.
//
//   PcapngWriter writer(file);
//   writer.Begin("taploom");
//   const std::uint32_t web = writer.AddInterface("web-1", "eni-0123…");
//   writer.AddNames({{address, "web-1"}});
//   writer.Write({.interface = web, .time_ns = …, .head = frame, .original_size = …});
//   writer.Finish();
//
// The same calls write the same bytes: nothing of the machine or the day goes in.
#ifndef TAPLOOM_DATAPLANE_IO_PCAPNG_WRITER_H_
#define TAPLOOM_DATAPLANE_IO_PCAPNG_WRITER_H_

#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/io/frame_source.h"
#include "dataplane/wire/ip_address.h"

namespace taploom::io {

using AddressNames = std::vector<std::pair<wire::IpAddress, std::string>>;

class PcapngWriter {
 public:
  struct Record {
    std::uint32_t interface = 0;
    std::int64_t time_ns = 0;
    std::span<const std::uint8_t> head, tail;  // an Ethernet frame in two parts
    std::uint32_t original_size = 0;
    FrameDirection direction = FrameDirection::kUnknown;
    std::uint64_t packet_id = 0;  // 0 = none
    std::string_view comment;     // may be empty
  };

  // `file` is borrowed, and nobody else's meanwhile. Of a large frame, the tail is not copied but
  // by the kernel.
  explicit PcapngWriter(std::FILE* file) : file_(file) {}

  void Begin(std::string_view application);
  // Interfaces are numbered from 0; all are Ethernet with a clock of nanoseconds.
  std::uint32_t AddInterface(std::string_view name, std::string_view description);
  void AddNames(const AddressNames& names);
  void Write(const Record& record);
  // What an interface received and could not be recorded; the last block about it.
  void AddStatistics(std::uint32_t interface, std::int64_t time_ns, std::uint64_t received,
                     std::uint64_t dropped);
  // Pushes out what stdio still holds. False when anything could not be written: the disk is full.
  bool Finish();
  std::uint64_t written_bytes() const { return written_bytes_; }

 private:
  void StartBlock(std::uint32_t type);
  void EndBlock();
  void Push(std::span<const std::uint8_t> bytes);
  void Put16(std::uint16_t value);
  void Put32(std::uint32_t value);
  void Put64(std::uint64_t value);
  void PutBytes(std::span<const std::uint8_t> bytes);
  void PutText(std::string_view text);
  void Pad();
  void PutOption(std::uint16_t code, std::string_view text);
  void PutOption32(std::uint16_t code, std::uint32_t value);
  void PutOption64(std::uint16_t code, std::uint64_t value);
  void EndOptions() { Put32(0); }

  std::FILE* file_;
  // The block at hand, but for a frame's tail, which stands where it stood, and belongs here.
  std::vector<std::uint8_t> block_;
  std::span<const std::uint8_t> tail_;
  std::size_t tail_place_ = 0;
  std::uint32_t interface_count_ = 0;
  std::uint64_t written_bytes_ = 0;
  bool failed_ = false;
};

}  // namespace taploom::io

#endif  // TAPLOOM_DATAPLANE_IO_PCAPNG_WRITER_H_
