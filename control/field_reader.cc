#include "control/field_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "control/did_you_mean.h"
#include "control/object_name.h"

namespace taploom::control {
namespace {

std::string_view KindName(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::kNull:
      return "empty";
    case YamlNode::Kind::kScalar:
      return "a single value";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
  }
  return "something else";
}

// IpAddress::Parse, except that ::ffff:10.0.0.1 is no way to write 10.0.0.1 here.
std::optional<wire::IpAddress> ParseAddress(std::string_view text) {
  const std::optional<wire::IpAddress> address = wire::IpAddress::Parse(text);
  if (address && address->is_v4() && text.find(':') != std::string_view::npos) return std::nullopt;
  return address;
}

std::string_view FamilyName(std::optional<wire::Family> family) {
  if (!family) return "IP";
  return *family == wire::Family::kIpv4 ? "IPv4" : "IPv6";
}

// The known key that an unknown one was probably meant for; empty when there is none.
std::string MeantKey(std::string_view word, const std::vector<std::string>& known) {
  for (const keys::OtherWord& other : keys::kOtherWords) {
    const bool fits = std::find(known.begin(), known.end(), other.key) != known.end();
    if (other.word == word && fits) return std::string(other.key);
  }
  return Nearest(word, known);
}

}  // namespace

std::optional<Located<std::string>> ReadText(ParseContext& context, const YamlNode& node,
                                             std::string_view what) {
  if (node.kind == YamlNode::Kind::kNull ||
      (node.kind == YamlNode::Kind::kScalar && node.text.empty())) {
    context.findings.Add(node.at, "\"{}\" is empty", what);
    return std::nullopt;
  }
  if (node.kind != YamlNode::Kind::kScalar) {
    context.findings.Add(node.at, "\"{}\" must be a single value, not {}", what,
                         KindName(node.kind));
    return std::nullopt;
  }
  return Located<std::string>{node.text, node.at};
}

std::optional<int> ParseInteger(std::string_view text, int min, int max) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < min || value > max) {
    return std::nullopt;
  }
  return value;
}

std::optional<Located<int>> ReadInteger(ParseContext& context, const YamlNode& node,
                                        std::string_view what, int min, int max) {
  const auto text = ReadText(context, node, what);
  if (!text) return std::nullopt;
  const std::optional<int> value = ParseInteger(text->value, min, max);
  if (!value) {
    context.findings.Add(node.at, "{} must be a number from {} to {}, not \"{}\"", what, min, max,
                         text->value);
    return std::nullopt;
  }
  return Located<int>{*value, node.at};
}

std::optional<Located<bool>> ReadBoolean(ParseContext& context, const YamlNode& node,
                                         std::string_view what) {
  const auto text = ReadText(context, node, what);
  if (!text) return std::nullopt;
  if (text->value == "true") return Located<bool>{true, node.at};
  if (text->value == "false") return Located<bool>{false, node.at};
  context.findings.Add(node.at, "{} must be true or false, not \"{}\"", what, text->value);
  return std::nullopt;
}

std::optional<Address> ReadAddress(ParseContext& context, const YamlNode& node,
                                   std::string_view what, std::optional<wire::Family> family) {
  const auto text = ReadText(context, node, what);
  if (!text) return std::nullopt;
  const std::optional<wire::IpAddress> address = ParseAddress(text->value);
  if (!address || (family && address->family() != *family)) {
    context.findings.Add(node.at, "{}: \"{}\" is not an {} address", what, text->value,
                         FamilyName(family));
    return std::nullopt;
  }
  return Address{*address, node.at};
}

std::optional<Cidr> ParseCidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::optional<wire::IpAddress> address = ParseAddress(text.substr(0, slash));
  if (!address) return std::nullopt;
  const std::optional<int> length =
      ParseInteger(text.substr(slash + 1), 0, address->is_v4() ? 32 : 128);
  if (!length) return std::nullopt;
  return Cidr{*address, static_cast<std::uint8_t>(*length)};
}

std::optional<Located<Cidr>> ReadCidr(ParseContext& context, const YamlNode& node,
                                      std::string_view what, std::optional<wire::Family> family) {
  const auto text = ReadText(context, node, what);
  if (!text) return std::nullopt;
  const std::optional<Cidr> cidr = ParseCidr(text->value);
  if (!cidr || (family && cidr->family() != *family)) {
    const std::optional<wire::IpAddress> address = ParseAddress(text->value);
    if (address && (!family || address->family() == *family)) {
      context.findings.Add(node.at, "{}: \"{}\" has no prefix length; one address is {}/{}", what,
                           text->value, text->value, address->is_v4() ? 32 : 128);
    } else {
      const std::string_view example =
          family == wire::Family::kIpv6 ? "2001:db8::/56" : "10.0.0.0/16";
      context.findings.Add(node.at, "{}: \"{}\" is not an {} CIDR block such as {}", what,
                           text->value, FamilyName(family), example);
    }
    return std::nullopt;
  }
  return Located<Cidr>{*cidr, node.at};
}

std::optional<Located<std::string>> ReadChoice(ParseContext& context, const YamlNode& node,
                                               std::string_view what,
                                               std::initializer_list<std::string_view> choices) {
  auto text = ReadText(context, node, what);
  if (!text || std::find(choices.begin(), choices.end(), text->value) != choices.end()) return text;
  std::string list;
  for (const std::string_view choice : choices) {
    list += (list.empty() ? "" : " or ") + std::string(choice);
  }
  context.findings.Add(node.at, "{} must be {}, not \"{}\"", what, list, text->value);
  return std::nullopt;
}

void ForEachItem(ParseContext& context, const YamlNode& node, std::string_view what,
                 const NodeFunction& function) {
  if (node.kind == YamlNode::Kind::kNull) return;
  if (node.kind != YamlNode::Kind::kSequence) {
    context.findings.Add(node.at, "\"{}\" must be a list, not {}", what, KindName(node.kind));
    context.unreadable.emplace(what);
    return;
  }
  for (const YamlNodePtr& item : node.items) function(*item);
}

void ForOneOrEach(ParseContext& context, const YamlNode& node, std::string_view what,
                  const NodeFunction& function) {
  if (node.kind == YamlNode::Kind::kSequence) {
    ForEachItem(context, node, what, function);
  } else {
    function(node);
  }
}

void ForEachNamed(ParseContext& context, const YamlNode& node, std::string_view what,
                  const NamedNodeFunction& function) {
  if (node.kind == YamlNode::Kind::kNull) return;
  if (node.kind != YamlNode::Kind::kMap) {
    context.findings.Add(node.at, "\"{}\" must be a map from names to objects, not {}", what,
                         KindName(node.kind));
    context.unreadable.emplace(what);
    return;
  }
  for (const YamlEntry& entry : node.entries) {
    if (!IsObjectName(entry.key)) {
      context.findings.Add(entry.at, "\"{}\" is no name for an object in {}: {}", entry.key, what,
                           kObjectNameRule);
    }
    function({entry.key, entry.at}, *entry.value);
  }
}

MapReader::MapReader(ParseContext& context, const YamlNode& node, std::string object,
                     keys::Keys keys)
    : context_(context), node_(node), object_(std::move(object)) {
  if (is_map()) {
    CheckKeys(keys);
  } else if (node.kind != YamlNode::Kind::kNull) {
    context_.findings.Add(node.at, "{} must be a map, not {}", object_, KindName(node.kind));
  }
}

void MapReader::CheckKeys(keys::Keys keys) {
  const std::vector<std::string> known(keys.begin(), keys.end());
  for (const YamlEntry& entry : node_.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    const auto& later = keys::kNotModelledYet;
    if (std::find(std::begin(later), std::end(later), entry.key) != std::end(later)) {
      context_.findings.Add(entry.at, "\"{}\" is not modelled yet", entry.key);
      continue;
    }
    const std::string nearest = MeantKey(entry.key, known);
    if (!nearest.empty()) {
      // What stands under the misspelt key is missing from the right one; that is no second
      // mistake.
      misspelt_.insert(nearest);
      context_.unreadable.insert(nearest);
      context_.findings.Add(entry.at, "unknown key \"{}\" in {}; did you mean \"{}\"?", entry.key,
                            object_, nearest);
    } else {
      context_.findings.Add(entry.at, "unknown key \"{}\" in {}; known are {}", entry.key, object_,
                            fmt::join(known, ", "));
    }
  }
}

const YamlNode* MapReader::Find(std::string_view key) const {
  for (const YamlEntry& entry : node_.entries) {
    if (entry.key == key) return entry.value.get();
  }
  return nullptr;
}

const YamlNode* MapReader::Require(std::string_view key, Position at) const {
  const YamlNode* value = Find(key);
  const bool readable = is_map() || node_.kind == YamlNode::Kind::kNull;
  if (value == nullptr && readable && !misspelt_.contains(std::string(key))) {
    context_.findings.Add(at, "{} needs \"{}\"", object_, key);
  }
  return value;
}

std::optional<Located<std::string>> MapReader::Text(std::string_view key) const {
  const YamlNode* value = Find(key);
  return value == nullptr ? std::nullopt : ReadText(context_, *value, key);
}

std::optional<Located<int>> MapReader::Integer(std::string_view key, int min, int max) const {
  const YamlNode* value = Find(key);
  return value == nullptr ? std::nullopt : ReadInteger(context_, *value, key, min, max);
}

std::optional<Located<bool>> MapReader::Boolean(std::string_view key) const {
  const YamlNode* value = Find(key);
  return value == nullptr ? std::nullopt : ReadBoolean(context_, *value, key);
}

std::optional<Address> MapReader::Ip(std::string_view key,
                                     std::optional<wire::Family> family) const {
  const YamlNode* value = Find(key);
  return value == nullptr ? std::nullopt : ReadAddress(context_, *value, key, family);
}

std::optional<Located<std::string>> MapReader::Choice(
    std::string_view key, std::initializer_list<std::string_view> choices) const {
  const YamlNode* value = Find(key);
  return value == nullptr ? std::nullopt : ReadChoice(context_, *value, key, choices);
}

std::vector<Located<std::string>> MapReader::Texts(std::string_view key) const {
  std::vector<Located<std::string>> texts;
  ForOneOrEach(key, [&](const YamlNode& node) {
    if (auto text = ReadText(context_, node, key)) texts.push_back(std::move(*text));
  });
  return texts;
}

void MapReader::ForEachItem(std::string_view key, const NodeFunction& function) const {
  if (const YamlNode* value = Find(key)) control::ForEachItem(context_, *value, key, function);
}

void MapReader::ForOneOrEach(std::string_view key, const NodeFunction& function) const {
  if (const YamlNode* value = Find(key)) control::ForOneOrEach(context_, *value, key, function);
}

void MapReader::ForEachNamed(std::string_view key, const NamedNodeFunction& function) const {
  if (const YamlNode* value = Find(key)) control::ForEachNamed(context_, *value, key, function);
}

}  // namespace taploom::control
