#include "control/yaml_reader.h"

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <exception>
#include <map>
#include <sstream>
#include <utility>

namespace taploom::control {
namespace {

// Far above any topology a machine could run (5,000 instances take about 1 MB), low enough to stay
// responsive.
constexpr std::size_t kMaxBytes = 4u << 20;
constexpr std::size_t kMaxNodes = 1'000'000;

Position ToPosition(const YAML::Mark& mark) {
  if (mark.is_null()) return {1, 1};
  return {mark.line + 1, mark.column + 1};
}

// yaml-cpp's tags for a value without one: "?" plain, "!" quoted.
bool IsPlainTag(const std::string& tag) {
  return tag.empty() || tag == "?" || tag == "!" || tag == "tag:yaml.org,2002:str";
}

// Builds the tree from yaml-cpp's events.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Findings& findings) : findings_(findings) {}

  YamlNodePtr root() const { return root_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (root_ != nullptr) {
      throw YAML::ParserException(mark,
                                  "a topology is one YAML document; a second one starts here");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Complete(NewNode(YamlNode::Kind::kNull, mark), anchor, mark);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    CheckTag(mark, tag);
    std::shared_ptr<YamlNode> node = NewNode(YamlNode::Kind::kScalar, mark);
    node->text = value;
    Complete(std::move(node), anchor, mark);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw YAML::ParserException(mark, "an alias inside its own anchor");
    }
    Count(found->second->weight, mark);
    Deliver(found->second, mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    CheckTag(mark, tag);
    open_.push_back({NewNode(YamlNode::Kind::kSequence, mark), anchor, mark, {}, {}, false, {}});
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    CheckTag(mark, tag);
    open_.push_back({NewNode(YamlNode::Kind::kMap, mark), anchor, mark, {}, {}, false, {}});
  }
  void OnMapEnd() override { Close(); }

 private:
  // A sequence or map whose end has not come yet.
  struct Open {
    std::shared_ptr<YamlNode> node;
    YAML::anchor_t anchor;
    YAML::Mark mark;
    std::string key;  // of the map entry whose value comes next
    Position key_at;
    bool has_key;
    std::map<std::string, Position> seen;
  };

  std::shared_ptr<YamlNode> NewNode(YamlNode::Kind kind, const YAML::Mark& mark) {
    Count(1, mark);
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->at = ToPosition(mark);
    return node;
  }

  void Count(std::size_t nodes, const YAML::Mark& mark) {
    count_ += nodes;
    if (count_ > kMaxNodes) {
      throw YAML::ParserException(mark,
                                  fmt::format("more than {} values (aliases expanded)", kMaxNodes));
    }
  }

  void CheckTag(const YAML::Mark& mark, const std::string& tag) {
    if (!IsPlainTag(tag)) {
      throw YAML::ParserException(mark, fmt::format("the tag {} is not understood here", tag));
    }
  }

  void Close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    Complete(std::move(done.node), done.anchor, done.mark);
  }

  void Complete(std::shared_ptr<YamlNode> node, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    Deliver(std::move(node), mark);
  }

  // Hands a finished node to what it stands in.
  void Deliver(YamlNodePtr node, const YAML::Mark& mark) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    parent.node->weight += node->weight;
    if (parent.node->kind == YamlNode::Kind::kSequence) {
      parent.node->items.push_back(std::move(node));
    } else if (!parent.has_key) {
      TakeKey(parent, *node, mark);
    } else {
      TakeValue(parent, std::move(node));
    }
  }

  void TakeKey(Open& map, const YamlNode& node, const YAML::Mark& mark) {
    map.has_key = true;
    map.key_at = ToPosition(mark);
    map.key = node.text;
    if (node.kind != YamlNode::Kind::kScalar) {
      findings_.Add(map.key_at, "a key must be a word");
      map.key.clear();
    }
  }

  void TakeValue(Open& map, YamlNodePtr node) {
    map.has_key = false;
    if (map.key.empty()) return;  // reported with the key
    const auto [first, is_new] = map.seen.emplace(map.key, map.key_at);
    if (!is_new) {
      findings_.Add(map.key_at, "duplicate key \"{}\"; it is first written at {}:{}", map.key,
                    first->second.line, first->second.column);
      return;
    }
    if (node->kind == YamlNode::Kind::kNull) {
      // yaml-cpp places a value that is not there at whatever follows it.
      auto placed = std::make_shared<YamlNode>(*node);
      placed->at = map.key_at;
      node = std::move(placed);
    }
    map.node->entries.push_back({std::move(map.key), map.key_at, std::move(node)});
  }

  Findings& findings_;
  YamlNodePtr root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNodePtr> anchors_;
  std::size_t count_ = 0;
};

// What yaml-cpp does not say of a line that a tab indents (YAML 1.2 §6.1 forbids it).
std::string_view TabHint(std::string_view text, Position at) {
  for (int line = 1; line < at.line; ++line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  const std::size_t indent = text.find_first_not_of(" \t");
  const bool has_tab = text.substr(0, indent).find('\t') != std::string_view::npos;
  return has_tab ? "; indent with spaces, not tabs" : std::string_view();
}

}  // namespace

YamlNodePtr ReadYaml(std::string_view text, Findings& findings) {
  if (text.size() > kMaxBytes) {
    findings.Add({1, 1}, "the file has {} bytes; a topology may have {}", text.size(), kMaxBytes);
    return nullptr;
  }
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    findings.Add({1, 1}, "this is no text: byte {} is zero", nul);
    return nullptr;
  }
  std::istringstream stream{std::string(text)};
  TreeBuilder builder(findings);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::DeepRecursion& error) {
    findings.Add(ToPosition(error.mark), "nested too deeply for a topology");
    return nullptr;
  } catch (const YAML::Exception& error) {
    findings.Add(ToPosition(error.mark), "YAML: {}{}", error.msg,
                 TabHint(text, ToPosition(error.mark)));
    return nullptr;
  } catch (const std::exception& error) {
    // yaml-cpp lets a few errors of its containers through on malformed input.
    findings.Add({1, 1}, "YAML: {}", error.what());
    return nullptr;
  }
  if (builder.root() == nullptr || builder.root()->kind == YamlNode::Kind::kNull) {
    findings.Add({1, 1}, "the file is empty; a topology starts with \"name:\" and \"vpcs:\"");
    return nullptr;
  }
  return builder.root();
}

}  // namespace taploom::control
