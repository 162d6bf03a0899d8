// DNS queries and answers as tests write and read them (RFC 1035 §4.1).
#ifndef TAPLOOM_TESTS_SUPPORT_DNS_MESSAGE_H_
#define TAPLOOM_TESTS_SUPPORT_DNS_MESSAGE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/wire/ip_address.h"

namespace taploom::test {

inline constexpr std::uint16_t kDnsA = 1, kDnsNs = 2, kDnsAaaa = 28;

// A query with recursion desired.
inline std::vector<std::uint8_t> DnsQuery(std::string_view name, std::uint16_t type) {
  std::vector<std::uint8_t> message = {0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0};
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    message.push_back(static_cast<std::uint8_t>(label.size()));
    message.insert(message.end(), label.begin(), label.end());
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  message.insert(message.end(),
                 {0, static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type), 0, 1});
  return message;
}

// "0: 10.0.1.10" – the response code, then the addresses; "?" when the message is no answer to the
// query.
inline std::string DnsAnswerText(const std::vector<std::uint8_t>& query,
                                 const std::vector<std::uint8_t>& answer) {
  if (answer.size() < query.size() || answer[0] != query[0] || answer[1] != query[1] ||
      (answer[2] & 0x80) == 0)
    return "?";
  std::string text = std::to_string(answer[3] & 0xf) + ":";
  std::size_t at = query.size();
  for (int left = answer[6] * 256 + answer[7]; left > 0; --left) {
    const std::size_t size = answer[at + 10] * std::size_t{256} + answer[at + 11];
    const std::string_view data(reinterpret_cast<const char*>(answer.data()) + at + 12, size);
    text += " " + wire::IpAddress::FromBytes(data)->ToString();
    at += 12 + size;
  }
  return at == answer.size() ? text : "?";
}

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_SUPPORT_DNS_MESSAGE_H_
