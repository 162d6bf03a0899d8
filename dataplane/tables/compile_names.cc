// What resolvers answer.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/tables/compiler.h"

namespace taploom::tables {
namespace {

constexpr std::size_t kMaxName = 253;  // RFC 1035 §2.3.4, written without the final dot

bool IsCanonicalName(const std::string& name) {
  const bool has_upper_case =
      std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  return !name.empty() && name.size() <= kMaxName && !has_upper_case && name.back() != '.';
}

}  // namespace

NameTable ReadNames(const Subject& subject,
                    const google::protobuf::RepeatedPtrField<config::NameRecord>& records) {
  NameTable table;
  for (const config::NameRecord& record : records) {
    if (!IsCanonicalName(record.name()))
      Reject(subject, "\"{}\" is no lower-case name", record.name());
    std::vector<wire::IpAddress> addresses;
    for (const std::string& bytes : record.addresses()) {
      addresses.push_back(ReadHostAddress(subject, "address of " + record.name(), bytes));
    }
    if (!table.emplace(record.name(), std::move(addresses)).second) {
      Reject(subject, "name \"{}\" is listed twice", record.name());
    }
  }
  return table;
}

}  // namespace taploom::tables
