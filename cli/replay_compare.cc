// `replay --against`: the same packets through two topologies, and what would change.
#include <fmt/format.h>

#include "cli/replay_request.h"
#include "cli/talk.h"
#include "dataplane/replay/comparison.h"
#include "dataplane/slowpath/describe.h"

namespace taploom::cli {
namespace {

using nlohmann::ordered_json;
using replay::ChangedFlow;
using replay::ChangedGroup;
using replay::Comparison;
using replay::Replayer;

// Flows of one group that people are shown; programs get all.
constexpr std::size_t kShownFlows = 10;

std::string SourceOf(const flow::FiveTuple& tuple) {
  return slowpath::EndpointText(tuple.source, tuple.source_port, tuple.protocol);
}
std::string DestinationOf(const flow::FiveTuple& tuple) {
  return slowpath::EndpointText(tuple.destination, tuple.destination_port, tuple.protocol);
}

std::string Plural(std::size_t count) {
  return fmt::format("{} flow{}", count, count == 1 ? "" : "s");
}

std::string ReportText(const Comparison& comparison) {
  if (!comparison.has_changes())
    return fmt::format("nothing changes for the {} packets\n", comparison.packets());
  std::string text;
  for (const auto& [key, group] : comparison.groups()) {
    text += fmt::format("{} {}\n  before  {}\n  after   {}\n", Plural(group.flows.size()),
                        ToText(group.change), group.before, group.after);
    for (std::size_t i = 0; i < std::min(group.flows.size(), kShownFlows); ++i) {
      const ChangedFlow& flow = group.flows[i];
      text += fmt::format("    {} {} > {}, {} packet{} from number {}\n",
                          slowpath::ProtocolText(flow.captured.protocol), SourceOf(flow.captured),
                          DestinationOf(flow.captured), flow.packets, flow.packets == 1 ? "" : "s",
                          flow.first_packet);
    }
    if (group.flows.size() > kShownFlows)
      text +=
          fmt::format("    and {} more (-o json shows all)\n", group.flows.size() - kShownFlows);
  }
  return text;
}

ordered_json ReportJson(const Comparison& comparison) {
  ordered_json groups = ordered_json::array();
  for (const auto& [key, group] : comparison.groups()) {
    ordered_json flows = ordered_json::array();
    for (const ChangedFlow& flow : group.flows) {
      flows.push_back({{"protocol", slowpath::ProtocolText(flow.captured.protocol)},
                       {"source", SourceOf(flow.captured)},
                       {"destination", DestinationOf(flow.captured)},
                       {"packets", flow.packets},
                       {"first_packet", flow.first_packet}});
    }
    groups.push_back({{"change", ToText(group.change)},
                      {"before", group.before},
                      {"after", group.after},
                      {"flows", std::move(flows)}});
  }
  return {{"packets", comparison.packets()}, {"changes", std::move(groups)}};
}

}  // namespace

int CompareTopologies(const ReplayRequest& request) {
  const auto old_snapshot = SnapshotFor(request.topology);
  if (!old_snapshot.ok()) return Fail(old_snapshot.status());
  const auto new_snapshot = SnapshotFor(request.against);
  if (!new_snapshot.ok()) return Fail(new_snapshot.status());
  const auto old_port = EntranceOf(request, **old_snapshot);
  if (!old_port.ok()) return Fail(old_port.status());
  const auto new_port = EntranceOf(request, **new_snapshot);
  if (!new_port.ok()) return Fail(new_port.status());
  const auto source = OpenAll(request);
  if (!source.ok()) return Fail(source.status());

  Replayer before(*old_snapshot, {.in_port = *old_port, .map = request.map, .listens = true});
  Replayer after(*new_snapshot, {.in_port = *new_port, .map = request.map, .listens = true});
  Comparison comparison;
  io::CapturedFrame frame;
  while ((*source)->Next(frame)) {
    const bool was_new = before.Replay(frame), is_new = after.Replay(frame);
    if (was_new && is_new) comparison.Add(before, after);
  }
  fmt::print("{}", request.format == Format::kJson ? Render(ReportJson(comparison), Format::kJson)
                                                   : ReportText(comparison));
  if (!(*source)->error().empty())
    return Fail(kBadInput, fmt::format("{}; the {} packets before it were compared",
                                       (*source)->error(), comparison.packets()));
  return comparison.has_changes() ? kNegative : kDone;
}

}  // namespace taploom::cli
