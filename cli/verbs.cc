#include "cli/verbs.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.h"

namespace taploom::cli {
namespace {

constexpr OptionSpec kName{"name", 0, "N", "the fabric; needed only when several run"};
constexpr OptionSpec kOutput{"output", 'o', "FORMAT", "table (default) or json"};

const std::vector<VerbSpec>& Table() {
  static const std::vector<VerbSpec> table = {
      {"validate", "FILE", 1, 1, false, {},
       "Report everything that is wrong with a topology file; touch nothing.",
       "taploom validate examples/three-tier/topology.yaml", Validate},
      {"up", "FILE", 1, 1, false,
       {{"name", 0, "N", "run under this name instead of the file's"},
        {"foreground", 0, "", "stay attached; Ctrl-C takes the fabric down"}},
       "Start a fabric from a topology file.",
       "sudo taploom up examples/three-tier/topology.yaml", Up},
      {"apply", "FILE", 1, 1, false,
       {{"name", 0, "N", "the running fabric; default: the name in the file"},
        {"dry-run", 0, "", "print the differences only"}},
       "Print the differences between a running fabric and a file, and make them.",
       "sudo taploom apply --dry-run examples/three-tier/topology.yaml", Apply},
      {"down", "[N]", 0, 1, false,
       {{"name", 0, "N", "the fabric; needed only when several run"},
        {"all", 0, "", "every fabric of this host"}},
       "Stop a fabric, also a crashed one, and leave nothing behind.", "sudo taploom down --all",
       Down},
      {"ls", "", 0, 0, false, {kOutput}, "List the fabrics of this host.", "sudo taploom ls", Ls},
      {"get", "KIND [NAME]", 1, 2, false, {kName, kOutput},
       "Show objects: vpcs subnets enis instances namespaces route-tables routes sgs rules acls nats "
       "igws lbs targets flows drops ports.",
       "sudo taploom get instances -o json", Get},
      {"exec", "INSTANCE", 1, 1, true, {kName},
       "Run a command inside an instance, internet host or load-balancer node.",
       "sudo taploom exec web-1 -- ip route", Exec},
      {"explain", "SRC DST[:PORT[/PROTO]]", 2, 2, false,
       {kName, kOutput, {"file", 'f', "FILE", "explain a topology file instead of a running fabric"}},
       "Show stage by stage whether a packet arrives and its reply comes back, and whose rule it is if not.",
       "taploom explain -f examples/three-tier/topology.yaml web-1 db-1:3306", Explain},
      {"attach", "SUBNET", 1, 1, false,
       {kName,
        {"netns", 0, "PATH", "the network namespace: a path, or a name of `ip netns`"},
        {"pid", 0, "PID", "or the namespace of this process (a container's)"},
        {"as", 0, "NAME", "what to call it; default: the namespace's name"},
        {"ip", 0, "A", "its private address; default: a free one of the subnet"},
        {"sg", 0, "G", "a security group; may be repeated; default: the VPC's default group"},
        {"device", 0, "DEV", "the device to make in it; default: eth0"}},
       "Put an existing network namespace or container into a subnet.",
       "sudo taploom attach app-a --netns /run/netns/mine --sg web", Attach},
      {"detach", "NAME", 1, 1, false, {kName},
       "Take an attached namespace out again; nothing else in it changes.",
       "sudo taploom detach mine", Detach},
      {"explain", "SRC DST[:PORT[/PROTO]]", 2, 2, false,
       {kName, kOutput, {"file", 'f', "FILE", "ask a topology file instead of a running fabric"}},
       "Say stage by stage whether a packet gets there and its reply back; exit 1 when not.",
       "taploom explain -f examples/three-tier/topology.yaml web-1 db-1:3306", Explain},
      {"schema", "", 0, 0, false, {}, "Print the JSON Schema of the topology file.",
       "taploom schema > taploom.schema.json", Schema},
      {"completion", "SHELL", 1, 1, false, {}, "Print a completion script: bash.",
       "taploom completion bash > /etc/bash_completion.d/taploom", Completion},
      {"version", "", 0, 0, false, {}, "Print the version.", "taploom version", Version},
      {"help", "[VERB]", 0, 1, false, {}, "Explain a verb, or list them all.", "taploom help up",
       Help},
  };
  return table;
}

std::string Invocation(const OptionSpec& option) {
  std::string text = fmt::format("--{}", option.name);
  if (option.letter != 0) text = fmt::format("-{}, {}", option.letter, text);
  if (!option.value.empty()) text += fmt::format(" {}", option.value);
  return text;
}

}  // namespace

std::string Arguments::Value(const std::string& option) const {
  const auto found = values.find(option);
  return found == values.end() || found->second.empty() ? "" : found->second.back();
}

std::vector<std::string> Arguments::Values(const std::string& option) const {
  const auto found = values.find(option);
  return found == values.end() ? std::vector<std::string>() : found->second;
}

std::span<const VerbSpec> Verbs() { return Table(); }

const VerbSpec* FindVerb(std::string_view name) {
  const auto verbs = Verbs();
  const auto found = std::find_if(verbs.begin(), verbs.end(),
                                  [&](const VerbSpec& verb) { return verb.name == name; });
  return found == verbs.end() ? nullptr : &*found;
}

std::vector<std::string> VerbNames() {
  std::vector<std::string> names;
  for (const VerbSpec& verb : Verbs()) names.emplace_back(verb.name);
  return names;
}

std::string HelpText() {
  std::string text =
      "taploom: a VPC of Linux namespaces with AWS semantics\n\n"
      "usage: taploom VERB [ARGS]\n\n";
  for (const VerbSpec& verb : Verbs()) {
    text += fmt::format("  {:<11} {}\n", verb.name, verb.summary);
  }
  return text +
         "\n`taploom VERB --help` explains a verb. Data goes to stdout, everything else to stderr.\n"
         "exit: 0 done · 1 negative verdict · 2 usage or invalid input · 3 the host cannot do it · "
         "4 timeout\n";
}

std::string HelpText(const VerbSpec& verb) {
  std::string text = fmt::format("usage: taploom {}", verb.name);
  if (!verb.options.empty()) text += " [OPTIONS]";
  if (!verb.words.empty()) text += fmt::format(" {}", verb.words);
  if (verb.takes_command) text += " -- COMMAND [ARGS]";
  text += fmt::format("\n\n{}\n\n", verb.summary);
  for (const OptionSpec& option : verb.options) {
    text += fmt::format("  {:<20} {}\n", Invocation(option), option.help);
  }
  text += fmt::format("  {:<20} {}\n", "-h, --help", "this text");
  return text + fmt::format("\nexample: {}\n", verb.example);
}

}  // namespace taploom::cli
