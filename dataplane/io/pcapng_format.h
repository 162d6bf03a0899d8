// The numbers of pcapng (draft-ietf-opsawg-pcapng) that reader and writer share.
#ifndef TAPLOOM_DATAPLANE_IO_PCAPNG_FORMAT_H_
#define TAPLOOM_DATAPLANE_IO_PCAPNG_FORMAT_H_

#include <cstdint>

namespace taploom::io::pcapng {

inline constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a, kInterface = 1, kObsoletePacket = 2,
                               kSimplePacket = 3, kNameResolution = 4, kInterfaceStatistics = 5,
                               kEnhancedPacket = 6;
inline constexpr std::uint32_t kByteOrderMagic = 0x1a2b3c4d;

inline constexpr std::uint16_t kEndOfOptions = 0, kComment = 1;
inline constexpr std::uint16_t kApplication = 4;                             // of a section
inline constexpr std::uint16_t kName = 2, kDescription = 3, kClockUnit = 9,  // of an interface
    kClockOffset = 14;
inline constexpr std::uint16_t kFlags = 2, kPacketId = 5;    // of a packet
inline constexpr std::uint16_t kReceived = 4, kDropped = 5;  // of statistics

inline constexpr std::uint16_t kIpv4Name = 1, kIpv6Name = 2;  // of a name resolution block

inline constexpr std::uint16_t kLinkTypeEthernet = 1;

}  // namespace taploom::io::pcapng

#endif  // TAPLOOM_DATAPLANE_IO_PCAPNG_FORMAT_H_
