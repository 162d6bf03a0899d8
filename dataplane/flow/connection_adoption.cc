// What a table of an earlier process has left, taken over.
#include <unistd.h>

#include <algorithm>

#include "dataplane/flow/connection_table.h"
#include "dataplane/flow/connection_version.h"
#include "dataplane/flow/conntrack.h"
#include "dataplane/wire/layout.h"

namespace taploom::flow {
namespace {

constexpr std::uint16_t kLargestPort = 65'534;  // as control numbers them

// Of a memfd: the end of what has ever been touched, in bytes. Finding that does not touch it.
std::size_t EndOfTouched(int descriptor) {
  off_t end = 0;
  for (off_t begin = lseek(descriptor, 0, SEEK_DATA); begin >= 0;
       begin = lseek(descriptor, end, SEEK_DATA)) {
    end = lseek(descriptor, begin, SEEK_HOLE);
  }
  return static_cast<std::size_t>(end);
}

bool IsStateOf(ConnectionState state, std::uint8_t protocol) {
  switch (protocol) {
    case wire::kProtocolTcp:
      return state <= ConnectionState::kTcpReset;
    case wire::kProtocolUdp:
      return state >= ConnectionState::kUdpOneWay && state <= ConnectionState::kUdpStream;
    case wire::kProtocolIcmp:
    case wire::kProtocolIcmpv6:
      return state == ConnectionState::kIcmp;
    default:
      return state == ConnectionState::kOther;
  }
}

// A key as a packet would have it: what is written twice (of an IPv6 address) is written alike.
bool IsKey(const Connection& connection, FlowDirection direction) {
  const FlowKey key = connection.key(direction);
  const KeyView view(key);
  return key.ingress_port >= 1 && key.ingress_port <= kLargestPort &&
         view.packed == connection.packed_key(direction) &&
         view.is_v6() == connection.has(Connection::kIpv6);
}

bool IsNatBinding(const Connection& connection) {
  const PackedKey& reply = connection.packed_key(FlowDirection::kReply);
  return !connection.has(Connection::kIpv6) && connection.has(Connection::kReplyInTable) &&
         connection.nat_port >= NatPorts::kFirstPort &&
         connection.nat_port == reply.destination_port();
}

// Whether this is a connection that a table has completed and not freed, as it is between two
// packets. Everything that the table or its callers go by without asking is asked here.
bool IsSound(const Connection& connection, Tick now) {
  const std::uint8_t protocol = connection.packed_key(FlowDirection::kOriginal).protocol();
  if (connection.version == 0 || IsBeingMade(connection.version)) return false;
  if (!connection.has(Connection::kLive)) return false;
  if (!IsStateOf(connection.state, protocol) || connection.first_fin > FlowDirection::kReply)
    return false;
  if (connection.packed_key(FlowDirection::kReply).protocol() != protocol) return false;
  if (!IsKey(connection, FlowDirection::kOriginal) || !IsKey(connection, FlowDirection::kReply))
    return false;
  if (Tick{0} > connection.created || connection.created > connection.last_seen ||
      connection.last_seen > now)
    return false;
  if (connection.has(Connection::kNat)) return IsNatBinding(connection);
  return !connection.is_marked(Connection::kMappingOnly);
}

}  // namespace

// One past the last place that a connection has ever been made at.
std::uint32_t ConnectionTable::EndOfUse() const {
  const std::size_t touched =
      (EndOfTouched(memory_descriptor_) + sizeof(Connection) - 1) / sizeof(Connection);
  auto end = static_cast<std::uint32_t>(std::min<std::size_t>(touched, options_.capacity));
  while (end > 0 && arena_[end - 1].version == 0) --end;
  return end;
}

// Backwards, so that the free list begins with the first free place.
std::uint32_t ConnectionTable::Adopt(Tick now, const std::function<bool(Connection&)>& accept) {
  wheel_.BeginAt(now);
  used_ = EndOfUse();
  for (std::uint32_t index = used_; index-- > 0;) {
    if (!AdoptAt(index, now, accept)) Discard(index);
  }
  return size();
}

bool ConnectionTable::AdoptAt(std::uint32_t index, Tick now,
                              const std::function<bool(Connection&)>& accept) {
  Connection& connection = arena_[index];
  if (!IsSound(connection, now) || !accept(connection) || !InsertKeysOf(connection)) return false;
  // Its interfaces may have been about to forget it.
  if (connection.is_marked(Connection::kMappingOnly)) {
    connection.flags &= static_cast<std::uint8_t>(
        ~(Connection::kTrackedAtSource | Connection::kTrackedAtDestination));
  }
  for (Half& half : connection.halves) half.action.generation |= FlowAction::kOutdated;
  CountIn(connection);
  connection.wheel_previous = TimingWheel::kNil;
  wheel_.Schedule(index, connection.last_seen + Tick(connection.timeout_ms));
  return true;
}

// What a live connection counts towards; Free takes it back.
void ConnectionTable::CountIn(Connection& connection) {
  if (connection.has(Connection::kNat)) {
    HoldNatPort(connection, connection.nat_address, connection.nat_port, connection.nat_gateway);
  }
  if (!connection.is_marked(Connection::kMappingOnly))
    use_->AddAtPorts(connection.keys[0].ingress_port(), connection.keys[1].ingress_port());
  use_->AddToTotal();
  SetSize(size() + 1);
}

// Those that it had in the table. False when there is no room for one of them, or when another
// connection has it, and then neither is there.
bool ConnectionTable::InsertKeysOf(const Connection& connection) {
  const std::uint32_t reference = IndexOf(connection) * 2 + 1;
  const KeyView original = connection.key_view(FlowDirection::kOriginal);
  const Places places = PlacesOf(original);
  if (FindReference(original, places) != kEmpty || !InsertReference(places, reference))
    return false;
  if (!connection.has(Connection::kReplyInTable)) return true;
  const KeyView reply = connection.key_view(FlowDirection::kReply);
  const Places reply_places = PlacesOf(reply);
  if (FindReference(reply, reply_places) == kEmpty && InsertReference(reply_places, reference + 1))
    return true;
  RemoveReference(places, reference);
  return false;
}

// Nobody is at the place, and its next connection has another version.
void ConnectionTable::Discard(std::uint32_t index) {
  Connection& connection = arena_[index];
  connection.flags = 0;
  connection.version = EndedVersion(connection.version);
  connection.wheel_previous = TimingWheel::kNil;
  connection.wheel_next = free_list_;
  free_list_ = index;
}

}  // namespace taploom::flow
