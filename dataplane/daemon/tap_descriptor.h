// What a descriptor must be before the dataplane reads frames from it.
#ifndef TAPLOOM_DATAPLANE_DAEMON_TAP_DESCRIPTOR_H_
#define TAPLOOM_DATAPLANE_DAEMON_TAP_DESCRIPTOR_H_

#include <string>

namespace taploom::daemon {

// Empty when `descriptor` is a non-blocking queue of a TAP with IFF_VNET_HDR and a vnet header of
// 12 bytes. Otherwise what is wrong with it, as the end of a sentence that begins with "the
// descriptor" ("is not a TAP queue"). Whether IFF_NO_PI is set cannot be asked: TUNGETIFF reports
// IFF_NOFILTER in the same bit.
std::string DescribeTapProblem(int descriptor);

}  // namespace taploom::daemon

#endif  // TAPLOOM_DATAPLANE_DAEMON_TAP_DESCRIPTOR_H_
