// A fabric from `up` to `down`, through the binaries, on this host: real namespaces, devices and
// programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "control/netns/network_namespace.h"
#include "control/process/process_identity.h"
#include "control/process/terminate.h"
#include "tests/cli/run_program.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_folder.h"

namespace taploom::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kTopology[] = R"YAML(
name: FABRIC
vpcs:
  main:
    cidr: 10.0.0.0/16
    subnets:
      a: {cidr: 10.0.1.0/24}
      b: {cidr: 10.0.2.0/24, az: eu-west-1b}
    security_groups:
      open: {ingress: [{protocol: all, from: 10.0.0.0/16}]}
instances:
  one: {subnet: a, private_ip: 10.0.1.10, security_groups: [open], run: ["echo $TAPLOOM_INSTANCE $TAPLOOM_PRIVATE_IP $PWD > $TAPLOOM_STATE_DIR/started; exec sleep 1000"]}
  two: {subnet: b, private_ip: 10.0.2.10, security_groups: [open], run: ["exit 3", "(setsid sleep 1000 &)"]}
)YAML";

// A name of its own for every run, so that tests beside each other never meet.
class Lifecycle : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    setenv("TAPLOOM_RUN_DIR", run().c_str(), 1);
    fabric_ = "test-" + std::to_string(getpid());
    Write(kTopology);
  }

  void TearDown() override {
    if (!IsSkipped()) Taploom({"down", "--all"});
  }

  std::filesystem::path run() const { return folder_ / "run"; }
  std::string file() const { return (folder_ / "lab.yaml").string(); }
  std::string Netns(const std::string& instance) const { return "tl-" + fabric_ + "-" + instance; }

  void Write(std::string topology) const {
    topology.replace(topology.find("FABRIC"), 6, fabric_);
    std::ofstream(file()) << topology;
  }
  void WriteWith(const std::string& from, const std::string& to) const {
    std::string topology = kTopology;
    topology.replace(topology.find(from), from.size(), to);
    Write(topology);
  }

  void Up() const {
    const Outcome up = Taploom({"up", file()});
    ASSERT_EQ(up.exit_code, 0) << up.err;
  }

  pid_t ControlPid() const {
    pid_t pid = 0;
    std::ifstream(run() / fabric_ / "control.pid") >> pid;
    return pid;
  }

  json Get(const std::string& kind, const std::string& name = "") const {
    std::vector<std::string> words = {"get", kind, "-o", "json"};
    if (!name.empty()) words.push_back(name);
    const Outcome outcome = Taploom(words);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return json::parse(outcome.out, nullptr, false);
  }

  bool Reaches(const std::string& from, const std::string& address) const {
    return Taploom({"exec", from, "--", "ping", "-c1", "-W2", address}).exit_code == 0;
  }

  // Namespaces, files, mounts, and the processes of `pids`.
  void ExpectNothingLeft(const std::vector<process::ProcessIdentity>& processes) const {
    EXPECT_FALSE(std::filesystem::exists(run()));
    for (const std::string folder : {"/run/netns", "/etc/netns"}) {
      std::error_code ignored;
      for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
        EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr(fabric_)));
      }
    }
    std::ifstream mounts("/proc/self/mounts");
    EXPECT_THAT(std::string(std::istreambuf_iterator<char>(mounts), {}), Not(HasSubstr(fabric_)));
    for (const process::ProcessIdentity& each : processes) {
      EXPECT_TRUE(process::Identify(each.pid) != each || process::IsExiting(each.pid)) << each.pid;
    }
  }

  // `two` once both of its programs have ended, which the API shows but does not announce.
  json SettledTwo() const {
    json two;
    test::Eventually([&] {
      two = Get("instances", "two").at(0);
      return two.at("programs").get<std::string>().find("running") == std::string::npos;
    });
    return two;
  }

  // Control, dataplane, and everything that stays inside the instances.
  std::vector<process::ProcessIdentity> Processes() const {
    SettledTwo();
    std::set<process::NamespaceId> namespaces;
    for (const std::string instance : {"one", "two"}) {
      auto netns = netns::OpenNamespace(netns::NamespacePath(Netns(instance)));
      if (netns.ok()) namespaces.insert(process::IdOf(netns->get()));
    }
    std::vector<pid_t> pids = process::ProcessesIn(namespaces);
    EXPECT_GE(pids.size(), 2u) << "one's program and two's daemon";
    pids.push_back(ControlPid());
    const json fabrics = json::parse(Taploom({"ls", "-o", "json"}).out);
    pids.push_back(fabrics.at(0).at("dataplane_pid").get<pid_t>());
    std::vector<process::ProcessIdentity> identities;
    for (const pid_t pid : pids) {
      if (const auto identity = process::Identify(pid)) identities.push_back(*identity);
    }
    return identities;
  }

  const test::TempFolder folder_;
  std::string fabric_;
};

TEST_F(Lifecycle, InstancesReachEachOtherAndDownLeavesNothing) {
  Up();
  EXPECT_TRUE(Reaches("one", "10.0.2.10"));
  EXPECT_TRUE(Reaches("two", "10.0.1.10"));
  const Outcome seen = RunProgram({"ip", "netns", "exec", Netns("one"), "cat", "/etc/hosts"});
  EXPECT_THAT(seen.out, HasSubstr("10.0.2.10 two\n"));
  const auto processes = Processes();

  const Outcome down = Taploom({"down"});
  EXPECT_EQ(down.exit_code, 0) << down.err;
  ExpectNothingLeft(processes);
}

TEST_F(Lifecycle, ProgramsStartInTheTopologysFolderAndTheirEndIsShown) {
  Up();
  // The echo is no event of the API: waited for by what it writes.
  const std::filesystem::path started = run() / fabric_ / "instances/one/started";
  EXPECT_TRUE(test::Eventually([&] {
    return std::filesystem::exists(started) && std::filesystem::file_size(started) != 0;
  }));
  std::string instance, address, folder;
  std::ifstream(started) >> instance >> address >> folder;
  EXPECT_EQ(instance, "one");
  EXPECT_EQ(address, "10.0.1.10");
  EXPECT_EQ(folder, folder_.path().string());

  EXPECT_EQ(Get("instances", "one").at(0).at("state"), "running");
  const json two = SettledTwo();
  EXPECT_EQ(two.at("programs"), "exit 3,exit 0");
  EXPECT_EQ(two.at("state"), "failed");
}

TEST_F(Lifecycle, ExplainAgreesWithThePackets) {
  Up();
  const Outcome passes = Taploom({"explain", "one", "two"});
  EXPECT_EQ(passes.exit_code, 0) << passes.err;
  EXPECT_TRUE(Reaches("one", "10.0.2.10"));
  WriteWith("protocol: all, from: 10.0.0.0/16", "protocol: all, from: 10.0.1.0/24");
  ASSERT_EQ(Taploom({"apply", file()}).exit_code, 0);
  EXPECT_EQ(Taploom({"explain", "two", "one"}).exit_code, 1);
  EXPECT_FALSE(Reaches("two", "10.0.1.10"));
}

TEST_F(Lifecycle, ANameRunsOnce) {
  Up();
  const Outcome again = Taploom({"up", file()});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, HasSubstr("is running already"));
  EXPECT_TRUE(Reaches("one", "10.0.2.10"));
}

TEST_F(Lifecycle, ApplyOfTheSameFileChangesNothing) {
  Up();
  const json before = json::parse(Taploom({"ls", "-o", "json"}).out);
  const Outcome apply = Taploom({"apply", file()});
  EXPECT_EQ(apply.exit_code, 0);
  EXPECT_EQ(apply.out, "");
  EXPECT_EQ(apply.err, "no changes\n");
  EXPECT_EQ(json::parse(Taploom({"ls", "-o", "json"}).out).at(0).at("generation"),
            before.at(0).at("generation"));
}

TEST_F(Lifecycle, ApplyAddsAndRemovesAnInstanceAndTouchesNoOther) {
  Up();
  const auto before = Processes();
  WriteWith("instances:\n",
            "instances:\n  three: {subnet: a, private_ip: 10.0.1.30, security_groups: [open]}\n");
  const Outcome dry = Taploom({"apply", "--dry-run", file()});
  EXPECT_EQ(dry.out, "+ instance three: 10.0.1.30 in main/a\n");
  EXPECT_EQ(Get("instances").size(), 2u);

  const Outcome apply = Taploom({"apply", file()});
  EXPECT_EQ(apply.exit_code, 0) << apply.err;
  EXPECT_EQ(apply.out, dry.out);
  EXPECT_TRUE(Reaches("three", "10.0.2.10"));

  Write(kTopology);
  EXPECT_EQ(Taploom({"apply", file()}).out, "- instance three: 10.0.1.30 in main/a\n");
  EXPECT_FALSE(std::filesystem::exists(netns::NamespacePath(Netns("three"))));
  for (const auto& each : before) EXPECT_EQ(process::Identify(each.pid), each);
  EXPECT_TRUE(Reaches("one", "10.0.2.10"));
}

TEST_F(Lifecycle, ApplyReaddressesAnInstanceInPlace) {
  Up();
  WriteWith("private_ip: 10.0.2.10", "private_ip: 10.0.2.77");
  const Outcome apply = Taploom({"apply", file()});
  EXPECT_EQ(apply.exit_code, 0) << apply.err;
  EXPECT_TRUE(Reaches("one", "10.0.2.77"));
  EXPECT_FALSE(Reaches("one", "10.0.2.10"));
  EXPECT_THAT(Taploom({"exec", "one", "cat", "/etc/hosts"}).out, HasSubstr("10.0.2.77 two\n"));
}

TEST_F(Lifecycle, AChangedProgramIsStartedAnewAndTheOldOneEnded) {
  Up();
  const auto before = Processes();
  WriteWith("run: [\"exit 3\", \"(setsid sleep 1000 &)\"]", "run: [\"exec sleep 2000\"]");
  const Outcome apply = Taploom({"apply", file()});
  EXPECT_EQ(apply.exit_code, 0) << apply.err;
  EXPECT_EQ(Get("instances", "two").at(0).at("programs"), "running");
  int ended = 0;
  for (const auto& each : before)
    ended += process::Identify(each.pid) != each || process::IsExiting(each.pid);
  EXPECT_EQ(ended, 1) << "the daemon of the old program, and nothing else";
}

TEST_F(Lifecycle, ALoadBalancerFollowsAnApplyWithoutARestart) {
  const std::string balancer =
      "    load_balancers:\n"
      "      front:\n"
      "        type: application\n"
      "        scheme: internal\n"
      "        subnets: {a: 10.0.1.100, b: 10.0.2.100}\n"
      "        security_groups: [open]\n"
      "        listeners: [{protocol: http, port: 80, forward: web}]\n"
      "        target_groups: {web: {protocol: http, port: 8080, targets: [TARGETS]}}\n"
      "instances:\n";
  const auto with = [&](const std::string& targets) {
    std::string text = balancer;
    text.replace(text.find("TARGETS"), 7, targets);
    WriteWith("instances:\n", text);
  };
  with("one");
  Up();
  const auto netns = netns::OpenNamespace(netns::NamespacePath(Netns("front.a")));
  ASSERT_TRUE(netns.ok());
  const auto master = process::ProcessesIn({process::IdOf(netns->get())}).front();
  const auto identity = process::Identify(master);
  EXPECT_EQ(Get("targets").size(), 2u) << "each node checks on its own";

  with("one, two");
  const Outcome apply = Taploom({"apply", file()});
  EXPECT_EQ(apply.exit_code, 0) << apply.err;
  EXPECT_EQ(process::Identify(master), identity);
  json targets = Get("targets");
  ASSERT_EQ(targets.size(), 4u);
  const auto known = [](const json& rows) {
    return std::none_of(rows.begin(), rows.end(),
                        [](const json& row) { return row["state"] == "unavailable"; });
  };
  EXPECT_TRUE(test::Eventually([&] { return known(targets = Get("targets")); })) << targets;
  // Nothing listens behind it, so it answers itself: it is there, on its address.
  EXPECT_EQ(Taploom({"exec", "one", "curl", "-s", "-m5", "-o", "/dev/null", "-w", "%{http_code}",
                     "http://10.0.2.100/"})
                .out.substr(0, 2),
            "50");

  Write(kTopology);
  EXPECT_EQ(Taploom({"apply", file()}).exit_code, 0);
  EXPECT_FALSE(process::Identify(master) == identity && !process::IsExiting(master));
  EXPECT_FALSE(std::filesystem::exists(netns::NamespacePath(Netns("front.a"))));
}

TEST_F(Lifecycle, RequestsThatMakeNoSenseAreRefusedAndDisturbNothing) {
  Up();
  struct Case {
    std::string method, path, body, status, said;
  };
  const Case cases[] = {
      {"GET", "/", "", "404", "GET / is no request of this API"},
      {"GET", "/v1/unicorns", "", "404", "no kind"},
      {"GET", "/v1/enis?name=absent", "", "404", "no enis \\\"absent\\\""},
      {"GET", "/v1/../../etc/passwd", "", "404", "no request"},
      {"POST", "/v1/apply", "", "400", "not a JSON object"},
      {"POST", "/v1/apply", "[1]", "400", "not a JSON object"},
      {"POST", "/v1/apply", "{}", "400", "\\\"topology\\\" is missing"},
      {"POST", "/v1/apply", "{\"topology\": 7}", "400", "of the wrong type"},
      {"POST", "/v1/apply", "{\"topology\": \"x: [\"}", "400", "the topology is not valid"},
      {"POST", "/v1/apply", "{\"topology\": \"x\", \"dry_run\": \"yes\"}", "400",
       "of the wrong type"},
      {"POST", "/v1/attach", "{\"subnet\": \"a\"}", "400", "\\\"name\\\" is missing"},
      {"POST", "/v1/attach", "{\"subnet\": \"a\", \"name\": \"x\", \"pid\": \"one\"}", "400",
       "of the wrong type"},
      {"POST", "/v1/attach", "{\"subnet\": \"a\", \"name\": \"../x\", \"netns\": \"/run/netns/x\"}",
       "404", "no namespace"},
      {"POST", "/v1/detach", "{\"name\": \"one\"}", "404", "not attached"},
      {"POST", "/v1/fault", "{\"kind\": \"az\", \"name\": \"x\"}", "400",
       "\\\"down\\\" is missing"},
      {"POST", "/v1/fault", "{\"kind\": \"az\", \"name\": \"x\", \"down\": true}", "404",
       "no subnet is in availability zone"},
      {"DELETE", "/v1/fabric", "", "404", "no request"},
  };
  for (const Case& each : cases) {
    const Outcome outcome = RunProgram(
        {"curl", "-s", "-m5", "--path-as-is", "--unix-socket", run() / fabric_ / "api.sock", "-X",
         each.method, "-d", each.body, "-w", "\n%{http_code}", "http://taploom" + each.path});
    SCOPED_TRACE(each.method + " " + each.path + " " + each.body);
    EXPECT_THAT(outcome.out, AllOf(HasSubstr(each.said), ::testing::EndsWith("\n" + each.status)));
  }
  EXPECT_TRUE(Reaches("one", "10.0.2.10"));
}

TEST_F(Lifecycle, ABadApplyDisturbsNothing) {
  Up();
  const auto before = Processes();
  WriteWith("private_ip: 10.0.2.10", "private_ip: 10.7.2.10");
  const Outcome apply = Taploom({"apply", file()});
  EXPECT_EQ(apply.exit_code, 2);
  EXPECT_THAT(apply.err, HasSubstr("lab.yaml:13:"));
  for (const auto& each : before) EXPECT_EQ(process::Identify(each.pid), each);
  EXPECT_TRUE(Reaches("one", "10.0.2.10"));
}

TEST_F(Lifecycle, ExecPassesTheExitCodeAndTheInstancesWorld) {
  Up();
  EXPECT_EQ(Taploom({"exec", "one", "--", "sh", "-c", "exit 42"}).exit_code, 42);
  EXPECT_EQ(Taploom({"exec", "one", "--", "sh", "-c", "echo $TAPLOOM_INSTANCE"}).out, "one\n");
  EXPECT_THAT(Taploom({"exec", "one", "cat", "/etc/resolv.conf"}).out,
              HasSubstr("nameserver 10.0.0.2\n"));
  EXPECT_EQ(Taploom({"exec", "one", "--", "no-such-program"}).exit_code, 127);
  const Outcome misspelt = Taploom({"exec", "on", "--", "true"});
  EXPECT_EQ(misspelt.exit_code, 2);
}

// A namespace that the test owns, as a user would.
class Attached : public Lifecycle {
 protected:
  void SetUp() override {
    Lifecycle::SetUp();
    if (IsSkipped()) return;
    name_ = "own-" + fabric_;
    ASSERT_EQ(RunProgram({"ip", "netns", "add", name_}).exit_code, 0);
    Up();
  }
  void TearDown() override {
    if (!name_.empty()) RunProgram({"ip", "netns", "del", name_});
    Lifecycle::TearDown();
  }

  std::string Links() const { return RunProgram({"ip", "-n", name_, "-br", "link"}).out; }

  std::string name_;
};

TEST_F(Attached, JoinsASubnetAndLeavesAsItCame) {
  const std::string before = Links();
  const Outcome attach = Taploom(
      {"attach", "a", "--netns", name_, "--as", "guest", "--ip", "10.0.1.99", "--sg", "open"});
  ASSERT_EQ(attach.exit_code, 0) << attach.err;
  EXPECT_EQ(attach.out, "10.0.1.99\n");
  EXPECT_TRUE(Reaches("one", "10.0.1.99"));
  EXPECT_EQ(RunProgram({"ip", "netns", "exec", name_, "ping", "-c1", "-W2", "10.0.2.10"}).exit_code,
            0);
  EXPECT_THAT(RunProgram({"ip", "netns", "exec", name_, "cat", "/etc/hosts"}).out,
              HasSubstr("10.0.1.10 one\n"));

  const Outcome detach = Taploom({"detach", "guest"});
  EXPECT_EQ(detach.exit_code, 0) << detach.err;
  EXPECT_EQ(Links(), before);
  EXPECT_FALSE(std::filesystem::exists("/etc/netns/" + name_));
}

TEST_F(Attached, SurvivesAnApplyAndItsProcessesSurviveDown) {
  ASSERT_EQ(Taploom({"attach", "a", "--netns", name_, "--as", "guest", "--sg", "open"}).exit_code,
            0);
  WriteWith("instances:\n", "instances:\n  three: {subnet: a}\n");
  EXPECT_EQ(Taploom({"apply", file()}).exit_code, 0);
  EXPECT_EQ(Get("instances", "guest").size(), 1u);

  const pid_t own = fork();
  if (own == 0) {
    execlp("ip", "ip", "netns", "exec", name_.c_str(), "sleep", "1000", nullptr);
    _exit(127);
  }
  const auto identity = process::Identify(own);
  EXPECT_EQ(Taploom({"down"}).exit_code, 0);
  EXPECT_EQ(process::Identify(own), identity);
  EXPECT_FALSE(process::IsExiting(own));
  EXPECT_THAT(Links(), Not(HasSubstr("eth0")));
  kill(own, SIGKILL);
  waitpid(own, nullptr, 0);
}

TEST_F(Attached, WhatDoesNotFitIsRefusedAndChangesNothing) {
  const std::string before = Links();
  struct Case {
    std::vector<std::string> words;
    std::string said;
  };
  const Case cases[] = {
      {{"attach", "nowhere", "--netns", name_}, "nowhere"},
      {{"attach", "a", "--netns", name_, "--ip", "10.9.9.9"}, "10.9.9.9"},
      {{"attach", "a", "--netns", name_, "--ip", "10.0.1.10"}, "10.0.1.10"},
      {{"attach", "a", "--netns", name_, "--sg", "absent"}, "absent"},
      {{"attach", "a", "--netns", name_, "--as", "one"}, "\"one\" exists already"},
      {{"attach", "a", "--netns", name_, "--ip", "ten"}, "\"ten\" is no IP address"},
      {{"attach", "a", "--netns", name_, "--device", "lo"}, "has a device lo already"},
      {{"attach", "a", "--netns", "absent-netns"}, "no namespace at /run/netns/absent-netns"},
      {{"attach", "a", "--netns", "/etc/passwd"}, "is not a network namespace"},
      {{"attach", "a", "--pid", std::to_string(getpid())}, "the host's own network namespace"},
      {{"detach", "one"}, "\"one\" is not attached"},
  };
  for (const Case& each : cases) {
    const Outcome outcome = Taploom(each.words);
    SCOPED_TRACE(each.said);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr(each.said));
    EXPECT_EQ(Links(), before);
  }
  EXPECT_EQ(Get("instances").size(), 2u);
  EXPECT_TRUE(Reaches("one", "10.0.2.10"));
}

TEST_F(Attached, AContainersFilesAreCoveredAndUncovered) {
  const pid_t container = fork();
  if (container == 0) {
    execlp("unshare", "unshare", "--net", "--mount", "sleep", "1000", nullptr);
    _exit(127);
  }
  const std::string pid = std::to_string(container);
  // unshare has done its part once the process is called "sleep".
  std::string name;
  ASSERT_TRUE(test::Eventually([&] {
    std::ifstream("/proc/" + pid + "/comm") >> name;
    return name == "sleep";
  }));
  const auto hosts = [&] {
    return RunProgram({"nsenter", "-t", pid, "-m", "cat", "/etc/hosts"}).out;
  };
  const std::string before = hosts();
  const Outcome attach = Taploom({"attach", "a", "--pid", pid, "--as", "box", "--sg", "open"});
  EXPECT_EQ(attach.exit_code, 0) << attach.err;
  EXPECT_THAT(hosts(), HasSubstr("10.0.1.10 one\n"));
  EXPECT_EQ(RunProgram({"nsenter", "-t", pid, "-n", "ping", "-c1", "-W2", "10.0.2.10"}).exit_code,
            0);
  EXPECT_EQ(Taploom({"detach", "box"}).exit_code, 0);
  EXPECT_EQ(hosts(), before);
  EXPECT_FALSE(process::IsExiting(container));
  kill(container, SIGKILL);
  waitpid(container, nullptr, 0);
}

class Crashed : public Lifecycle {
 protected:
  void KillControl() const { ASSERT_EQ(kill(ControlPid(), SIGKILL), 0); }
};

TEST_F(Crashed, DownClearsEverythingAway) {
  Up();
  const auto processes = Processes();
  KillControl();
  const Outcome down = Taploom({"down", fabric_});
  EXPECT_EQ(down.exit_code, 0) << down.err;
  ExpectNothingLeft(processes);
}

TEST_F(Crashed, TheNextUpClearsAwayAndStarts) {
  Up();
  const auto processes = Processes();
  KillControl();
  const Outcome up = Taploom({"up", file()});
  ASSERT_EQ(up.exit_code, 0) << up.err;
  EXPECT_THAT(up.err, HasSubstr("removing what a crashed run left behind"));
  for (const auto& each : processes) {
    EXPECT_TRUE(process::Identify(each.pid) != each || process::IsExiting(each.pid)) << each.pid;
  }
  EXPECT_TRUE(Reaches("one", "10.0.2.10"));
}

TEST_F(Crashed, IsListedAsSuch) {
  Up();
  KillControl();
  EXPECT_TRUE(test::Eventually([&] {
    return json::parse(Taploom({"ls", "-o", "json"}).out).at(0).at("state") == "crashed";
  }));
  EXPECT_EQ(Taploom({"get", "enis"}).err, "taploom: no fabric runs\n");
}

TEST_F(Crashed, ADataplaneThatDiesIsRestartedAndForwardsAgain) {
  Up();
  const json before = json::parse(Taploom({"ls", "-o", "json"}).out).at(0);
  kill(before.at("dataplane_pid").get<pid_t>(), SIGKILL);
  json after;
  EXPECT_TRUE(test::Eventually([&] {
    after = json::parse(Taploom({"ls", "-o", "json"}).out).at(0);
    return after.at("dataplane_restarts") == 1;
  })) << after;
  EXPECT_EQ(after.at("state"), "running");
  EXPECT_GT(after.at("generation"), before.at("generation"));
  EXPECT_TRUE(Reaches("one", "10.0.2.10"));
}

TEST_F(Lifecycle, CtrlCInForegroundTakesEverythingDown) {
  const pid_t up = fork();
  if (up == 0) {
    execl(TAPLOOM_BINARY, TAPLOOM_BINARY, "up", "--foreground", file().c_str(), nullptr);
    _exit(127);
  }
  ASSERT_TRUE(
      test::Eventually([&] { return std::filesystem::exists(run() / fabric_ / "api.sock"); }));
  const auto processes = Processes();
  kill(up, SIGINT);
  int wait_status = 0;
  waitpid(up, &wait_status, 0);
  EXPECT_TRUE(WIFEXITED(wait_status));
  EXPECT_EQ(WEXITSTATUS(wait_status), 0);
  ExpectNothingLeft(processes);
}

TEST_F(Lifecycle, AFailedUpLeavesNothing) {
  // The namespace's name is taken by somebody else.
  ASSERT_EQ(RunProgram({"ip", "netns", "add", Netns("two")}).exit_code, 0);
  const Outcome up = Taploom({"up", file()});
  EXPECT_NE(up.exit_code, 0);
  EXPECT_THAT(up.err, HasSubstr("exists already"));
  EXPECT_FALSE(std::filesystem::exists(run() / fabric_));
  EXPECT_FALSE(std::filesystem::exists(netns::NamespacePath(Netns("one"))));
  EXPECT_TRUE(std::filesystem::exists(netns::NamespacePath(Netns("two")))) << "it was not ours";
  RunProgram({"ip", "netns", "del", Netns("two")});
}

TEST_F(Lifecycle, ADataplaneThatDoesNotStartIsQuotedAndNothingIsLeft) {
  const std::filesystem::path built = TAPLOOM_BINARY, bin = folder_ / "bin";
  std::filesystem::create_directory(bin);
  for (const char* name : {"taploom", "taploom-control"}) {
    std::filesystem::copy_file(built.parent_path() / name, bin / name);
  }
  std::ofstream(bin / "taploom-dataplane") << "#!/bin/sh\necho no huge pages today >&2\nexit 3\n";
  std::filesystem::permissions(bin / "taploom-dataplane", std::filesystem::perms::owner_all);
  const Outcome up = RunProgram({bin / "taploom", "up", file()});
  EXPECT_EQ(up.exit_code, 3);
  EXPECT_THAT(up.err,
              AllOf(HasSubstr("the dataplane is not running"), HasSubstr("no huge pages today")));
  EXPECT_FALSE(std::filesystem::exists(run()));
}

TEST_F(Lifecycle, TwoFabricsRunSideBySide) {
  Up();
  const std::string other = fabric_ + "-b";
  ASSERT_EQ(Taploom({"up", file(), "--name", other}).exit_code, 0);
  const Outcome which = Taploom({"get", "instances"});
  EXPECT_EQ(which.exit_code, 2);
  EXPECT_THAT(which.err,
              AllOf(HasSubstr("several fabrics run"), HasSubstr(fabric_), HasSubstr(other)));
  EXPECT_EQ(Taploom({"exec", "--name", other, "one", "ping", "-c1", "-W2", "10.0.2.10"}).exit_code,
            0);
  EXPECT_EQ(Taploom({"down", other}).exit_code, 0);
  EXPECT_TRUE(Reaches("one", "10.0.2.10"));
}

TEST_F(Lifecycle, AHundredIdleInstancesAreUpAndDownInFiveSecondsEach) {
  std::string topology =
      "name: FABRIC\nvpcs: {main: {cidr: 10.0.0.0/16, subnets: {a: {cidr: "
      "10.0.0.0/20}}}}\ninstances:\n";
  for (int i = 0; i < 100; ++i) topology += "  i-" + std::to_string(i) + ": {subnet: a}\n";
  Write(topology);
  const auto seconds = [](const std::vector<std::string>& words) {
    const auto start = std::chrono::steady_clock::now();
    const Outcome outcome = Taploom(words);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  EXPECT_LT(seconds({"up", file()}), 5.0);
  EXPECT_EQ(Get("instances").size(), 100u);
  EXPECT_LT(seconds({"down"}), 5.0);
}

}  // namespace
}  // namespace taploom::testing
