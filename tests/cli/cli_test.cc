// The command line's contract, without root: what is typed, what is said on which stream, and the
// exit code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/cli/run_program.h"
#include "tests/support/temp_folder.h"

namespace taploom::testing {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr int kDone = 0, kBadInput = 2, kHostCannot = 3;

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// No fabric of this host is seen or touched.
class Cli : public ::testing::Test {
 protected:
  void SetUp() override { setenv("TAPLOOM_RUN_DIR", (folder_ / "run").c_str(), 1); }

  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }

  const test::TempFolder folder_;
};

struct Mistake {
  std::vector<std::string> words;
  std::string said;
};

TEST_F(Cli, SaysWhatIsWrongWithTheCommandLine) {
  const Mistake mistakes[] = {
      {{}, "which verb?"},
      {{"aply"}, "no verb \"aply\"; did you mean \"apply\"?"},
      {{"--frobnicate"}, "no verb \"--frobnicate\""},
      {{"up"}, "up needs FILE"},
      {{"up", "a.yaml", "b.yaml"}, "up does not take \"b.yaml\""},
      {{"up", "--forground", "a.yaml"},
       "up has no option --forground; did you mean \"--foreground\"?"},
      {{"up", "a.yaml", "--name"}, "--name"},
      {{"get", "subnet"}, "no kind \"subnet\"; did you mean \"subnets\"?"},
      {{"get", "enis", "-o", "xml"}, "-o takes table or json"},
      {{"ls", "extra"}, "ls does not take \"extra\""},
      {{"exec", "web-1"}, "exec needs a command"},
      {{"attach", "app-a"}, "attach needs either --netns PATH or --pid PID"},
      {{"attach", "app-a", "--netns", "x", "--pid", "1"},
       "attach needs either --netns PATH or --pid PID"},
      {{"attach", "app-a", "--pid", "none"}, "\"none\" is no process id"},
      {{"fault", "az", "a"}, "fault needs either --down or --up"},
      {{"fault", "az", "a", "--down", "--up"}, "fault needs either --down or --up"},
      {{"help", "gett"}, "no verb \"gett\"; did you mean \"get\"?"},
      {{"completion", "tcsh"}, "completion knows bash"},
      {{"validate", "absent.yaml"}, "cannot read absent.yaml: No such file or directory"},
      {{"validate", "."}, "cannot read .: it is a folder"},
  };
  for (const Mistake& mistake : mistakes) {
    const Outcome outcome = Taploom(mistake.words);
    SCOPED_TRACE(mistake.said);
    EXPECT_EQ(outcome.exit_code, kBadInput);
    EXPECT_THAT(outcome.err, AllOf(StartsWith("taploom: "), HasSubstr(mistake.said)));
    EXPECT_THAT(outcome.out, IsEmpty());
  }
}

TEST_F(Cli, EveryVerbHasHelpWithAnExampleThatNamesIt) {
  const Outcome all = Taploom({"help"});
  EXPECT_EQ(all.exit_code, kDone);
  EXPECT_EQ(Taploom({"--help"}).out, all.out);
  for (const std::string verb :
       {"validate", "up",     "apply",   "down",    "ls",    "get",       "exec",
        "attach",   "detach", "explain", "flows",   "fault", "graph",     "doctor",
        "capture",  "replay", "schema",  "version", "help",  "completion"}) {
    EXPECT_THAT(all.out, HasSubstr("\n  " + verb + " "));
    const Outcome help = Taploom({verb, "--help"});
    EXPECT_EQ(help.exit_code, kDone);
    EXPECT_THAT(help.out, AllOf(StartsWith("usage: taploom " + verb), HasSubstr("\nexample: "),
                                HasSubstr("taploom " + verb)));
    EXPECT_THAT(help.err, IsEmpty());
    EXPECT_EQ(Taploom({"help", verb}).out, help.out);
  }
}

TEST_F(Cli, WithoutAFabricEveryVerbOnOneSaysSo) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"get", "enis"},
                                             {"exec", "web-1", "--", "true"},
                                             {"detach", "x"},
                                             {"down"},
                                             {"fault", "az", "a", "--down"},
                                             {"attach", "app-a", "--netns", "x"}}) {
    const Outcome outcome = Taploom(words);
    EXPECT_EQ(outcome.exit_code, kBadInput) << words.front();
    EXPECT_EQ(outcome.err, "taploom: no fabric runs\n") << words.front();
  }
  EXPECT_EQ(Taploom({"get", "enis", "--name", "shop"}).err,
            "taploom: no fabric \"shop\"; none runs\n");
  EXPECT_EQ(Taploom({"down", "shop"}).err, "taploom: no fabric \"shop\"; none runs\n");
}

TEST_F(Cli, ListingNothingIsNoError) {
  EXPECT_EQ(Taploom({"ls"}).exit_code, kDone);
  EXPECT_EQ(Taploom({"ls"}).out, "");
  EXPECT_EQ(Taploom({"ls", "-o", "json"}).out, "[]\n");
  EXPECT_EQ(Taploom({"down", "--all"}).exit_code, kDone);
}

TEST_F(Cli, TellsItsVersionAndSchema) {
  EXPECT_THAT(Taploom({"version"}).out, StartsWith("taploom "));
  EXPECT_EQ(Taploom({"--version"}).out, Taploom({"version"}).out);
  EXPECT_THAT(Taploom({"schema"}).out,
              AllOf(StartsWith("{"), HasSubstr("\"$schema\""), EndsWith("}\n")));
}

TEST_F(Cli, CompletionIsAScriptThatBashUnderstands) {
  const std::string script = Write("completion", Taploom({"completion", "bash"}).out);
  const Outcome words = RunProgram(
      {"bash", "-c",
       "source " + script +
           "; COMP_WORDS=(taploom up --fo); COMP_CWORD=2; _taploom; echo ${COMPREPLY[@]}"});
  EXPECT_EQ(words.out, "--foreground\n") << words.err;
}

TEST_F(Cli, AValidTopologyIsReportedOnStderrOnly) {
  const std::string file =
      Write("lab.yaml",
            "name: lab\n"
            "vpcs: {main: {cidr: 10.0.0.0/16, subnets: {a: {cidr: 10.0.1.0/24}}}}\n");
  const Outcome outcome = Taploom({"validate", file});
  EXPECT_EQ(outcome.exit_code, kDone) << outcome.err;
  EXPECT_EQ(outcome.err, file + " is valid\n");
  EXPECT_EQ(outcome.out, "");
}

TEST_F(Cli, ExplainsATopologyFileWithoutAFabric) {
  const std::string file = Write("lab.yaml", R"YAML(
name: lab
vpcs:
  main:
    cidr: 10.0.0.0/16
    subnets: {a: {cidr: 10.0.1.0/24}}
    security_groups:
      db: {ingress: [{protocol: tcp, ports: 3306, from: 10.0.1.10/32}]}
instances:
  web: {subnet: a, private_ip: 10.0.1.10}
  db: {subnet: a, private_ip: 10.0.1.20, security_groups: [db]}
)YAML");
  const Outcome passes = Taploom({"explain", "-f", file, "web", "db:3306"});
  EXPECT_EQ(passes.exit_code, kDone) << passes.err;
  EXPECT_THAT(passes.out, Not(IsEmpty()));
  constexpr int kNegative = 1;
  const Outcome stopped = Taploom({"explain", "-f", file, "web", "db:22", "-o", "json"});
  EXPECT_EQ(stopped.exit_code, kNegative) << stopped.err;
  EXPECT_THAT(stopped.out, AllOf(StartsWith("{"), HasSubstr("\"passes\": false")));
  EXPECT_EQ(Taploom({"explain", "-f", file, "web", "nobody"}).exit_code, kBadInput);
  EXPECT_EQ(Taploom({"explain", "web", "db"}).err, "taploom: no fabric runs\n");
}

TEST_F(Cli, DrawsATopologyFile) {
  const std::string file =
      Write("lab.yaml",
            "name: lab\nvpcs: {main: {cidr: 10.0.0.0/16, subnets: {a: {cidr: 10.0.1.0/24}}}}\n"
            "instances: {web: {subnet: a, private_ip: 10.0.1.10}}\n");
  EXPECT_THAT(Taploom({"graph", "-f", file}).out,
              AllOf(StartsWith("<svg "), HasSubstr("10.0.1.10"), EndsWith("</svg>\n")));
  EXPECT_THAT(Taploom({"graph", "-f", file, "-o", "mermaid"}).out, StartsWith("flowchart "));
  EXPECT_THAT(Taploom({"graph", "-f", file, "-o", "dot"}).out, StartsWith("digraph "));
  EXPECT_EQ(Taploom({"graph", "-f", file, "-o", "png"}).exit_code, kBadInput);
}

TEST_F(Cli, DoctorNamesTheRemedyOfWhatIsNotAsItShouldBe) {
  std::filesystem::create_directories(folder_ / "run" / "crashed");
  std::vector<std::string> command = {TAPLOOM_BINARY, "doctor"};
  // Root without capabilities is as helpless as anybody.
  if (geteuid() == 0) command.insert(command.begin(), {"setpriv", "--bounding-set=-all"});
  const Outcome outcome = RunProgram(command);
  EXPECT_EQ(outcome.exit_code, kHostCannot) << outcome.out;
  EXPECT_THAT(outcome.err, HasSubstr("that a fabric needs"));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("CAP_NET_ADMIN"), HasSubstr("leftovers"),
                                 HasSubstr("taploom down crashed")));
}

TEST_F(Cli, DoctorComplainsOfNothingWithoutARemedy) {
  const Outcome outcome = Taploom({"doctor", "-o", "json"});
  const auto count = [&outcome](const std::string& text) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = outcome.out.find(text, at)) != std::string::npos; ++at) ++found;
    return found;
  };
  EXPECT_EQ(outcome.exit_code, count("\"state\": \"missing\"") > 0 ? kHostCannot : kDone);
  EXPECT_GT(count("\"state\": \"ok\""), 0u);
  EXPECT_EQ(count("\"state\": \"ok\""), count("\"remedy\": \"\"")) << outcome.out;
}

TEST_F(Cli, ExplainAsksEitherAQuestionOrForADrop) {
  EXPECT_THAT(Taploom({"explain", "web"}).err, HasSubstr("explain needs SRC DST"));
  EXPECT_THAT(Taploom({"explain", "--last-drop", "web", "db"}).err,
              HasSubstr("is about a running fabric"));
  EXPECT_THAT(Taploom({"flows", "--sort", "name"}).err, HasSubstr("--sort takes"));
  EXPECT_THAT(Taploom({"flows", "--top", "0"}).err, HasSubstr("--top takes"));
  EXPECT_THAT(Taploom({"get", "enis", "--hits"}).err, HasSubstr("--hits is about rules"));
}

TEST_F(Cli, WithoutRootUpSaysWhatIsMissingAndMakesNothing) {
  if (geteuid() == 0) GTEST_SKIP() << "is root";
  const std::string file = Write("lab.yaml", "name: lab\nvpcs: {main: {cidr: 10.0.0.0/16}}\n");
  const Outcome outcome = Taploom({"up", file});
  EXPECT_EQ(outcome.exit_code, kHostCannot);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("needs root"), HasSubstr("sudo")));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run"));
}

TEST_F(Cli, ColoursNothingThatIsNotATerminal) {
  EXPECT_THAT(Taploom({"aply"}).err, Not(HasSubstr("\x1b")));
}

// --- broken/NAME.yaml: a topology; broken/NAME.expected: what is said about it ---

std::vector<std::string> BrokenTopologies() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(TAPLOOM_BROKEN_TOPOLOGIES)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class BrokenTopology : public Cli, public ::testing::WithParamInterface<std::string> {};

TEST_P(BrokenTopology, IsReportedLineByLineAndStartsNothing) {
  const std::string file = GetParam() + ".yaml";
  const std::filesystem::path broken = TAPLOOM_BROKEN_TOPOLOGIES;
  const std::string expected = ReadFile(broken / (GetParam() + ".expected"));
  ASSERT_THAT(expected, Not(IsEmpty()));
  for (const std::string verb : {"validate", "up", "apply"}) {
    const Outcome outcome = Taploom({verb, file}, broken.string());
    EXPECT_EQ(outcome.exit_code, kBadInput);
    EXPECT_EQ(outcome.out, "");
    // The findings come first; one closing line follows.
    const std::size_t last_line = outcome.err.rfind("taploom: ");
    ASSERT_NE(last_line, std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.err.substr(0, last_line), expected) << verb;
    EXPECT_THAT(outcome.err.substr(last_line), HasSubstr(file + " is not a valid topology: "));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run"));
}

INSTANTIATE_TEST_SUITE_P(Files, BrokenTopology, ::testing::ValuesIn(BrokenTopologies()),
                         [](const auto& test) { return test.param; });

TEST(BrokenTopologies, AreAtLeastForty) { EXPECT_GE(BrokenTopologies().size(), 40u); }

}  // namespace
}  // namespace taploom::testing
