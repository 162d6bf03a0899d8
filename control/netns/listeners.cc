#include "control/netns/listeners.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>

#include "control/netns/network_namespace.h"
#include "control/process/host_error.h"

namespace taploom::netns {
namespace {

constexpr std::uint8_t kTcp = 6;
// States as the tables write them: TCP_LISTEN, and TCP_CLOSE for a UDP socket without a peer.
constexpr std::string_view kTcpListening = "0A", kUdpUnconnected = "07";

struct LocalEnd {
  wire::IpAddress address;
  std::uint16_t port = 0;
};

// "0100007F:1F90": the address in words of 32 bits as the host stores them, then the port.
std::optional<LocalEnd> ParseEnd(const std::string& text) {
  const auto colon = text.find(':');
  if (colon != 8 && colon != 32) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t word = 0; word * 8 < colon; ++word) {
    std::uint32_t value = 0;
    const char* const digits = text.data() + word * 8;
    if (std::from_chars(digits, digits + 8, value, 16).ptr != digits + 8) return std::nullopt;
    std::memcpy(bytes.data() + word * 4, &value, 4);
  }
  LocalEnd end;
  end.address = colon == 8 ? wire::IpAddress::V4FromBytes(bytes.data())
                           : wire::IpAddress::V6FromBytes(bytes.data());
  const char* const digits = text.data() + colon + 1;
  const char* const last = text.data() + text.size();
  if (std::from_chars(digits, last, end.port, 16).ptr != last) return std::nullopt;
  return end;
}

std::optional<std::string> ReadTable(const char* name) {
  // The thread's own: only that one has entered the namespace.
  std::ifstream file(fmt::format("/proc/thread-self/net/{}", name), std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

bool TableListens(std::string_view table, std::uint8_t protocol, const wire::IpAddress& address,
                  std::uint16_t port) {
  std::istringstream lines{std::string(table)};
  std::string line;
  std::getline(lines, line);  // the heading
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string slot, local, remote, state;
    if (!(fields >> slot >> local >> remote >> state)) continue;
    if (state != (protocol == kTcp ? kTcpListening : kUdpUnconnected)) {
      if (protocol == kTcp) return false;  // the kernel lists listening sockets first
      continue;
    }
    const auto end = ParseEnd(local);
    if (end && end->port == port && (end->address == address || end->address.is_unspecified()))
      return true;
  }
  return false;
}

absl::StatusOr<bool> Listens(int namespace_fd, std::uint8_t protocol,
                             const wire::IpAddress& address, std::uint16_t port) {
  bool listens = false;
  const absl::Status status = InNamespace(namespace_fd, [&] {
    const bool is_tcp = protocol == kTcp;
    // A socket of the IPv6 table that is bound to "::" hears IPv4 too, unless it says otherwise.
    for (const char* name : {is_tcp ? "tcp" : "udp", is_tcp ? "tcp6" : "udp6"}) {
      const auto table = ReadTable(name);
      if (!table) {
        if (name[3] == '6') continue;  // a kernel without IPv6
        return process::HostError(fmt::format("read the namespace's table of {} sockets", name),
                                  errno);
      }
      listens = listens || TableListens(*table, protocol, address, port);
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return listens;
}

}  // namespace taploom::netns
