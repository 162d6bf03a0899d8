#include "cli/verbs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cli/commands.h"
#include "control/runtime/rows.h"

namespace taploom::cli {
namespace {

constexpr OptionSpec kName{"name", 0, "N", "the fabric; needed only when several run"};
constexpr OptionSpec kOutput{"output", 'o', "FORMAT", "table (default) or json"};

std::string KindsText() {
  return fmt::format("kinds: {}\n\n", fmt::join(runtime::RowKinds(), " "));
}

std::string ExplainText() {
  return "SRC and DST are instances, ENI ids, load balancers, internet hosts or addresses; DST may "
         "be\n"
         "a DNS name; `internet` stands for any public host. Without a port a ping is meant.\n"
         "-o json has the shape of AWS's NetworkInsightsAnalysis.\n\n";
}

std::string ReplayText() {
  return "CAPTURE is a pcap or pcapng file, plain or gzip, or an AWS VPC flow log (one packet per "
         "record).\n--live needs root; what it injects enters as if the instances had sent it. "
         "Latency is "
         "the time\nfrom handing a frame over to knowing that it is on the receiver's device.\n"
         "exit 1: --against found a change\n\n";
}

const std::vector<VerbSpec>& Table() {
  static const std::vector<VerbSpec> table = {
      {.name = "validate",
       .words = "FILE",
       .least_words = 1,
       .most_words = 1,
       .summary = "Report everything that is wrong with a topology file; touch nothing.",
       .example = "taploom validate examples/three-tier/topology.yaml",
       .run = Validate},
      {.name = "up",
       .words = "FILE",
       .least_words = 1,
       .most_words = 1,
       .options =
           {{"name", 0, "N", "run under this name instead of the file's"},
            {"foreground", 0, "", "stay attached; Ctrl-C takes the fabric down"},
            {"io", 0, "HOW",
             "read and write frames one by one (read-write, default) or many by one system "
             "call (io_uring, where it works)"},
            {"workers", 0, "N",
             "forward with so many threads, 1-16; default: half of the cores, at least one"}},
       .summary = "Start a fabric from a topology file.",
       .example = "sudo taploom up examples/three-tier/topology.yaml",
       .run = Up},
      {.name = "apply",
       .words = "FILE",
       .least_words = 1,
       .most_words = 1,
       .options = {{"name", 0, "N", "the running fabric; default: the name in the file"},
                   {"dry-run", 0, "", "print the differences only"}},
       .summary = "Print the differences between a running fabric and a file, and make them.",
       .example = "sudo taploom apply --dry-run examples/three-tier/topology.yaml",
       .run = Apply},
      {.name = "down",
       .words = "[N]",
       .most_words = 1,
       .options = {kName, {"all", 0, "", "every fabric of this host"}},
       .summary = "Stop a fabric, also a crashed one, and leave nothing behind.",
       .example = "sudo taploom down --all",
       .run = Down},
      {.name = "ls",
       .options = {kOutput},
       .summary = "List the fabrics of this host.",
       .example = "sudo taploom ls",
       .run = Ls},
      {.name = "get",
       .words = "KIND [NAME]",
       .least_words = 1,
       .most_words = 2,
       .options = {kName,
                   kOutput,
                   {"hits", 0, "", "rules: those that admitted most connections first"}},
       .summary = "Show the objects of a kind: vpcs, subnets, enis, instances, …",
       .details = KindsText,
       .example = "sudo taploom get instances -o json",
       .run = Get},
      {.name = "exec",
       .words = "INSTANCE",
       .least_words = 1,
       .most_words = 1,
       .takes_command = true,
       .options = {kName},
       .summary = "Run a command inside an instance, internet host or load-balancer node.",
       .example = "sudo taploom exec web-1 -- ip route",
       .run = Exec},
      {.name = "explain",
       .words = "SRC DST[:PORT[/PROTO]]",
       .least_words = 0,
       .most_words = 2,
       .options = {kName,
                   kOutput,
                   {"file", 'f', "FILE", "explain a topology file instead of a running fabric"},
                   {"short", 's', "", "only what stops the packet, and the fix"},
                   {"last-drop", 0, "INSTANCE",
                    "instead: the packets from and to it that were really dropped last"}},
       .summary = "Say stage by stage whether a packet arrives and its reply comes back.",
       .details = ExplainText,
       .example = "taploom explain -f examples/three-tier/topology.yaml web-1 db-1:3306",
       .run = Explain},
      {.name = "capture",
       .options = {kName,
                   {"on", 0, "NAME",
                    "only at this instance, ENI id, load balancer, gateway or internet host; may "
                    "be repeated"},
                   {"write", 'w', "FILE", "where to; - is stdout; default: FABRIC.pcapng"},
                   {"filter", 0, "BPF", "only frames that match, as tcpdump takes it"},
                   {"count", 0, "N", "end after N frames"},
                   {"seconds", 0, "N", "end after N seconds"},
                   {"rotate", 0, "MB", "begin FILE.1, FILE.2, … whenever one is this large"},
                   {"snap", 0, "BYTES", "record no more of a frame"},
                   {"buffer", 0, "MB", "room between dataplane and file; default 64"}},
       .summary = "Record a whole fabric in one pcapng: every frame in, at gateways and out, drops "
                  "with reason.",
       .example = "sudo taploom capture -w - | wireshark -k -i -",
       .run = Capture},
      {.name = "trace",
       .options = {kName,
                   kOutput,
                   {"filter", 0, "BPF", "only packets that match where they enter or leave"},
                   {"on", 0, "NAME",
                    "only what enters at this instance, ENI id, load balancer or internet host; "
                    "may be repeated"},
                   {"sample", 0, "1/N", "only every Nth of them"},
                   {"count", 0, "N", "end after N packets"},
                   {"seconds", 0, "N", "end after N seconds"}},
       .summary = "Follow live packets through every stage: rules, routes, rewrites, verdict.",
       .example = "sudo taploom trace --filter 'tcp port 443' --count 3",
       .run = TracePackets},
      {.name = "replay",
       .words = "CAPTURE...",
       .least_words = 1,
       .most_words = 64,
       .options = {{"file", 'f', "FILE", "the topology that the captures are pushed through"},
                   {"in", 0, "NAME",
                    "where every packet enters: an instance, ENI id or internet "
                    "host; default auto: by addresses"},
                   {"map", 0, "OLD=NEW",
                    "a captured network or address stands for one of the "
                    "topology; may be repeated"},
                   {"verdicts", 0, "FILE", "write one line of JSON per packet; - is stdout"},
                   {"out", 0, "DIR", "write pcapng files: one per exit, and fabric.pcapng"},
                   {"against", 0, "OTHER",
                    "another topology: print what changes for these packets"},
                   {"bench", 0, "", "measure packets per second, from memory"},
                   {"live", 0, "FABRIC", "instead of -f: inject into this running fabric"},
                   {"rate", 0, "N", "live: N packets per second, not as they were captured"},
                   {"speed", 0, "X", "live: X times as fast as they were captured"},
                   {"topspeed", 0, "", "live: as fast as the fabric takes them"},
                   {"loop", 0, "N", "live: all captures N times"},
                   kOutput},
       .summary =
           "Push captures through a topology file, or into a running fabric, and say what becomes "
           "of them.",
       .details = ReplayText,
       .example = "taploom replay web.pcap -f examples/three-tier/topology.yaml --verdicts -",
       .run = Replay},
      {.name = "flows",
       .options = {kName,
                   kOutput,
                   {"from", 0, "NAME", "opened by this machine"},
                   {"to", 0, "NAME", "received by this machine"},
                   {"endpoint", 0, "A[:PORT]",
                    "either end, before or behind a translation: who was behind that public port?"},
                   {"protocol", 0, "P", "tcp, udp, icmp, icmpv6 or a number"},
                   {"state", 0, "S", "ESTABLISHED, SYN_SENT, …"},
                   {"nat", 0, "N", "through this NAT gateway"},
                   {"rule", 0, "SGR", "admitted by this rule, also when it is gone by now"},
                   {"sort", 0, "KEY", "bytes (default), packets, age or idle; largest first"},
                   {"top", 0, "COUNT", "so many of them; default: 40"},
                   {"all", 0, "", "every one, as they are found"},
                   {"by", 0, "KEY",
                    "instead: how many there are by from, to, source, destination, protocol, "
                    "state, nat, egress_rule or ingress_rule"},
                   {"kill", 0, "",
                    "forget them: what comes later is decided anew; needs a filter, or --all"}},
       .summary = "Show connections: state, age, bytes, NAT binding, the rules that admitted them.",
       .example = "sudo taploom flows --endpoint 203.0.113.10:23456",
       .run = Flows},
      {.name = "rules",
       .words = "unused",
       .least_words = 1,
       .most_words = 1,
       .options = {kName, kOutput},
       .summary = "List security group rules that have admitted nothing since the dataplane began.",
       .example = "sudo taploom rules unused",
       .run = Rules},
      {.name = "graph",
       .options = {kName,
                   {"file", 'f', "FILE", "draw a topology file instead of a running fabric"},
                   {"live", 0, "", "with the traffic and the drops there are"},
                   {"output", 'o', "FORMAT", "svg (default), mermaid or dot"}},
       .summary = "Draw VPCs, zones, subnets with their routes, machines and load balancers.",
       .example = "taploom graph -f examples/three-tier/topology.yaml > three-tier.svg",
       .run = GraphOfTopology},
      {.name = "attach",
       .words = "SUBNET",
       .least_words = 1,
       .most_words = 1,
       .options = {kName,
                   {"netns", 0, "PATH", "the network namespace: a path, or a name of `ip netns`"},
                   {"pid", 0, "PID", "or the namespace of this process (a container's)"},
                   {"as", 0, "NAME", "what to call it; default: the namespace's name"},
                   {"ip", 0, "A", "its private address; default: a free one of the subnet"},
                   {"sg", 0, "G", "a security group, may be repeated; default: the VPC's default"},
                   {"device", 0, "DEV", "the device to make in it; default: eth0"}},
       .summary = "Put an existing network namespace or container into a subnet.",
       .example = "sudo taploom attach app-a --netns /run/netns/mine --sg web",
       .run = Attach},
      {.name = "detach",
       .words = "NAME",
       .least_words = 1,
       .most_words = 1,
       .options = {kName},
       .summary = "Take an attached namespace out again; nothing else in it changes.",
       .example = "sudo taploom detach mine",
       .run = Detach},
      {.name = "fault",
       .words = "az|nat NAME",
       .least_words = 2,
       .most_words = 2,
       .options = {kName,
                   {"down", 0, "", "it fails: everything in it is cut off, and forgets"},
                   {"up", 0, "", "it works again, without what it had remembered"}},
       .summary = "Make an availability zone or a NAT gateway fail, and bring it back.",
       .example = "sudo taploom fault az ap-northeast-2a --down",
       .run = Fault},
      {.name = "bench",
       .options =
           {kOutput,
            {"quick", 0, "", "two rounds of one second: less than a minute, more noise"},
            {"rounds", 0, "N", "rounds, each with everything in turns; default: 5"},
            {"seconds", 0, "N", "of each measurement; default: 3"},
            {"load", 0, "LOAD", "only this load, may be repeated; default: all"},
            {"enis", 0, "N", "also a fabric with N interfaces, all but the measured idle"},
            {"peer", 0, "PEER",
             "also another switch, may be repeated: ovs (Open vSwitch's userspace datapath at "
             "its best), ovs-plain (without segmentation offload)"},
            {"ipv6", 0, "", "by IPv6 instead of IPv4; it is not translated"},
            {"mtu", 0, "BYTES",
             "of both ends: 1280, 1500 (default), or 9001 between two instances of the VPC"},
            {"io", 0, "HOW", "read-write (default), or io_uring: beside the same without it"},
            {"svg", 0, "FILE", "also draw the figures"},
            {"json", 0, "FILE", "also write the rows of -o json"}},
       .summary = "Measure this host: taploom beside a no-op forwarder and the kernel's router.",
       .details = BenchLoadsText,
       .example = "sudo taploom bench --quick",
       .run = Bench},
      {.name = "doctor",
       .options = {kOutput},
       .summary = "Say what this host lacks for a fabric, with the remedy; exit 3 when needed.",
       .example = "sudo taploom doctor",
       .run = Doctor},
      {.name = "schema",
       .summary = "Print the JSON Schema of the topology file.",
       .example = "taploom schema > taploom.schema.json",
       .run = Schema},
      {.name = "completion",
       .words = "SHELL",
       .least_words = 1,
       .most_words = 1,
       .summary = "Print a completion script: bash.",
       .example = "taploom completion bash > /etc/bash_completion.d/taploom",
       .run = Completion},
      {.name = "version",
       .summary = "Print the version.",
       .example = "taploom version",
       .run = Version},
      {.name = "help",
       .words = "[VERB]",
       .most_words = 1,
       .summary = "Explain a verb, or list them all.",
       .example = "taploom help up",
       .run = Help},
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
         "\n`taploom VERB --help` explains a verb. Data goes to stdout, everything else to "
         "stderr.\n"
         "exit: 0 done · 1 negative verdict · 2 usage or invalid input · 3 the host cannot do it · "
         "4 timeout\n";
}

std::string HelpText(const VerbSpec& verb) {
  std::string text = fmt::format("usage: taploom {}", verb.name);
  if (!verb.options.empty()) text += " [OPTIONS]";
  if (!verb.words.empty()) text += fmt::format(" {}", verb.words);
  if (verb.takes_command) text += " -- COMMAND [ARGS]";
  text += fmt::format("\n\n{}\n\n", verb.summary);
  if (verb.details != nullptr) text += verb.details();
  for (const OptionSpec& option : verb.options) {
    text += fmt::format("  {:<20} {}\n", Invocation(option), option.help);
  }
  text += fmt::format("  {:<20} {}\n", "-h, --help", "this text");
  return text + fmt::format("\nexample: {}\n", verb.example);
}

}  // namespace taploom::cli
