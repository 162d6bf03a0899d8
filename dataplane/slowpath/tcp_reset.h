#ifndef TAPLOOM_DATAPLANE_SLOWPATH_TCP_RESET_H_
#define TAPLOOM_DATAPLANE_SLOWPATH_TCP_RESET_H_

#include "dataplane/packet.h"

namespace taploom::slowpath {

// Turns a TCP segment, not rewritten yet, into the RST that answers it in the name of its
// destination, as a host without such a connection would (RFC 9293 §3.10.7.1). REQUIRES:
// packet.headers.is_tcp(), IPv4, and the segment is no RST.
void TurnIntoReset(Packet& packet);

}  // namespace taploom::slowpath

#endif  // TAPLOOM_DATAPLANE_SLOWPATH_TCP_RESET_H_
