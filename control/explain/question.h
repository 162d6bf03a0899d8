// What the words of a question mean: "web-1" and "db-1:3306/tcp" become a packet that would be
// sent.
#ifndef TAPLOOM_CONTROL_EXPLAIN_QUESTION_H_
#define TAPLOOM_CONTROL_EXPLAIN_QUESTION_H_

#include <optional>
#include <string>
#include <vector>

#include "dataplane/config/fabric_config.pb.h"
#include "dataplane/slowpath/explain.h"
#include "dataplane/tables/snapshot.h"

namespace taploom::control {

// One end of a question: something that has a port, and its addresses.
struct Party {
  std::string name;
  tables::PortId port = tables::kNoPort;
  std::vector<tables::EniAddress> addresses;
  tables::EniIndex eni;  // none for internet hosts, and for addresses nobody owns
  tables::VpcIndex vpc;  // the ENI's
};

struct Asked {
  slowpath::Question question;
  Party source, destination;
  std::string unresolved;  // not empty: the destination is a name that the sender's resolver does
                           // not know; the question has no destination then
};

// "internet" is a host that no topology holds: it is added to the configuration before it is
// compiled, with an address for documentation (RFC 5737).
void AddAnyInternetHost(config::FabricConfig& config);

// The words of ExplainPath (explain.h). nullopt when they make no sense, which `error` then says.
std::optional<Asked> ParseQuestion(const tables::Snapshot& snapshot, const std::string& source,
                                   const std::string& destination, std::string& error);

// The party behind a port.
Party PartyAt(const tables::Snapshot& snapshot, tables::PortId port);
// The one that an address means to somebody in `near`, or on the internet when that is none.
Party PartyWith(const tables::Snapshot& snapshot, const wire::IpAddress& address,
                tables::VpcIndex near);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_EXPLAIN_QUESTION_H_
