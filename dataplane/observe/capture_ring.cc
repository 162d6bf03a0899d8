#include "dataplane/observe/capture_ring.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <new>

namespace taploom::observe {
namespace {

constexpr std::size_t kLeastCapacity = 1 << 20, kMostCapacity = std::size_t{1} << 30;

constexpr std::size_t Aligned(std::size_t size) { return (size + 7) & ~std::size_t{7}; }

std::size_t TextRoom(const CaptureRecord& record) {
  return record.size - sizeof(CaptureRecord) - record.own_size();
}

std::unique_ptr<CaptureRingHeader> HeaderFor(std::size_t capacity,
                                             std::span<const std::uint16_t> ports) {
  auto header = std::make_unique<CaptureRingHeader>();
  header->capacity = CaptureRingMemory::SizeOf(capacity) - kCaptureHeaderSize;
  for (const std::uint16_t port : ports) header->ports[port / 64] |= std::uint64_t{1} << port % 64;
  return header;
}

}  // namespace

std::size_t CaptureRingMemory::SizeOf(std::size_t capacity) {
  return kCaptureHeaderSize + std::bit_ceil(std::clamp(capacity, kLeastCapacity, kMostCapacity));
}

int CaptureRingMemory::Make(std::size_t capacity, std::uint32_t snap_length,
                            std::span<const std::uint16_t> ports, std::size_t workers) {
  const auto header = HeaderFor(capacity, ports);
  header->snap_length = snap_length;
  return Make(*header, workers);
}

int CaptureRingMemory::MakeForTrace(std::size_t capacity, std::span<const std::uint16_t> ports,
                                    std::uint32_t sample_every,
                                    std::span<const FilterInstruction> filter,
                                    std::size_t workers) {
  const auto header = HeaderFor(capacity, ports);
  header->sample_every = sample_every;
  header->filter_size = static_cast<std::uint32_t>(filter.size());
  std::copy(filter.begin(), filter.end(), header->filter.begin());
  return Make(*header, workers);
}

int CaptureRingMemory::Make(const CaptureRingHeader& header, std::size_t workers) {
  const std::size_t size = kCaptureHeaderSize + header.capacity;
  const int descriptor = memfd_create("taploom-capture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (descriptor < 0) return -1;
  bool is_made = ftruncate(descriptor, static_cast<off_t>(workers * size)) == 0 &&
                 fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
  for (std::size_t i = 0; i < workers && is_made; ++i) {
    // Its atomics are zeros, which it is made of anyway.
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&header);
    is_made = pwrite(descriptor, bytes, sizeof header, static_cast<off_t>(i * size)) ==
              static_cast<ssize_t>(sizeof header);
  }
  if (is_made) return descriptor;
  const int error_number = errno;
  close(descriptor);
  errno = error_number;
  return -1;
}

std::unique_ptr<CaptureRingMemory> CaptureRingMemory::Map(int descriptor, std::size_t size,
                                                          std::string& error, std::size_t place) {
  if (size <= kCaptureHeaderSize || size > kCaptureHeaderSize + kMostCapacity ||
      size % kCaptureHeaderSize != 0) {
    error = "The descriptor is no capture ring.";
    return nullptr;
  }
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor,
                      static_cast<off_t>(place * size));
  if (memory == MAP_FAILED) {
    error = std::string("The capture ring cannot be mapped: ") + std::strerror(errno) + ".";
    return nullptr;
  }
  std::unique_ptr<CaptureRingMemory> ring(
      new CaptureRingMemory(static_cast<std::uint8_t*>(memory), size,
                            static_cast<const CaptureRingHeader*>(memory)->capacity));
  const bool is_ring = ring->header().magic == kCaptureMagic &&
                       std::has_single_bit(ring->capacity_) &&
                       ring->capacity_ == size - kCaptureHeaderSize;
  if (!is_ring) {
    error = "The descriptor is no capture ring.";
    return nullptr;
  }
  return ring;
}

CaptureRingMemory::~CaptureRingMemory() { munmap(memory_, size_); }

CaptureRingWriter::CaptureRingWriter(std::unique_ptr<CaptureRingMemory> memory)
    : memory_(std::move(memory)),
      ports_(memory_->header().ports),
      snap_length_(memory_->header().snap_length),
      written_(memory_->header().written.load(std::memory_order_relaxed)) {}

std::uint8_t* CaptureRingWriter::Reserve(std::size_t size) {
  const std::uint64_t capacity = memory_->capacity();
  const std::uint64_t used = written_ - memory_->header().read.load(std::memory_order_acquire);
  const std::uint64_t offset = written_ & (capacity - 1);
  const std::uint64_t skipped = offset + size > capacity ? capacity - offset : 0;
  if (used > capacity || used + skipped + size > capacity) return nullptr;
  if (skipped != 0) {
    // Offsets are multiples of 8, so the size field of a record that ends the turn always fits.
    std::memset(memory_->records() + offset, 0, sizeof(CaptureRecord::size));
    written_ += skipped;
  }
  std::uint8_t* place = memory_->records() + (written_ & (capacity - 1));
  written_ += size;
  return place;
}

CaptureRecord* CaptureRingWriter::Add(std::uint16_t port, bool is_outbound, std::uint64_t packet_id,
                                      std::int64_t time_ns, const Packet& frame,
                                      std::size_t text_room) {
  if (!wants(port)) return nullptr;
  const std::uint32_t recorded = std::min(frame.size(), snap_length_);
  const std::uint32_t shared = is_outbound ? SharedSize(packet_id, frame, recorded) : 0;
  const std::uint32_t own = recorded - shared;
  const std::size_t size = Aligned(sizeof(CaptureRecord) + own + text_room);
  std::uint8_t* place = Reserve(size);
  if (place == nullptr) {
    std::atomic<std::uint64_t>& lost = memory_->header().lost;
    lost.store(lost.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return nullptr;
  }
  auto* record = new (place) CaptureRecord;
  record->size = static_cast<std::uint32_t>(size);
  record->port = port;
  record->is_outbound = is_outbound ? 1 : 0;
  record->packet_id = packet_id;
  record->time_ns = time_ns;
  record->frame_size = frame.size();
  record->recorded_size = recorded;
  record->shared_size = shared;
  record->vnet = frame.vnet;
  const std::uint32_t in_head = std::min(recorded, frame.head_size);
  // A trace records no bytes, and nothing may not be copied from nowhere.
  if (in_head > 0) std::memcpy(place + sizeof(CaptureRecord), frame.head, in_head);
  if (own > in_head)
    std::memcpy(place + sizeof(CaptureRecord) + in_head, frame.tail, own - in_head);
  if (!is_outbound) entered_ = {packet_id, frame.tail, frame.head_size, frame.tail_size};
  return record;
}

std::uint32_t CaptureRingWriter::SharedSize(std::uint64_t packet_id, const Packet& frame,
                                            std::uint32_t recorded) const {
  const bool is_same = packet_id == entered_.packet_id && frame.tail == entered_.tail &&
                       frame.tail_size == entered_.tail_size &&
                       frame.head_size == entered_.head_size;
  return is_same && recorded > frame.head_size ? recorded - frame.head_size : 0;
}

void CaptureRingWriter::SetText(CaptureRecord& record, std::string_view text,
                                std::span<const GatewayPassage> passages) {
  text = text.substr(0, TextRoom(record) - passages.size_bytes());
  record.text_size = static_cast<std::uint16_t>(text.size());
  record.passage_count = static_cast<std::uint16_t>(passages.size());
  std::uint8_t* place =
      reinterpret_cast<std::uint8_t*>(&record) + sizeof record + record.own_size();
  place = std::copy(text.begin(), text.end(), place);
  if (!passages.empty()) std::memcpy(place, passages.data(), passages.size_bytes());
  const std::size_t used =
      Aligned(sizeof record + record.own_size() + text.size() + passages.size_bytes());
  written_ -= record.size - used;
  record.size = static_cast<std::uint32_t>(used);
}

void CaptureRingWriter::Publish() {
  memory_->header().written.store(written_, std::memory_order_release);
}

bool CaptureRingWriter::HasStalled() {
  const std::uint64_t read = memory_->header().read.load(std::memory_order_relaxed);
  const bool has_stalled = read == last_read_ && read != written_;
  last_read_ = read;
  return has_stalled;
}

bool CaptureRingReader::Break() {
  error_ = "the dataplane wrote something into the capture ring that is no record";
  return false;
}

void CaptureRingReader::GiveBack(std::uint64_t end) {
  if (end == read_) return;
  read_ = end;
  memory_->header().read.store(read_, std::memory_order_release);
}

bool CaptureRingReader::Next(Entry& entry) {
  if (!error_.empty()) return false;
  const std::uint64_t capacity = memory_->capacity();
  const std::uint64_t waiting = memory_->header().written.load(std::memory_order_acquire) - taken_;
  if (waiting == 0) {
    entered_.reset();
    GiveBack(taken_);
    return false;
  }
  std::uint64_t begin = taken_;
  std::uint64_t offset = begin & (capacity - 1);
  std::uint64_t skipped = 0;
  if (waiting > capacity || waiting % 8 != 0) return Break();
  std::uint32_t size = 0;
  std::memcpy(&size, memory_->records() + offset, sizeof size);
  if (size == 0) {
    skipped = capacity - offset;
    begin += skipped;
    offset = 0;
    if (skipped >= waiting) return Break();
  }
  if (waiting - skipped < sizeof(CaptureRecord) || capacity - offset < sizeof(CaptureRecord))
    return Break();
  // Copied before it is checked: the other side could change it in between.
  std::memcpy(&entry.record, memory_->records() + offset, sizeof entry.record);
  const CaptureRecord& record = entry.record;
  if (record.shared_size > record.recorded_size) return Break();
  const std::uint64_t contents =
      std::uint64_t{record.own_size()} + record.text_size + record.passages_size();
  if (record.size % 8 != 0 || record.size < sizeof(CaptureRecord) ||
      record.size > waiting - skipped || record.size > capacity - offset ||
      contents > record.size - sizeof(CaptureRecord) || record.recorded_size > record.frame_size ||
      record.drop_reason >= kDropReasonCount) {
    return Break();
  }
  const std::uint8_t* bytes = memory_->records() + offset + sizeof(CaptureRecord);
  const std::span own(bytes, record.own_size());
  entry.text = {reinterpret_cast<const char*>(bytes) + own.size(), record.text_size};
  entry.passages.resize(record.passage_count);
  if (record.passage_count != 0)
    std::memcpy(entry.passages.data(), bytes + own.size() + record.text_size,
                record.passages_size());
  entry.head = own.first(std::min(own.size(), Packet::kHeadCapacity));
  entry.tail = own.subspan(entry.head.size());
  if (record.shared_size != 0) {
    const bool is_there = entered_ && record.is_outbound != 0 &&
                          entered_->packet_id == record.packet_id && entry.tail.empty() &&
                          record.shared_size <= entered_->bytes.size();
    if (!is_there) return Break();
    entry.tail = entered_->bytes.last(record.shared_size);
  }
  if (record.is_outbound == 0) entered_ = Entered{begin, record.packet_id, own};
  GiveBack(entered_ ? entered_->begin : begin);
  taken_ = begin + record.size;
  return true;
}

}  // namespace taploom::observe
