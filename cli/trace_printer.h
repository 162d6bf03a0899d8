// TracePrinter: records of a traced packet as lines for people or as one line of JSON each.
#ifndef TAPLOOM_CLI_TRACE_PRINTER_H_
#define TAPLOOM_CLI_TRACE_PRINTER_H_

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/render.h"
#include "cli/ring_session.h"
#include "dataplane/config/traced_packet.pb.h"

namespace taploom::cli {

class TracePrinter {
 public:
  TracePrinter(const std::vector<CaptureInterface>& interfaces, Format format);

  // What the entry says, ending in a newline; nullopt when it says nothing that can be understood.
  std::optional<std::string> Print(const RingSession::Entry& entry) const;

 private:
  std::string NameOf(std::uint32_t port) const;
  std::string Text(const RingSession::Entry& entry, const config::TracedPacket& packet) const;
  std::string OutcomeText(const RingSession::Entry& entry,
                          const config::TracedPacket& packet) const;
  nlohmann::ordered_json Json(const RingSession::Entry& entry,
                              const config::TracedPacket& packet) const;

  const Format format_;
  std::map<std::uint32_t, std::string> names_;  // by port
};

}  // namespace taploom::cli

#endif  // TAPLOOM_CLI_TRACE_PRINTER_H_
