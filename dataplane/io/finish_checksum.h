// FinishChecksum: does in software what a device with checksum offload would do on the way out.
//
// Needed wherever a frame leaves the world of vnet headers: IPv4 fragments, captures, ports without
// the offload.
#ifndef TAPLOOM_DATAPLANE_IO_FINISH_CHECKSUM_H_
#define TAPLOOM_DATAPLANE_IO_FINISH_CHECKSUM_H_

#include "dataplane/packet.h"

namespace taploom::io {

// Completes the partial L4 checksum of a frame whose vnet header says "needs checksum" (virtio 1.2
// §5.1.6.2): the field holds the pseudo-header's sum, and everything from checksum_start to the end
// of the frame is to be added. Then clears the flag. A frame that needs none is left as it is.
// Returns false, and changes nothing, when the vnet header points outside the frame: it is the
// sender's word and may be a lie. REQUIRES: not a GSO frame (Segmenter makes full checksums
// itself).
[[nodiscard]] bool FinishChecksum(Packet& packet);

}  // namespace taploom::io

#endif  // TAPLOOM_DATAPLANE_IO_FINISH_CHECKSUM_H_
