// Words for packets and for the stages they meet, the same wherever they are told: `explain`,
// `explain --last-drop`, `trace`.
#ifndef TAPLOOM_CONTROL_EXPLAIN_WORDS_H_
#define TAPLOOM_CONTROL_EXPLAIN_WORDS_H_

#include <nlohmann/json.hpp>
#include <string>

#include "dataplane/slowpath/decision.h"
#include "dataplane/slowpath/sink.h"

namespace taploom::control {

// "10.0.2.50:40000", or the address alone for protocols without ports.
std::string SourceOf(const flow::FiveTuple& tuple);
std::string DestinationOf(const flow::FiveTuple& tuple);

// "10.0.2.50:40000 -> 5.6.7.8:443, tcp SYN"
std::string PacketText(const slowpath::PacketView& view);

// One line, and a second where addresses or ports change.
std::string StageText(const slowpath::StageReport& report);
// {stage, passed, component, name, rule, detail, before, after}; what is empty is left out.
nlohmann::ordered_json StageJson(const slowpath::StageReport& report);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_EXPLAIN_WORDS_H_
