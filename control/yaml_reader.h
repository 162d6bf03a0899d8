// The YAML text as a tree that remembers where every key and value stands.
//
// yaml-cpp parses; its own node tree is not used because it keeps the last of two equal keys
// silently and lets a few aliases expand to billions of nodes. Here a duplicate key is a finding,
// and size, depth and expansion are bounded.
#ifndef TAPLOOM_CONTROL_YAML_READER_H_
#define TAPLOOM_CONTROL_YAML_READER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/finding.h"

namespace taploom::control {

struct YamlNode;
using YamlNodePtr =
    std::shared_ptr<const YamlNode>;  // shared by an anchor and its aliases; never null in a tree

struct YamlEntry {
  std::string key;
  Position at;  // of the key
  YamlNodePtr value;
};

struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMap };
  Kind kind = Kind::kNull;
  Position at;
  std::string text;                // kScalar
  std::vector<YamlNodePtr> items;  // kSequence
  std::vector<YamlEntry> entries;  // kMap, in the order of the file; keys differ
  std::size_t weight = 1;          // nodes in this tree, aliases expanded
};

// The file's single document, or null after a syntax error. Findings: syntax errors, duplicate
// keys, tags.
YamlNodePtr ReadYaml(std::string_view text, Findings& findings);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_YAML_READER_H_
