// Reading one map of the topology file field by field: wrong keys, kinds and scalars become
// findings, and what cannot be read comes back absent.
//
//   MapReader map(context, node, "subnet \"app-a\"", keys::kSubnet);
//   subnet.az = map.Text("az");
//   subnet.cidr = map.Cidr("cidr", wire::Family::kIpv4);
#ifndef TAPLOOM_CONTROL_FIELD_READER_H_
#define TAPLOOM_CONTROL_FIELD_READER_H_

#include <functional>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/finding.h"
#include "control/topology.h"
#include "control/topology_keys.h"
#include "control/yaml_reader.h"

namespace taploom::control {

struct ParseContext {
  Findings& findings;
  std::set<std::string>& unreadable;  // Topology::unreadable
};

// One scalar. `what` names the value in messages: "private_ip", "cidr".
std::optional<Located<std::string>> ReadText(ParseContext&, const YamlNode&, std::string_view what);
std::optional<Located<int>> ReadInteger(ParseContext&, const YamlNode&, std::string_view what,
                                        int min, int max);
std::optional<Located<bool>> ReadBoolean(ParseContext&, const YamlNode&, std::string_view what);
// `family` absent: either one.
std::optional<Address> ReadAddress(ParseContext&, const YamlNode&, std::string_view what,
                                   std::optional<wire::Family> family);
std::optional<Located<Cidr>> ReadCidr(ParseContext&, const YamlNode&, std::string_view what,
                                      std::optional<wire::Family> family);
std::optional<Located<std::string>> ReadChoice(ParseContext&, const YamlNode&,
                                               std::string_view what,
                                               std::initializer_list<std::string_view> choices);

// Text without a place: nullopt when it is no CIDR. Host bits are kept.
std::optional<Cidr> ParseCidr(std::string_view text);
// Decimal digits only, within [min, max]; "-1" is allowed when min is negative.
std::optional<int> ParseInteger(std::string_view text, int min, int max);

using NodeFunction = std::function<void(const YamlNode&)>;
using NamedNodeFunction = std::function<void(const Name&, const YamlNode&)>;

// Calls the function for each item of a list; anything else but an empty value is a finding.
void ForEachItem(ParseContext&, const YamlNode&, std::string_view what, const NodeFunction&);
// The same, but a single value stands for a list of one.
void ForOneOrEach(ParseContext&, const YamlNode&, std::string_view what, const NodeFunction&);
// Calls the function for each entry of a map keyed by object names.
void ForEachNamed(ParseContext&, const YamlNode&, std::string_view what, const NamedNodeFunction&);

class MapReader {
 public:
  // `object` names the map in messages: "vpc \"main\"". A node that is no map is a finding, as is
  // every key outside `keys`; the reader then finds nothing for it.
  MapReader(ParseContext& context, const YamlNode& node, std::string object, keys::Keys keys);

  bool is_map() const { return node_.kind == YamlNode::Kind::kMap; }
  const std::string& object() const { return object_; }
  Position at() const { return node_.at; }

  // The value of a key; null when it is not written.
  const YamlNode* Find(std::string_view key) const;
  bool Has(std::string_view key) const { return Find(key) != nullptr; }
  // Find(), and a finding "OBJECT needs KEY" at `at` when a map has no such key.
  const YamlNode* Require(std::string_view key, Position at) const;

  std::optional<Located<std::string>> Text(std::string_view key) const;
  std::optional<Located<int>> Integer(std::string_view key, int min, int max) const;
  std::optional<Located<bool>> Boolean(std::string_view key) const;
  std::optional<Address> Ip(std::string_view key, std::optional<wire::Family> family) const;
  std::optional<Located<std::string>> Choice(std::string_view key,
                                             std::initializer_list<std::string_view> choices) const;
  // One text or a list of them.
  std::vector<Located<std::string>> Texts(std::string_view key) const;

  void ForEachItem(std::string_view key, const NodeFunction& function) const;
  void ForOneOrEach(std::string_view key, const NodeFunction& function) const;
  void ForEachNamed(std::string_view key, const NamedNodeFunction& function) const;

 private:
  void CheckKeys(keys::Keys keys);

  ParseContext& context_;
  const YamlNode& node_;
  std::string object_;
  std::set<std::string> misspelt_;  // keys that a wrong one was probably meant for
};

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_FIELD_READER_H_
