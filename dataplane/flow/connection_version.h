// What the version of a place in the arena says (Connection::version).
#ifndef TAPLOOM_DATAPLANE_FLOW_CONNECTION_VERSION_H_
#define TAPLOOM_DATAPLANE_FLOW_CONNECTION_VERSION_H_

#include <cstdint>

namespace taploom::flow {

constexpr bool IsBeingMade(std::uint32_t version) { return version % 2 != 0; }

// When a connection is begun at the place: another than any before.
constexpr std::uint32_t BegunVersion(std::uint32_t version) { return (version + 2) | 1; }

// When it is complete, or given up; 0 would say that there has been none.
constexpr std::uint32_t EndedVersion(std::uint32_t version) {
  version += version % 2;
  return version == 0 ? 2 : version;
}

}  // namespace taploom::flow

#endif  // TAPLOOM_DATAPLANE_FLOW_CONNECTION_VERSION_H_
