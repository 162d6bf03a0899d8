// Transmit: does with a packet what its verdict says.
#ifndef TAPLOOM_DATAPLANE_WORKER_TRANSMIT_H_
#define TAPLOOM_DATAPLANE_WORKER_TRANSMIT_H_

#include "dataplane/packet.h"
#include "dataplane/pipeline.h"
#include "dataplane/worker/port_table.h"
#include "dataplane/worker/ring_observer.h"

namespace taploom::worker {

// Sends `packet` (cut where the verdict says so) and tells the pipeline's counters about every
// frame, and `observer` when there is one. The packet's buffers may be used up. When not all of it
// could be sent, the verdict afterwards is a drop for that reason.
void Transmit(Packet& packet, const PortTable& ports, Pipeline& pipeline,
              RingObserver* observer = nullptr);

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_TRANSMIT_H_
