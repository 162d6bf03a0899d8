// The capture ring: memory that the dataplane writes frames into and `taploom capture` reads; for
// `taploom trace`, what became of each packet instead (config/traced_packet.proto, as the text of a
// record without bytes).
//
//   control makes a memfd ─┬─ SCM_RIGHTS ─► dataplane: CaptureRingWriter (the worker's thread)
//                          └─ /proc/PID/fd ─► taploom capture: CaptureRingReader
//
//   | header, 64 KiB | records, each a multiple of 8 bytes, wrapping at the end … |
//
// A superframe's payload is copied once. It does not change on the way, so the record of the packet
// where it leaves holds its head only, and refers to the payload in the record where it entered:
//
//   | entered, id 7 | head | payload … | left, id 7, shared_size = that of the payload | head |
//
// The reader gives that one back only when the next packet enters, or nothing waits any more: all
// records of a packet appear together.
//
// One writer, one reader. `written` and `read` only grow; their difference is what waits. A record
// that does not fit is counted and left out: the reader's slowness is never the tenants' loss.
// Neither side trusts the other: the writer treats an impossible `read` as a full ring, and the
// reader checks every length against the ring before it follows it. The memfd is sealed against
// shrinking, so a mapping cannot be pulled away.
#ifndef TAPLOOM_DATAPLANE_OBSERVE_CAPTURE_RING_H_
#define TAPLOOM_DATAPLANE_OBSERVE_CAPTURE_RING_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/observe/gateway_passage.h"
#include "dataplane/observe/packet_filter.h"
#include "dataplane/packet.h"
#include "dataplane/verdict.h"

namespace taploom::observe {

inline constexpr std::uint64_t kCaptureMagic = 0x74'61'70'6c'6f'6f'6d'32;  // "taploom2"
inline constexpr std::size_t kCaptureHeaderSize = 64 * 1024;

struct CaptureRingHeader {
  std::uint64_t magic = kCaptureMagic;
  std::uint64_t capacity = 0;  // bytes of records, a power of two
  std::uint32_t snap_length = 0;
  std::uint32_t ended = 0;  // the writer has given up: nobody read for long
  alignas(64) std::atomic<std::uint64_t> written{0};
  std::atomic<std::uint64_t> lost{0};  // frames that did not fit
  alignas(64) std::atomic<std::uint64_t> read{0};
  // One bit per port: whether its frames are wanted.
  alignas(64) std::array<std::uint64_t, 1024> ports{};
  // A trace: of what enters at these ports and matches the filter, every so manieth packet.
  std::uint32_t sample_every = 0;  // 0: frames are recorded, nothing is traced
  std::uint32_t filter_size = 0;   // instructions
  std::array<FilterInstruction, PacketFilter::kMostInstructions> filter{};
};
static_assert(sizeof(CaptureRingHeader) <= kCaptureHeaderSize);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "the ring is between processes");

struct CaptureRecord {
  std::uint32_t size =
      0;  // of the whole record; 0 = the rest of the ring is empty, go to its start
  std::uint16_t port = 0;
  std::uint8_t is_outbound = 0;                     // to the instance
  std::uint8_t drop_reason = 0;                     // DropReason; a frame out with one was not sent
  std::uint64_t packet_id = 0;                      // the same wherever the packet was seen
  std::int64_t time_ns = 0;                         // since 1970
  std::uint32_t frame_size = 0, recorded_size = 0;  // of the frame, and how much of it is here
  // The last so many of the recorded bytes are the last of the record in which the packet entered;
  // the others stand behind this one …
  std::uint32_t shared_size = 0;
  std::uint16_t text_size = 0;      // … then text …
  std::uint16_t passage_count = 0;  // … and then so many GatewayPassages
  VnetHeader vnet;
  std::uint32_t spare_behind = 0;

  std::uint32_t own_size() const { return recorded_size - shared_size; }
  std::uint64_t passages_size() const { return passage_count * sizeof(GatewayPassage); }
};
static_assert(sizeof(CaptureRecord) == 56 && sizeof(CaptureRecord) % 8 == 0);

// The mapping of a ring, for either side.
class CaptureRingMemory {
 public:
  // Null, with a sentence in `error`, when there is no capture ring at that `place` of the file.
  // `size`: of a ring, as somebody who may ask has found out (the dataplane may not).
  static std::unique_ptr<CaptureRingMemory> Map(int descriptor, std::size_t size,
                                                std::string& error, std::size_t place = 0);
  // Makes rings in a sealed memfd, one for each of `workers`, side by side, and returns its
  // descriptor, or -1 with errno set. `capacity`: of each; rounded up to a power of two. Each takes
  // SizeOf(capacity) of the file.
  static int Make(std::size_t capacity, std::uint32_t snap_length,
                  std::span<const std::uint16_t> ports, std::size_t workers = 1);
  // The same for a trace. REQUIRES: sample_every > 0, at most kMostInstructions.
  static int MakeForTrace(std::size_t capacity, std::span<const std::uint16_t> ports,
                          std::uint32_t sample_every, std::span<const FilterInstruction> filter,
                          std::size_t workers = 1);
  static std::size_t SizeOf(std::size_t capacity);
  CaptureRingMemory(const CaptureRingMemory&) = delete;
  CaptureRingMemory& operator=(const CaptureRingMemory&) = delete;
  ~CaptureRingMemory();

  CaptureRingHeader& header() const { return *reinterpret_cast<CaptureRingHeader*>(memory_); }
  std::uint8_t* records() const { return memory_ + kCaptureHeaderSize; }
  std::uint64_t capacity() const { return capacity_; }  // as it was when mapped

 private:
  static int Make(const CaptureRingHeader& header, std::size_t workers);
  CaptureRingMemory(std::uint8_t* memory, std::size_t size, std::uint64_t capacity)
      : memory_(memory), size_(size), capacity_(capacity) {}

  std::uint8_t* memory_;
  std::size_t size_;
  std::uint64_t capacity_;
};

// Single thread. Records appear to the reader with Publish.
class CaptureRingWriter {
 public:
  explicit CaptureRingWriter(std::unique_ptr<CaptureRingMemory> memory);

  bool wants(std::uint16_t port) const { return (ports_[port / 64] >> (port % 64) & 1) != 0; }
  // Adds a record of the frame and returns it, to be completed until the next Publish; nullptr when
  // it does not fit and is counted as lost, or when the port's frames are not wanted. A frame that
  // leaves shares the tail of the one that entered under its id, when it is the same memory.
  CaptureRecord* Add(std::uint16_t port, bool is_outbound, std::uint64_t packet_id,
                     std::int64_t time_ns, const Packet& frame, std::size_t text_room);
  // Removes the record that was added last.
  void TakeBack(const CaptureRecord& record) {
    written_ -= record.size;
    entered_ = {};
  }
  // Puts `text` behind the bytes of the record that was added last, as much as it has room for,
  // then the passages, and gives the rest of the room back. REQUIRES: the room suffices for the
  // passages.
  void SetText(CaptureRecord& record, std::string_view text,
               std::span<const GatewayPassage> passages = {});
  void Publish();
  // Tells the reader that nothing more will come.
  void End() { memory_->header().ended = 1; }
  // Whether the reader has taken nothing since the last call although something waits.
  bool HasStalled();

 private:
  // What was recorded last of a packet that entered, as the worker knows it.
  struct Entered {
    std::uint64_t packet_id = 0;
    const std::uint8_t* tail = nullptr;
    std::uint32_t head_size = 0, tail_size = 0;
  };
  std::uint8_t* Reserve(std::size_t size);
  // How many of the recorded bytes of a frame that leaves are in the record that entered.
  std::uint32_t SharedSize(std::uint64_t packet_id, const Packet& frame,
                           std::uint32_t recorded) const;

  std::unique_ptr<CaptureRingMemory> memory_;
  std::array<std::uint64_t, 1024> ports_;
  std::uint32_t snap_length_;
  std::uint64_t written_ = 0, last_read_ = 0;
  Entered entered_;
};

// Single thread. Checks everything: the writer parses hostile frames and may be anybody by now.
class CaptureRingReader {
 public:
  struct Entry {
    CaptureRecord record;
    // What is recorded of the frame: its first kHeadCapacity bytes at most, and the rest.
    std::span<const std::uint8_t> head, tail;
    std::string_view text;
    std::vector<GatewayPassage> passages;
  };
  explicit CaptureRingReader(std::unique_ptr<CaptureRingMemory> memory)
      : memory_(std::move(memory)) {}

  // The next record, good until the next call, and that of a packet that entered until the next one
  // does; false when none waits. When the ring's contents make no sense, error() says so, and
  // nothing more comes.
  bool Next(Entry& entry);
  const std::string& error() const { return error_; }
  std::uint64_t lost() const { return memory_->header().lost.load(std::memory_order_relaxed); }
  bool has_ended() const { return memory_->header().ended != 0; }

 private:
  // Where the last packet that entered stands, until the next does: what leaves may refer to it.
  struct Entered {
    std::uint64_t begin = 0, packet_id = 0;
    std::span<const std::uint8_t> bytes;
  };
  bool Break();
  void GiveBack(std::uint64_t end);  // all before it

  std::unique_ptr<CaptureRingMemory> memory_;
  std::uint64_t read_ = 0, taken_ = 0;  // taken_: end of the entry that the caller looks at
  std::optional<Entered> entered_;
  std::string error_;
};

}  // namespace taploom::observe

#endif  // TAPLOOM_DATAPLANE_OBSERVE_CAPTURE_RING_H_
