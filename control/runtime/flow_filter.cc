#include "control/runtime/flow_filter.h"

#include <algorithm>

#include "dataplane/wire/ip_address.h"

namespace taploom::runtime {
namespace {

// Rows write an end as "10.0.2.50:443" or "[2001:db8::1]:443".
bool IsEnd(const std::string& end, const std::string& wanted) {
  if (end == wanted) return true;
  const auto address = wire::IpAddress::Parse(wanted);
  if (!address) return false;
  const std::string written =
      address->is_v4() ? address->ToString() + ":" : "[" + address->ToString() + "]:";
  return end.starts_with(written);
}

// "sgr-0123456789abcdef…" is what is left of the id of a rule that is gone.
bool IsRule(const std::string& shown, const std::string& wanted) {
  constexpr std::string_view kRest = "…";
  if (shown.empty()) return false;
  if (!shown.ends_with(kRest)) return shown == wanted;
  return shown == wanted || wanted.starts_with(shown.substr(0, shown.size() - kRest.size()));
}

}  // namespace

const std::vector<FlowFilterField>& FlowFilterFields() {
  static const std::vector<FlowFilterField> fields = {
      {"from", &FlowFilter::from},         {"to", &FlowFilter::to},
      {"protocol", &FlowFilter::protocol}, {"state", &FlowFilter::state},
      {"nat", &FlowFilter::nat},           {"rule", &FlowFilter::rule},
      {"endpoint", &FlowFilter::endpoint}};
  return fields;
}

bool Matches(const FlowFilter& filter, const Row& row) {
  const auto text = [&row](const char* key) { return row.at(key).get<std::string>(); };
  const auto is = [&](const char* key, const std::string& wanted) {
    return wanted.empty() || text(key) == wanted;
  };
  if (!is("from", filter.from) || !is("to", filter.to) || !is("protocol", filter.protocol) ||
      !is("state", filter.state) || !is("nat", filter.nat))
    return false;
  if (!filter.rule.empty() && !IsRule(text("egress_rule"), filter.rule) &&
      !IsRule(text("ingress_rule"), filter.rule))
    return false;
  constexpr const char* kEnds[] = {"source", "destination", "translated_source",
                                   "translated_destination"};
  return filter.endpoint.empty() ||
         std::any_of(std::begin(kEnds), std::end(kEnds),
                     [&](const char* end) { return IsEnd(text(end), filter.endpoint); });
}

}  // namespace taploom::runtime
