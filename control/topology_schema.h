// The JSON Schema (draft-07) of the topology file, for editors: what `taploom schema` prints.
#ifndef TAPLOOM_CONTROL_TOPOLOGY_SCHEMA_H_
#define TAPLOOM_CONTROL_TOPOLOGY_SCHEMA_H_

#include <string>

namespace taploom::control {

// Pretty-printed JSON ending in a newline. Parse() stays the authority: the schema knows keys and
// shapes, not rules.
std::string TopologySchema();

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_TOPOLOGY_SCHEMA_H_
