#include "dataplane/observe/counter_report.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dataplane/verdict.h"

namespace taploom::observe {
namespace {

std::string BytesOf(const wire::IpAddress& address) {
  const auto bytes = address.bytes();
  return {bytes.begin(), bytes.end()};
}

void ReportDroppedPacket(const DroppedPacket& packet, config::DroppedPacket& report) {
  report.set_reason(TextOf(packet.reason).name);
  report.set_protocol(packet.tuple.protocol);
  report.set_source(BytesOf(packet.tuple.source));
  report.set_source_port(packet.tuple.source_port);
  report.set_destination(BytesOf(packet.tuple.destination));
  report.set_destination_port(packet.tuple.destination_port);
  report.set_icmp_type(packet.icmp_type);
  report.set_icmp_code(packet.icmp_code);
  report.set_tcp_flags(packet.tcp_flags);
  report.set_is_fragment(packet.is_fragment);
  report.set_is_icmp_error(packet.is_icmp_error);
  report.set_icmp_query(packet.tuple.icmp_query);
  if (packet.destination_mac != wire::MacAddress()) {
    const auto& from = packet.source_mac.bytes;
    const auto& mac = packet.destination_mac.bytes;
    report.set_source_mac(std::string(from.begin(), from.end()));
    report.set_destination_mac(std::string(mac.begin(), mac.end()));
  }
}

void ReportPort(std::uint16_t port, std::span<const CounterBlock> blocks,
                config::PortCounters& report) {
  std::array<std::uint64_t, kDropReasonCount> drops{};
  std::optional<DroppedPacket> last_drop;
  std::uint64_t received_packets = 0, received_bytes = 0, sent_packets = 0, sent_bytes = 0;
  for (const CounterBlock& block : blocks) {
    if (!block.Knows(port)) continue;
    const PortCounters& counters = block.ports[port];
    received_packets += counters.received_packets.value();
    received_bytes += counters.received_bytes.value();
    sent_packets += counters.sent_packets.value();
    sent_bytes += counters.sent_bytes.value();
    for (std::size_t i = 0; i < kDropReasonCount; ++i) drops[i] += counters.drops[i].value();
    const std::optional<DroppedPacket> dropped = counters.last_drop.Read();
    if (dropped && (!last_drop || dropped->IsLaterThan(*last_drop))) last_drop = dropped;
  }
  report.set_port(port);
  report.set_received_packets(received_packets);
  report.set_received_bytes(received_bytes);
  report.set_sent_packets(sent_packets);
  report.set_sent_bytes(sent_bytes);
  for (std::size_t i = 0; i < kDropReasonCount; ++i) {
    if (drops[i] == 0) continue;
    config::DropCount& drop = *report.add_drops();
    drop.set_reason(TextOf(static_cast<DropReason>(i)).name);
    drop.set_packets(drops[i]);
  }
  if (last_drop && static_cast<std::size_t>(last_drop->reason) < kDropReasonCount)
    ReportDroppedPacket(*last_drop, *report.mutable_last_drop());
}

// Adds what one worker has counted of a gateway.
void AddNatGateway(const NatGatewayCounters& counters, config::NatGatewayCounters& sum) {
  const auto in = [](const TrafficCounters& out, const TrafficCounters& lost) {
    return std::pair(out.packets.value() + lost.packets.value(),
                     out.bytes.value() + lost.bytes.value());
  };
  const TrafficCounters& to_destination = counters.out_to_destination;
  const TrafficCounters& to_source = counters.out_to_source;
  const TrafficCounters& lost_from_source = counters.dropped_from_source;
  const TrafficCounters& lost_from_destination = counters.dropped_from_destination;
  const auto from_source = in(to_destination, lost_from_source);
  const auto from_destination = in(to_source, lost_from_destination);
  sum.set_active_connections(sum.active_connections() + counters.active_connections.value());
  sum.set_connection_attempts(sum.connection_attempts() + counters.connection_attempts.value());
  sum.set_connections_established(sum.connections_established() +
                                  counters.connections_established.value());
  sum.set_port_allocation_errors(sum.port_allocation_errors() +
                                 counters.port_allocation_errors.value());
  sum.set_idle_timeouts(sum.idle_timeouts() + counters.idle_timeouts.value());
  sum.set_packets_out_to_destination(sum.packets_out_to_destination() +
                                     to_destination.packets.value());
  sum.set_bytes_out_to_destination(sum.bytes_out_to_destination() + to_destination.bytes.value());
  sum.set_packets_out_to_source(sum.packets_out_to_source() + to_source.packets.value());
  sum.set_bytes_out_to_source(sum.bytes_out_to_source() + to_source.bytes.value());
  sum.set_packets_in_from_source(sum.packets_in_from_source() + from_source.first);
  sum.set_bytes_in_from_source(sum.bytes_in_from_source() + from_source.second);
  sum.set_packets_in_from_destination(sum.packets_in_from_destination() + from_destination.first);
  sum.set_bytes_in_from_destination(sum.bytes_in_from_destination() + from_destination.second);
  sum.set_packets_dropped(sum.packets_dropped() + lost_from_source.packets.value() +
                          lost_from_destination.packets.value());
}

// In the order in which the workers have placed them. Workers number them each for itself.
void ReportNatGateways(std::span<const CounterBlock> blocks, Tick now, config::Counters& report) {
  std::unordered_map<std::string, int> places;
  std::vector<PeakRates::Windows> windows;
  for (const CounterBlock& block : blocks) {
    const std::size_t count = std::min<std::size_t>(
        block.nat_gateway_count.load(std::memory_order_acquire), block.nat_gateways.size());
    for (std::size_t i = 0; i < count; ++i) {
      const CounterBlock::NatGateway& gateway = block.nat_gateways[i];
      const std::string id(gateway.id.data(), strnlen(gateway.id.data(), gateway.id.size()));
      const auto [place, is_new] = places.emplace(id, report.nat_gateways_size());
      if (is_new) {
        report.add_nat_gateways()->set_nat_gateway_id(id);
        windows.emplace_back();
      }
      AddNatGateway(gateway.counters, *report.mutable_nat_gateways(place->second));
      gateway.counters.peak_rates.AddTo(windows[static_cast<std::size_t>(place->second)], now,
                                        gateway.counters.TotalOut());
    }
  }
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const PeakRates::Totals peak = PeakRates::Peak(windows[i]);
    config::NatGatewayCounters& sum = *report.mutable_nat_gateways(static_cast<int>(i));
    sum.set_peak_packets_per_second(peak.packets);
    sum.set_peak_bytes_per_second(peak.bytes);
  }
}

void ReportRules(std::span<const CounterBlock> blocks, config::Counters& report) {
  std::unordered_map<std::uint64_t, int> places;
  std::uint64_t uncounted = 0;
  for (const CounterBlock& block : blocks) {
    uncounted += block.rule_hits.uncounted();
    block.rule_hits.ForEach([&](std::uint64_t digest, std::uint64_t connections) {
      const auto [place, is_new] = places.emplace(digest, report.rules_size());
      if (is_new) report.add_rules()->set_rule_digest(digest);
      config::RuleHits& hits = *report.mutable_rules(place->second);
      hits.set_connections(hits.connections() + connections);
    });
  }
  report.set_uncounted_rule_hits(uncounted);
}

void ReportWorkers(std::span<const CounterBlock> blocks, config::Counters& report) {
  for (const CounterBlock& block : blocks) {
    config::WorkerCounters& worker = *report.add_workers();
    worker.set_connections(block.connections.value());
    worker.set_slow_path_packets(block.slow_path_packets.value());
    worker.set_handed_over_packets(block.handed_over_packets.value());
    report.set_slow_path_packets(report.slow_path_packets() + worker.slow_path_packets());
    report.set_connections(report.connections() + worker.connections());
  }
}

}  // namespace

void ReportCounters(std::span<const CounterBlock> blocks, config::Counters& report) {
  for (std::size_t port = 0; port < CounterBlock::kMaxPorts; ++port) {
    const bool is_known = std::any_of(blocks.begin(), blocks.end(),
                                      [&](const CounterBlock& block) { return block.Knows(port); });
    if (is_known) ReportPort(static_cast<std::uint16_t>(port), blocks, *report.add_ports());
  }
  ReportNatGateways(blocks, blocks.front().Now(), report);
  ReportRules(blocks, report);
  ReportWorkers(blocks, report);
}

}  // namespace taploom::observe
