// Transmit: does with a packet what its verdict says.
#ifndef TAPLOOM_DATAPLANE_WORKER_TRANSMIT_H_
#define TAPLOOM_DATAPLANE_WORKER_TRANSMIT_H_

#include "dataplane/packet.h"
#include "dataplane/pipeline.h"
#include "dataplane/worker/outbox.h"
#include "dataplane/worker/port_table.h"
#include "dataplane/worker/ring_observer.h"

namespace taploom::worker {

// Puts `packet` into the outbox, where it stays until the caller flushes it. One that is to be
// fragmented is sent at once, behind what is in the outbox already; its buffers may be used up.
// What fails here and now is told to the pipeline's counters and to `observer` (may be null). When
// not all of it could be sent, the verdict afterwards, here or behind the flush, is a drop for that
// reason.
void Transmit(Packet& packet, const PortTable& ports, Pipeline& pipeline, Outbox& outbox,
              RingObserver* observer);

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_TRANSMIT_H_
