#include "control/netns/offloads.h"

#include <linux/if_tun.h>

#include "dataplane/wire/vnet_header.h"

// Debian 12's headers are older than its users' kernels (UDP segmentation offload: Linux 6.2).
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

namespace taploom::netns {
namespace {

using wire::VnetHeader;

// Whether frames that need it may be handed to the kernel.
bool IsTaken(OffloadState state) {
  return state == OffloadState::kWorks || state == OffloadState::kUntested;
}

}  // namespace

std::string_view ToString(Offload offload) {
  constexpr std::string_view kNames[kOffloadCount] = {"checksum", "TSO4", "TSO6", "USO4", "USO6"};
  return kNames[static_cast<std::size_t>(offload)];
}

std::string_view ToString(OffloadState state) {
  constexpr std::string_view kNames[] = {"works", "untested", "absent", "refused", "corrupts"};
  return kNames[static_cast<std::size_t>(state)];
}

unsigned DeviceBits(Offload offload) {
  switch (offload) {
    case Offload::kChecksum:
      return TUN_F_CSUM;
    case Offload::kTso4:
      return TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO_ECN;
    case Offload::kTso6:
      return TUN_F_CSUM | TUN_F_TSO6 | TUN_F_TSO_ECN;
    case Offload::kUso4:
    case Offload::kUso6:
      // The kernel takes both or neither (drivers/net/tun.c, set_offload).
      return TUN_F_CSUM | TUN_F_USO4 | TUN_F_USO6;
  }
  return 0;
}

std::uint32_t SuperframeBit(Offload offload) {
  switch (offload) {
    case Offload::kChecksum:
      return 0;
    case Offload::kTso4:
      return 1u << VnetHeader::kGsoTcp4;
    case Offload::kTso6:
      return 1u << VnetHeader::kGsoTcp6;
    case Offload::kUso4:
    case Offload::kUso6:
      return 1u << VnetHeader::kGsoUdpL4;  // one type for both families
  }
  return 0;
}

bool Offloads::IsLeftToDevice(Offload offload) const {
  const auto is_received = [&](Offload each) {
    const OffloadState state = (*this)[each].state;
    return IsTaken(state) || state == OffloadState::kRefused;
  };
  if (!IsTaken((*this)[Offload::kChecksum].state)) return false;
  if (offload == Offload::kUso4 || offload == Offload::kUso6)
    return is_received(Offload::kUso4) && is_received(Offload::kUso6);
  return is_received(offload);
}

unsigned Offloads::device_bits() const {
  unsigned bits = 0;
  for (const Offload each : kAllOffloads) bits |= IsLeftToDevice(each) ? DeviceBits(each) : 0;
  return bits;
}

std::uint32_t Offloads::superframes_to_cut() const {
  std::uint32_t kinds = 0;
  for (const Offload each : kAllOffloads) {
    if (!IsTaken((*this)[each].state)) kinds |= SuperframeBit(each);
  }
  return kinds;
}

}  // namespace taploom::netns
