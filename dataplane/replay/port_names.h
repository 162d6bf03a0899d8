// PortNames: what hangs on each port of a snapshot, by name.
#ifndef TAPLOOM_DATAPLANE_REPLAY_PORT_NAMES_H_
#define TAPLOOM_DATAPLANE_REPLAY_PORT_NAMES_H_

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dataplane/io/pcapng_writer.h"
#include "dataplane/tables/snapshot.h"

namespace taploom::replay {

struct PortName {
  std::string name;           // "web-1"; empty when nothing hangs on the port
  std::string id;             // "eni-…", or the internet host's
  std::string description;    // "eni-… in subnet app-a"
  std::string json = "\"\"";  // the name as a JSON string
};

// A copy: it does not refer to the snapshot afterwards.
class PortNames {
 public:
  explicit PortNames(const tables::Snapshot& snapshot);

  const PortName& operator[](tables::PortId port) const;
  // By name or id; kNoPort when there is none. "front" finds the first node of a load balancer.
  tables::PortId Find(std::string_view text) const;
  std::size_t size() const { return ports_.size(); }
  std::vector<std::string> names() const;

 private:
  std::vector<PortName> ports_;  // by PortId
  std::unordered_map<std::string, tables::PortId, tables::NameHash, std::equal_to<>> by_text_;
};

// Every address of the fabric and whose it is, for a name resolution block.
io::AddressNames AddressNamesOf(const tables::Snapshot& snapshot);

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_PORT_NAMES_H_
