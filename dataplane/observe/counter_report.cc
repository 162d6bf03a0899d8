#include "dataplane/observe/counter_report.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

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

void ReportPort(std::uint16_t port, const PortCounters& counters, config::PortCounters& report) {
  report.set_port(port);
  report.set_received_packets(counters.received_packets.value());
  report.set_received_bytes(counters.received_bytes.value());
  report.set_sent_packets(counters.sent_packets.value());
  report.set_sent_bytes(counters.sent_bytes.value());
  for (std::size_t i = 0; i < kDropReasonCount; ++i) {
    const std::uint64_t packets = counters.drops[i].value();
    if (packets == 0) continue;
    config::DropCount& drop = *report.add_drops();
    drop.set_reason(TextOf(static_cast<DropReason>(i)).name);
    drop.set_packets(packets);
  }
  const auto dropped = counters.last_drop.Read();
  if (dropped && static_cast<std::size_t>(dropped->reason) < kDropReasonCount)
    ReportDroppedPacket(*dropped, *report.mutable_last_drop());
}

void ReportNatGateway(const std::string& id, const NatGatewayCounters& counters, Tick now,
                      config::NatGatewayCounters& report) {
  report.set_nat_gateway_id(id);
  report.set_active_connections(counters.active_connections.value());
  report.set_connection_attempts(counters.connection_attempts.value());
  report.set_connections_established(counters.connections_established.value());
  report.set_port_allocation_errors(counters.port_allocation_errors.value());
  report.set_idle_timeouts(counters.idle_timeouts.value());
  const TrafficCounters& to_destination = counters.out_to_destination;
  const TrafficCounters& to_source = counters.out_to_source;
  const TrafficCounters& lost_from_source = counters.dropped_from_source;
  const TrafficCounters& lost_from_destination = counters.dropped_from_destination;
  report.set_packets_out_to_destination(to_destination.packets.value());
  report.set_bytes_out_to_destination(to_destination.bytes.value());
  report.set_packets_out_to_source(to_source.packets.value());
  report.set_bytes_out_to_source(to_source.bytes.value());
  report.set_packets_in_from_source(report.packets_out_to_destination() +
                                    lost_from_source.packets.value());
  report.set_bytes_in_from_source(report.bytes_out_to_destination() +
                                  lost_from_source.bytes.value());
  report.set_packets_in_from_destination(report.packets_out_to_source() +
                                         lost_from_destination.packets.value());
  report.set_bytes_in_from_destination(report.bytes_out_to_source() +
                                       lost_from_destination.bytes.value());
  report.set_packets_dropped(lost_from_source.packets.value() +
                             lost_from_destination.packets.value());
  const PeakRates::Totals peak = counters.peak_rates.Peak(now, counters.TotalOut());
  report.set_peak_packets_per_second(peak.packets);
  report.set_peak_bytes_per_second(peak.bytes);
}

}  // namespace

void ReportCounters(const CounterBlock& block, config::Counters& report) {
  const Tick now = block.Now();
  for (std::size_t port = 0; port < CounterBlock::kMaxPorts; ++port) {
    if (block.Knows(port))
      ReportPort(static_cast<std::uint16_t>(port), block.ports[port], *report.add_ports());
  }
  const std::size_t gateways = std::min<std::size_t>(
      block.nat_gateway_count.load(std::memory_order_acquire), block.nat_gateways.size());
  for (std::size_t i = 0; i < gateways; ++i) {
    const CounterBlock::NatGateway& gateway = block.nat_gateways[i];
    const std::string id(gateway.id.data(), strnlen(gateway.id.data(), gateway.id.size()));
    ReportNatGateway(id, gateway.counters, now, *report.add_nat_gateways());
  }
  report.set_slow_path_packets(block.slow_path_packets.value());
  report.set_connections(block.connections.value());
  report.set_uncounted_rule_hits(block.rule_hits.uncounted());
  block.rule_hits.ForEach([&](std::uint64_t digest, std::uint64_t connections) {
    config::RuleHits& hits = *report.add_rules();
    hits.set_rule_digest(digest);
    hits.set_connections(connections);
  });
}

}  // namespace taploom::observe
