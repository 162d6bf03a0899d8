#ifndef TAPLOOM_TESTS_SUPPORT_FRAME_H_
#define TAPLOOM_TESTS_SUPPORT_FRAME_H_

#include <cstdint>
#include <vector>

#include "dataplane/packet.h"

namespace taploom::test {

// A frame as it lies on a TAP: offload words and bytes.
struct Frame {
  std::vector<std::uint8_t> bytes;
  VnetHeader vnet;
};

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_SUPPORT_FRAME_H_
