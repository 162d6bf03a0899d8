// Offloads: what senders may leave undone for their device, and what of it this kernel does right.
#ifndef TAPLOOM_CONTROL_NETNS_OFFLOADS_H_
#define TAPLOOM_CONTROL_NETNS_OFFLOADS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace taploom::netns {

// Checksums, and the segmentation of TCP and UDP (virtio 1.2 §5.1.3). The order is that of tests:
// nothing is segmented without checksums being finished.
enum class Offload : std::uint8_t { kChecksum, kTso4, kTso6, kUso4, kUso6 };
inline constexpr std::size_t kOffloadCount = 5;
inline constexpr std::array<Offload, kOffloadCount> kAllOffloads = {
    Offload::kChecksum, Offload::kTso4, Offload::kTso6, Offload::kUso4, Offload::kUso6};

std::string_view ToString(Offload offload);  // "TSO4"

enum class OffloadState : std::uint8_t {
  kWorks,
  kUntested,  // nothing could be sent to test it; it is used as far as the kernel has it
  kAbsent,    // this kernel has none: senders do the work before their device sees the frame
  kRefused,   // the kernel takes no such frame from us: it is cut before it is sent
  kCorrupts,  // bytes arrived changed, or did not arrive: senders do the work, and what there is
              // already is cut before it is sent
};

std::string_view ToString(OffloadState state);  // "works"

class Offloads {
 public:
  struct Result {
    OffloadState state = OffloadState::kUntested;
    std::string detail;  // why, when it does not simply work
  };

  const Result& operator[](Offload offload) const {
    return results_[static_cast<std::size_t>(offload)];
  }
  void Set(Offload offload, Result result) {
    results_[static_cast<std::size_t>(offload)] = std::move(result);
  }

  // Whether senders may leave it to their device.
  bool IsLeftToDevice(Offload offload) const;
  // The argument of TUNSETOFFLOAD for all that are.
  unsigned device_bits() const;
  // Kinds of superframes that must be cut before they are sent: a bit for each virtio gso_type.
  std::uint32_t superframes_to_cut() const;

 private:
  std::array<Result, kOffloadCount> results_;
};

// The superframes that `offload` makes, as a bit of superframes_to_cut(); 0 for the checksum.
std::uint32_t SuperframeBit(Offload offload);

// The argument of TUNSETOFFLOAD that has a device leave `offload`, and what it depends on, to the
// reader.
unsigned DeviceBits(Offload offload);

}  // namespace taploom::netns

#endif  // TAPLOOM_CONTROL_NETNS_OFFLOADS_H_
