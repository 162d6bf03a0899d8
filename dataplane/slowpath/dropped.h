// What is remembered of a dropped packet, so that it can be decided again and explained.
#ifndef TAPLOOM_DATAPLANE_SLOWPATH_DROPPED_H_
#define TAPLOOM_DATAPLANE_SLOWPATH_DROPPED_H_

#include "dataplane/observe/last_drop.h"
#include "dataplane/packet.h"
#include "dataplane/tick.h"

namespace taploom::slowpath {

// Kernels announce themselves to groups all the time, and that is always dropped: remembered, it
// would hide what somebody misses.
inline bool IsWorthRemembering(const Packet& packet) {
  return packet.headers.kind == wire::FrameKind::kIp &&
         packet.verdict.drop_reason != DropReason::kNotUnicast;
}

// REQUIRES: the packet has a verdict with a reason.
observe::DroppedPacket DroppedOf(const Packet& packet, Tick now);

}  // namespace taploom::slowpath

#endif  // TAPLOOM_DATAPLANE_SLOWPATH_DROPPED_H_
