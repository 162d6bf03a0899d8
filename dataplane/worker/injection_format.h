// What goes over the socket by which frames are injected into a running worker.
//
//   replay --live  ── InjectedFrame, frame ──►  worker     one message per frame
//                  ◄── InjectionReport, … ────             one message per burst
//
// A Unix SOCK_SEQPACKET pair: messages keep their boundaries and order, a full socket makes the
// sender wait, and the end that is left notices when the other goes. Nothing here is trusted: the
// worker reads a frame as it reads a TAP's.
#ifndef TAPLOOM_DATAPLANE_WORKER_INJECTION_FORMAT_H_
#define TAPLOOM_DATAPLANE_WORKER_INJECTION_FORMAT_H_

#include <array>
#include <cstdint>
#include <type_traits>

#include "dataplane/flow/five_tuple.h"
#include "dataplane/packet.h"

namespace taploom::worker {

// In front of every frame.
struct InjectedFrame {
  std::uint16_t port = 0;  // where the frame enters, as if that port's instance had sent it
  std::uint16_t spare = 0;
  VnetHeader vnet;
};
static_assert(sizeof(InjectedFrame) == 16);

// What became of one frame.
struct InjectionOutcome {
  enum class Kind : std::uint8_t {
    kLost,      // dropped for `drop_reason`
    kSent,      // is on the device of `port`, whole or in fragments, as `after`
    kAnswered,  // the fabric answered itself, out of `port`; dropped when there is a reason too
  };
  Kind kind = Kind::kLost;
  std::uint8_t drop_reason = 0;  // DropReason
  std::uint16_t port = 0;
  flow::FiveTuple after;  // of an IP packet that was sent
  std::uint16_t spare = 0;
};
static_assert(sizeof(InjectionOutcome) == 44);

// The outcomes of consecutive frames, in their order.
struct InjectionReport {
  static constexpr std::size_t kMost = 32;

  std::uint64_t first = 0;  // number of the first frame, from 0; those before it that no report
                            // told of are not known: the socket was full
  std::uint32_t count = 0;
  std::uint32_t spare = 0;
  std::array<InjectionOutcome, kMost> outcomes;

  std::size_t size() const { return sizeof *this - (kMost - count) * sizeof(InjectionOutcome); }
};
static_assert(std::is_trivially_copyable_v<InjectionReport>);

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_INJECTION_FORMAT_H_
