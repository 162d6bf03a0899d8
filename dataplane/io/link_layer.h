// LinkLayer: where the network layer begins in a frame of any link type that carries IP.
#ifndef TAPLOOM_DATAPLANE_IO_LINK_LAYER_H_
#define TAPLOOM_DATAPLANE_IO_LINK_LAYER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace taploom::io {

struct NetworkLayer {
  enum class Kind : std::uint8_t {
    kIp,           // an IPv4 or IPv6 packet at `offset`
    kOther,        // of another EtherType; `offset` is behind the link layer's header
    kCutShort,     // ends inside the link layer's header
    kUnknownLink,  // of a link type that is not known here
  };
  Kind kind = Kind::kUnknownLink;
  std::size_t offset = 0;
  std::uint16_t ether_type = 0;
  bool is_ethernet = false;  // the frame begins with an Ethernet header
};

// Ethernet with any number of VLAN tags (802.1Q, 802.1ad), raw IP, Linux cooked v1 and v2, BSD
// null and loop, PPP and Cisco HDLC. `link_type` as LINKTYPE_… or DLT_….
NetworkLayer FindNetworkLayer(int link_type, std::span<const std::uint8_t> frame);

// "RADIOTAP (127)", for messages.
std::string LinkTypeText(int link_type);

}  // namespace taploom::io

#endif  // TAPLOOM_DATAPLANE_IO_LINK_LAYER_H_
