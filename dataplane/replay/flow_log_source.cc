#include "dataplane/replay/flow_log_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_set>
#include <utility>

#include "dataplane/io/pcap_source.h"
#include "dataplane/wire/byte_order.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/layout.h"
#include "dataplane/wire/parse.h"

namespace taploom::replay {
namespace {

constexpr std::size_t kLongestLine = 64 * 1024;
constexpr int kRawIp = 101;
constexpr std::uint32_t kLargestPacket = 1500;

using Words = std::vector<std::string_view>;

Words Split(std::string_view line) {
  Words words;
  while (true) {
    const auto begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return words;
    const auto end = std::min(line.find_first_of(" \t\r", begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    line.remove_prefix(end);
  }
}

std::optional<std::int64_t> NumberOf(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Which column holds which field.
struct Columns {
  static constexpr std::size_t kAbsent = SIZE_MAX;
  std::size_t source = 3, destination = 4, source_port = 5, destination_port = 6, protocol = 7,
              packets = 8, bytes = 9, start = 10, status = 13;  // the default format
  std::size_t tcp_flags = kAbsent, packet_source = kAbsent, packet_destination = kAbsent;
  std::size_t count = 14;

  static bool IsHeader(const Words& words) {
    return std::find(words.begin(), words.end(), "srcaddr") != words.end();
  }
  static Columns Of(const Words& header) {
    const auto find = [&](std::string_view name) {
      const auto found = std::find(header.begin(), header.end(), name);
      return found == header.end() ? kAbsent : static_cast<std::size_t>(found - header.begin());
    };
    return {.source = find("srcaddr"),
            .destination = find("dstaddr"),
            .source_port = find("srcport"),
            .destination_port = find("dstport"),
            .protocol = find("protocol"),
            .packets = find("packets"),
            .bytes = find("bytes"),
            .start = find("start"),
            .status = find("log-status"),
            .tcp_flags = find("tcp-flags"),
            .packet_source = find("pkt-srcaddr"),
            .packet_destination = find("pkt-dstaddr"),
            .count = header.size()};
  }
  // The name of a column without which nothing can be replayed; empty when all are there.
  std::string_view Missing() const {
    const std::pair<std::size_t, std::string_view> needed[] = {
        {source, "srcaddr"}, {destination, "dstaddr"}, {protocol, "protocol"}, {start, "start"}};
    for (const auto& [column, name] : needed) {
      if (column == kAbsent) return name;
    }
    return "";
  }
};

// One line → a record; nothing for records without data; `error` says what is wrong.
std::optional<FlowRecord> RecordOf(const Words& words, const Columns& columns, std::string& error) {
  const auto word = [&](std::size_t column) {
    return column == Columns::kAbsent ? std::string_view("-") : words[column];
  };
  if (words.size() != columns.count) {
    error = fmt::format("{} fields, expected {}", words.size(), columns.count);
    return std::nullopt;
  }
  if (word(columns.status) == "NODATA" || word(columns.status) == "SKIPDATA") return std::nullopt;
  const auto address = [&](std::size_t original, std::size_t at_interface, const char* name) {
    const std::string_view text = word(original) == "-" ? word(at_interface) : word(original);
    const auto parsed = wire::IpAddress::Parse(text);
    if (!parsed && error.empty())
      error = fmt::format("{} is \"{}\", expected an address", name, text);
    return parsed.value_or(wire::IpAddress());
  };
  const auto number = [&](std::size_t column, const char* name, std::int64_t most) {
    const std::string_view text = word(column);
    if (text == "-") return std::int64_t{0};
    const auto parsed = NumberOf(text);
    if ((!parsed || *parsed < 0 || *parsed > most) && error.empty())
      error = fmt::format("{} is \"{}\", expected a number up to {}", name, text, most);
    return parsed.value_or(0);
  };
  FlowRecord record;
  record.tuple.source = address(columns.packet_source, columns.source, "srcaddr");
  record.tuple.destination = address(columns.packet_destination, columns.destination, "dstaddr");
  record.tuple.source_port =
      static_cast<std::uint16_t>(number(columns.source_port, "srcport", 65'535));
  record.tuple.destination_port =
      static_cast<std::uint16_t>(number(columns.destination_port, "dstport", 65'535));
  record.tuple.protocol = static_cast<std::uint8_t>(number(columns.protocol, "protocol", 255));
  constexpr std::int64_t kLastSecond = 9'000'000'000;  // fits nanoseconds
  record.start_seconds = number(columns.start, "start", kLastSecond);
  const std::int64_t packets = number(columns.packets, "packets", INT64_MAX);
  const std::int64_t bytes = number(columns.bytes, "bytes", INT64_MAX);
  const std::int64_t flags = number(columns.tcp_flags, "tcp-flags", 255);
  if (!error.empty()) return std::nullopt;
  if (record.tuple.source.family() != record.tuple.destination.family()) {
    error = "srcaddr and dstaddr are of different families";
    return std::nullopt;
  }
  if (packets > 0)
    record.packet_size =
        static_cast<std::uint32_t>(std::min<std::int64_t>(bytes / packets, kLargestPacket));
  const bool opens = (flags & wire::kTcpSyn) != 0 && (flags & wire::kTcpAck) == 0;
  const bool answers = (flags & wire::kTcpSyn) != 0 && (flags & wire::kTcpAck) != 0;
  // Without flags: services listen on the lower port.
  record.is_reply = answers || (!opens && record.tuple.source_port < record.tuple.destination_port);
  return record;
}

std::uint8_t EchoTypeOf(std::uint8_t protocol, bool is_reply) {
  if (protocol == wire::kProtocolIcmp) return is_reply ? wire::icmp::kEchoReply : wire::icmp::kEcho;
  return is_reply ? wire::icmp::kV6EchoReply : wire::icmp::kV6Echo;
}

std::size_t TransportSize(std::uint8_t protocol) {
  switch (protocol) {
    case wire::kProtocolTcp:
      return wire::tcp::kMinSize;
    case wire::kProtocolUdp:
    case wire::kProtocolIcmp:
    case wire::kProtocolIcmpv6:
      return wire::udp::kSize;
    default:
      return 0;
  }
}

void WriteTransport(const FlowRecord& record, std::span<std::uint8_t> l4) {
  const flow::FiveTuple& tuple = record.tuple;
  std::size_t checksum = 0;
  bool has_pseudo_header = true;
  switch (tuple.protocol) {
    case wire::kProtocolTcp:
      l4[wire::tcp::kDataOffset] = 5 << 4;
      l4[wire::tcp::kFlags] =
          record.is_reply ? wire::kTcpSyn | wire::kTcpAck : std::uint8_t{wire::kTcpSyn};
      checksum = wire::tcp::kChecksum;
      break;
    case wire::kProtocolUdp:
      wire::Store(l4.data() + wire::udp::kLength,
                  wire::be16(static_cast<std::uint16_t>(l4.size())));
      checksum = wire::udp::kChecksum;
      break;
    case wire::kProtocolIcmp:
    case wire::kProtocolIcmpv6:
      l4[wire::icmp::kType] = EchoTypeOf(tuple.protocol, record.is_reply);
      checksum = wire::icmp::kChecksum;
      has_pseudo_header = tuple.protocol == wire::kProtocolIcmpv6;
      break;
    default:
      return;
  }
  if (tuple.protocol == wire::kProtocolTcp || tuple.protocol == wire::kProtocolUdp) {
    wire::Store(l4.data(), wire::be16(tuple.source_port));
    wire::Store(l4.data() + 2, wire::be16(tuple.destination_port));
  }
  std::uint64_t sum = wire::SumBytes(l4);
  if (has_pseudo_header)
    sum += wire::PseudoHeaderSum(tuple.source, tuple.destination, tuple.protocol,
                                 static_cast<std::uint32_t>(l4.size()));
  std::uint16_t value = static_cast<std::uint16_t>(~wire::Fold(sum));
  if (value == 0 && tuple.protocol == wire::kProtocolUdp) value = 0xffff;
  wire::Store(l4.data() + checksum, value);
}

void WritePacket(const FlowRecord& record, std::vector<std::uint8_t>& packet) {
  const flow::FiveTuple& tuple = record.tuple;
  const bool v4 = tuple.source.is_v4();
  const std::size_t ip_size = v4 ? wire::ipv4::kMinSize : wire::ipv6::kSize;
  const std::size_t size =
      std::max<std::size_t>(record.packet_size, ip_size + TransportSize(tuple.protocol));
  packet.assign(size, 0);
  std::uint8_t* ip = packet.data();
  const auto store_address = [&](std::size_t offset, const wire::IpAddress& address) {
    const auto bytes = address.bytes();
    std::copy(bytes.begin(), bytes.end(), ip + offset);
  };
  if (v4) {
    ip[wire::ipv4::kVersionAndSize] = 0x45;
    wire::Store(ip + wire::ipv4::kTotalLength, wire::be16(static_cast<std::uint16_t>(size)));
    wire::Store(ip + wire::ipv4::kFragment, wire::be16(wire::ipv4::kDontFragment));
    ip[wire::ipv4::kTtl] = 64;
    ip[wire::ipv4::kProtocol] = tuple.protocol;
    store_address(wire::ipv4::kSource, tuple.source);
    store_address(wire::ipv4::kDestination, tuple.destination);
    wire::Store(ip + wire::ipv4::kChecksum,
                wire::InternetChecksum(std::span(packet).first(wire::ipv4::kMinSize)));
  } else {
    ip[0] = 0x60;
    wire::Store(ip + wire::ipv6::kPayloadLength,
                wire::be16(static_cast<std::uint16_t>(size - ip_size)));
    ip[wire::ipv6::kNextHeader] = tuple.protocol;
    ip[wire::ipv6::kHopLimit] = 64;
    store_address(wire::ipv6::kSource, tuple.source);
    store_address(wire::ipv6::kDestination, tuple.destination);
  }
  WriteTransport(record, std::span(packet).subspan(ip_size));
}

}  // namespace

bool FlowLogSource::IsFlowLog(std::string_view beginning) {
  const Words words = Split(beginning.substr(0, beginning.find('\n')));
  if (Columns::IsHeader(words)) return true;
  return words.size() == Columns().count && NumberOf(words[0]).has_value() &&
         words[2].starts_with("eni-");
}

FlowLogSource::FlowLogSource(std::unique_ptr<io::ByteStream> stream, std::string path)
    : path_(std::move(path)) {
  ReadRecords(*stream);
  std::stable_sort(records_.begin(), records_.end(),
                   [](const FlowRecord& left, const FlowRecord& right) {
                     return std::pair(left.start_seconds, left.is_reply) <
                            std::pair(right.start_seconds, right.is_reply);
                   });
  MarkReplies();
}

void FlowLogSource::ReadRecords(io::ByteStream& stream) {
  Columns columns;
  std::string line;
  for (std::uint64_t number = 1;; ++number) {
    line.clear();
    std::uint8_t byte = 0;
    bool has_more = false;
    while ((has_more = stream.Read({&byte, 1}) == 1) && byte != '\n' && line.size() < kLongestLine)
      line += static_cast<char>(byte);
    const Words words = Split(line);
    std::string error;
    if (!words.empty() && Columns::IsHeader(words)) {
      columns = Columns::Of(words);
      if (const std::string_view missing = columns.Missing(); !missing.empty())
        error = fmt::format("the header has no {}", missing);
    } else if (!words.empty()) {
      if (const auto record = RecordOf(words, columns, error)) records_.push_back(*record);
    }
    if (error.empty() && !has_more) error = stream.error();
    if (!error.empty()) {
      error_ = fmt::format("{} is broken at line {}: {}", path_, number, error);
      return;
    }
    if (!has_more) return;
  }
}

// Where nothing else tells (ICMP, equal ports), what runs against an earlier record answers it.
void FlowLogSource::MarkReplies() {
  struct Hash {
    std::size_t operator()(const flow::FiveTuple& tuple) const { return flow::Hash({tuple, 0}, 0); }
  };
  std::unordered_set<flow::FiveTuple, Hash> seen;
  for (FlowRecord& record : records_) {
    if (record.tuple.source_port == record.tuple.destination_port)
      record.is_reply = seen.contains(record.tuple.Reversed());
    if (!record.is_reply) seen.insert(record.tuple);
  }
}

bool FlowLogSource::Next(io::CapturedFrame& frame) {
  if (next_ == records_.size()) return false;
  const FlowRecord& record = records_[next_++];
  WritePacket(record, packet_);
  frame = {.bytes = packet_,
           .original_size = static_cast<std::uint32_t>(packet_.size()),
           .time_ns = record.start_seconds * 1'000'000'000,
           .link_type = kRawIp};
  return true;
}

std::unique_ptr<io::FrameSource> OpenRecording(const std::string& path, std::string& error) {
  std::unique_ptr<io::ByteStream> stream = io::ByteStream::Open(path, error);
  if (stream == nullptr) return nullptr;
  std::string beginning(io::ByteStream::kPeekSize, '\0');
  beginning.resize(
      stream->Peek({reinterpret_cast<std::uint8_t*>(beginning.data()), beginning.size()}));
  if (FlowLogSource::IsFlowLog(beginning))
    return std::make_unique<FlowLogSource>(std::move(stream), path);
  return io::OpenCapture(std::move(stream), path, error);
}

}  // namespace taploom::replay
