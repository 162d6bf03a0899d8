// The load balancer for real: Debian's haproxy on loopback addresses, real targets behind it, real
// clients before it.
//
//   client 127.0.0.1 → node 127.0.0.2:LISTENER → target 127.0.0.3:PORT
#include "control/services/load_balancer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "control/services/target_health.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_folder.h"

namespace taploom::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using test::Eventually;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::SizeIs;
namespace fs = std::filesystem;

constexpr const char* kClient = "127.0.0.1";
constexpr const char* kNode = "127.0.0.2";
constexpr const char* kTarget = "127.0.0.3";
constexpr seconds kPatience{30};
constexpr seconds kEndPatience{3};

wire::IpAddress Address(const char* text) { return wire::IpAddress::Parse(text).value(); }

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A TCP socket bound to a free port of `address`.
class BoundSocket {
 public:
  explicit BoundSocket(const char* address)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    ::inet_pton(AF_INET, address, &name.sin_addr);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
    socklen_t size = sizeof name;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&name), &size);
    port_ = ntohs(name.sin_port);
  }
  ~BoundSocket() { ::close(fd_); }
  BoundSocket(const BoundSocket&) = delete;
  BoundSocket& operator=(const BoundSocket&) = delete;
  int fd() const { return fd_; }
  std::uint16_t port() const { return port_; }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

std::uint16_t FreePort(const char* address) { return BoundSocket(address).port(); }

// A web server that tells what it was sent, and whose health the test decides.
class Target {
 public:
  Target() {
    server_.set_keep_alive_max_count(1);  // else stopping waits for haproxy's idle connections
    server_.Get("/health", [this](const httplib::Request& request, httplib::Response& response) {
      {
        const std::lock_guard lock(mutex_);
        check_ = request;
      }
      response.status = health_status_;
    });
    server_.Get("/half", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content_provider(8, "text/plain",
                                    [this](size_t offset, size_t, httplib::DataSink& sink) {
                                      if (offset > 0) released_.get_future().wait();
                                      return sink.write(offset == 0 ? "half" : "done", 4);
                                    });
    });
    server_.Get("/silence", [this](const httplib::Request&, httplib::Response&) {
      silence_.get_future().wait();
    });
    server_.Get("/own503", [](const httplib::Request&, httplib::Response& response) {
      response.status = 503;
      response.set_content("the application's own", "text/plain");
    });
    server_.Get(".*", [this](const httplib::Request& request, httplib::Response& response) {
      const std::lock_guard lock(mutex_);
      request_ = request;
      response.set_content("hello", "text/plain");
    });
    port_ = static_cast<std::uint16_t>(server_.bind_to_any_port(kTarget));
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  ~Target() {
    server_.stop();
    thread_.join();
  }

  TargetPlan plan(const std::string& name) const {
    return {.name = name, .address = Address(kTarget), .port = port_};
  }
  std::uint16_t port() const { return port_; }
  void set_health_status(int status) { health_status_ = status; }
  void ReleaseSecondHalf() { released_.set_value(); }
  void EndSilence() { silence_.set_value(); }

  httplib::Request last_request() {
    const std::lock_guard lock(mutex_);
    return request_;
  }
  httplib::Request last_check() {
    const std::lock_guard lock(mutex_);
    return check_;
  }

 private:
  httplib::Server server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
  std::atomic<int> health_status_ = 200;
  std::promise<void> released_, silence_;
  std::mutex mutex_;
  httplib::Request request_, check_;
};

// haproxy as the caller of PrepareNode runs it; ended with SIGTERM.
class Process {
 public:
  Process(const std::vector<std::string>& argv, const fs::path& log) {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(),
                                       O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    std::vector<char*> pointers;
    for (const std::string& argument : argv)
      pointers.push_back(const_cast<char*>(argument.c_str()));
    pointers.push_back(nullptr);
    EXPECT_EQ(::posix_spawn(&pid_, argv[0].c_str(), &actions, nullptr, pointers.data(), environ),
              0);
    ::posix_spawn_file_actions_destroy(&actions);
  }
  // A master that is just reloading may miss a SIGTERM; its workers end when it does.
  ~Process() {
    for (const int signal : {SIGTERM, SIGKILL}) {
      ::kill(pid_, signal);
      if (Eventually([&] { return ::waitpid(pid_, nullptr, WNOHANG) == pid_; }, kEndPatience)) {
        return;
      }
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  void Signal(int signal) const { ::kill(pid_, signal); }

 private:
  pid_t pid_ = -1;
};

class LoadBalancerTest : public testing::Test {
 protected:
  LoadBalancerTest() {
    auto ca = CertificateAuthority::Create("test", std::chrono::system_clock::now());
    EXPECT_TRUE(ca.ok());
    ca_.emplace(*std::move(ca));
    std::ofstream(directory_ / "ca.pem") << ca_->certificate_pem();

    plan_.name = "front";
    plan_.dns_name = "mydomain.com";
    plan_.nodes = {{.namespace_name = "front/a", .az = "a", .address = Address(kNode)}};
    https_ = FreePort(kNode);
    http_ = FreePort(kNode);
    redirect_ = FreePort(kNode);
    plan_.listeners = {{.protocol = "https", .port = https_, .forward = "web"},
                       {.protocol = "http", .port = http_, .forward = "web"},
                       {.protocol = "http",
                        .port = redirect_,
                        .forward = "",
                        .redirect_to_https = true,
                        .redirect_port = https_}};
    TargetGroupPlan web;
    web.name = "web";
    web.health_check = {.path = "/health",
                        .interval_seconds = 1,
                        .timeout_seconds = 1,
                        .healthy_threshold = 2,
                        .unhealthy_threshold = 2};
    plan_.target_groups = {web};
  }
  ~LoadBalancerTest() override {
    if (HasFailure()) std::cerr << ReadFile(directory_ / "log");
    haproxy_.reset();
  }

  TargetGroupPlan& web() { return plan_.target_groups.front(); }
  NodeFiles files() const { return FilesIn(directory_ / "node"); }

  // Throws when the node does not come up: no test has anything to say then.
  void Start() {
    const auto command = PrepareNode(directory_ / "node", plan_, plan_.nodes.front(), *ca_);
    if (!command.ok()) throw std::runtime_error(command.status().ToString());
    haproxy_.emplace(*command, directory_ / "log");
    if (!Eventually([&] { return ReadTargetHealth(files().stats_socket).ok(); })) {
      throw std::runtime_error("haproxy does not come up");
    }
  }
  absl::StatusOr<bool> Update() {
    return UpdateNode(directory_ / "node", plan_, plan_.nodes.front(), *ca_);
  }

  std::vector<TargetHealth> Health() {
    return ReadTargetHealth(files().stats_socket).value_or(std::vector<TargetHealth>{});
  }
  // Waits until the only target is in `state`, and returns its row.
  TargetHealth WaitFor(TargetState state) {
    TargetHealth row;
    EXPECT_TRUE(Eventually([&] {
      const auto rows = Health();
      if (rows.size() == 1) row = rows.front();
      return rows.size() == 1 && row.state == state;
    })) << "is "
        << ToString(row.state) << ", not " << ToString(state);
    return row;
  }

  httplib::Result Get(const std::string& path, const httplib::Headers& headers = {}) {
    return Get(http_, path, headers);
  }
  httplib::Result Get(std::uint16_t port, const std::string& path,
                      const httplib::Headers& headers = {}) {
    httplib::Client client(kNode, port);
    client.set_read_timeout(kPatience);
    return client.Get(path, headers);
  }
  // One request, byte for byte, and everything that comes back.
  std::string Exchange(std::uint16_t port, const std::string& request) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    ::inet_pton(AF_INET, kNode, &name.sin_addr);
    std::string answer;
    if (::connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0 &&
        ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
      char buffer[4096];
      for (ssize_t size; (size = ::recv(fd, buffer, sizeof buffer, 0)) > 0;) {
        answer.append(buffer, static_cast<std::size_t>(size));
      }
    }
    ::close(fd);
    return answer;
  }

  const test::TempFolder directory_;
  std::optional<CertificateAuthority> ca_;
  LoadBalancerPlan plan_;
  std::uint16_t https_ = 0, http_ = 0, redirect_ = 0;
  std::optional<Process> haproxy_;
};

TEST_F(LoadBalancerTest, RequestReachesTheTargetFromTheNodesAddress) {
  Target target;
  web().targets = {target.plan("web-1")};
  Start();
  const auto response = Get("/page?x=1");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "hello");
  const httplib::Request seen = target.last_request();
  EXPECT_EQ(seen.target, "/page?x=1");
  EXPECT_EQ(seen.remote_addr, kNode);
}

TEST_F(LoadBalancerTest, TargetLearnsTheClientFromForwardedHeaders) {
  Target target;
  web().targets = {target.plan("web-1")};
  Start();
  ASSERT_TRUE(Get("/"));
  const httplib::Request seen = target.last_request();
  EXPECT_EQ(seen.get_header_value("X-Forwarded-For"), kClient);
  EXPECT_EQ(seen.get_header_value("X-Forwarded-Proto"), "http");
  EXPECT_EQ(seen.get_header_value("X-Forwarded-Port"), std::to_string(http_));
}

TEST_F(LoadBalancerTest, ClientsAddressIsAppendedToAnExistingForwardedFor) {
  Target target;
  web().targets = {target.plan("web-1")};
  Start();
  ASSERT_TRUE(Get("/", {{"X-Forwarded-For", "9.9.9.9, 8.8.8.8"}, {"X-Forwarded-Proto", "gopher"}}));
  const httplib::Request seen = target.last_request();
  EXPECT_EQ(seen.get_header_value_count("X-Forwarded-For"), 1u);
  EXPECT_EQ(seen.get_header_value("X-Forwarded-For"), "9.9.9.9, 8.8.8.8, 127.0.0.1");
  EXPECT_EQ(seen.get_header_value("X-Forwarded-Proto"), "http");
}

TEST_F(LoadBalancerTest, SeveralForwardedForHeadersKeepTheirOrder) {
  Target target;
  web().targets = {target.plan("web-1")};
  Start();
  Exchange(http_,
           "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-For: "
           "8.8.8.8\r\nConnection: close\r\n\r\n");
  const httplib::Request seen = target.last_request();
  ASSERT_EQ(seen.get_header_value_count("X-Forwarded-For"), 3u);
  EXPECT_EQ(seen.get_header_value("X-Forwarded-For", 2), kClient);
}

TEST_F(LoadBalancerTest, RequestWithoutATraceStartsOne) {
  Target target;
  web().targets = {target.plan("web-1")};
  Start();
  const std::time_t before = std::time(nullptr);
  ASSERT_TRUE(Get("/"));
  const std::string first = target.last_request().get_header_value("X-Amzn-Trace-Id");
  EXPECT_THAT(first, MatchesRegex("Root=1-[0-9a-f]{8}-[0-9a-f]{24}"));
  const std::time_t stamped = std::stol(first.substr(7, 8), nullptr, 16);
  EXPECT_GE(stamped, before - 1);
  EXPECT_LE(stamped, std::time(nullptr) + 1);
  ASSERT_TRUE(Get("/"));
  EXPECT_NE(target.last_request().get_header_value("X-Amzn-Trace-Id"), first);
}

TEST_F(LoadBalancerTest, RequestWithATraceKeepsItsRootAndGainsASelf) {
  Target target;
  web().targets = {target.plan("web-1")};
  Start();
  const auto trace_sent_on = [&](const std::string& trace) {
    EXPECT_TRUE(Get("/", {{"X-Amzn-Trace-Id", trace}}));
    return target.last_request().get_header_value("X-Amzn-Trace-Id");
  };
  const std::string id = "1-[0-9a-f]{8}-[0-9a-f]{24}";
  EXPECT_THAT(
      trace_sent_on("Root=1-67891233-abcdef012345678912345678;CalledFrom=app"),
      MatchesRegex("Self=" + id + ";Root=1-67891233-abcdef012345678912345678;CalledFrom=app"));
  EXPECT_THAT(
      trace_sent_on(
          "Self=1-00000000-000000000000000000000000;Root=1-67891233-abcdef012345678912345678"),
      MatchesRegex("Self=" + id + ";Root=1-67891233-abcdef012345678912345678"));
  EXPECT_THAT(trace_sent_on("CalledFrom=app"), MatchesRegex("Root=" + id + ";CalledFrom=app"));
}

TEST_F(LoadBalancerTest, HttpsClientThatTrustsTheCaIsServed) {
  Target target;
  web().targets = {target.plan("web-1")};
  Start();
  httplib::SSLClient client("mydomain.com", https_);
  client.set_hostname_addr_map({{"mydomain.com", kNode}});
  client.set_ca_cert_path((directory_ / "ca.pem").c_str());
  client.enable_server_certificate_verification(true);
  const auto response = client.Get("/");
  ASSERT_TRUE(response) << httplib::to_string(response.error());
  EXPECT_EQ(response->body, "hello");
  const httplib::Request seen = target.last_request();
  EXPECT_EQ(seen.get_header_value("X-Forwarded-Proto"), "https");
  EXPECT_EQ(seen.get_header_value("X-Forwarded-Port"), std::to_string(https_));
}

TEST_F(LoadBalancerTest, HttpListenerRedirectsToHttpsWithPathAndQuery) {
  Start();
  const auto response = Get(redirect_, "/a/b?c=d", {{"Host", "mydomain.com:80"}});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 301);
  EXPECT_EQ(response->get_header_value("Location"),
            "https://mydomain.com:" + std::to_string(https_) + "/a/b?c=d");
  EXPECT_EQ(response->get_header_value("Server"), "awselb/2.0");
}

TEST_F(LoadBalancerTest, RequestWithoutHostGetsTheLoadBalancersName) {
  Start();
  EXPECT_THAT(Exchange(redirect_, "GET /a HTTP/1.0\r\n\r\n"),
              HasSubstr("https://mydomain.com:" + std::to_string(https_) + "/a"));
  EXPECT_THAT(Exchange(redirect_, "GET /a HTTP/1.1\r\nConnection: close\r\n\r\n"),
              HasSubstr("400 Bad Request"));
}

TEST_F(LoadBalancerTest, NoRegisteredTargetIs503) {
  Start();
  const auto response = Get("/");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 503);
  EXPECT_EQ(response->get_header_value("Server"), "awselb/2.0");
  EXPECT_THAT(response->body, HasSubstr("<h1>503 Service Temporarily Unavailable</h1>"));
}

TEST_F(LoadBalancerTest, TargetThatRefusesIs502) {
  web().targets = {{.name = "web-1", .address = Address(kTarget), .port = FreePort(kTarget)}};
  Start();
  EXPECT_EQ(WaitFor(TargetState::kUnhealthy).reason, "Target.FailedHealthChecks");
  const auto response = Get("/");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 502);
  EXPECT_THAT(response->body, HasSubstr("<h1>502 Bad Gateway</h1>"));
}

TEST_F(LoadBalancerTest, TargetThatDoesNotAnswerSynsIs504AfterTenSeconds) {
  // A listener whose queue is full ignores SYNs.
  const BoundSocket deaf(kTarget);
  ASSERT_EQ(::listen(deaf.fd(), 0), 0);
  std::vector<int> fillers;
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(deaf.port());
  ::inet_pton(AF_INET, kTarget, &name.sin_addr);
  for (int i = 0; i < 3; ++i) {
    fillers.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ::connect(fillers.back(), reinterpret_cast<sockaddr*>(&name), sizeof name);
  }
  web().targets = {{.name = "web-1", .address = Address(kTarget), .port = deaf.port()}};
  Start();
  const auto begin = steady_clock::now();
  const auto response = Get("/");
  const auto took = steady_clock::now() - begin;
  for (const int fd : fillers) ::close(fd);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 504);
  EXPECT_THAT(response->body, HasSubstr("<h1>504 Gateway Time-out</h1>"));
  EXPECT_GE(took, milliseconds(9900));
  EXPECT_EQ(WaitFor(TargetState::kUnhealthy).reason, "Target.Timeout");
}

TEST_F(LoadBalancerTest, TargetThatStaysSilentIs504AfterTheIdleTimeout) {
  Target target;
  web().targets = {target.plan("web-1")};
  plan_.idle_timeout_seconds = 1;
  Start();
  const auto response = Get("/silence");
  target.EndSilence();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 504);
}

TEST_F(LoadBalancerTest, TargetsOwn503PassesUnchanged) {
  Target target;
  web().targets = {target.plan("web-1")};
  Start();
  const auto response = Get("/own503");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 503);
  EXPECT_EQ(response->body, "the application's own");
}

TEST_F(LoadBalancerTest, HealthCheckNamesTheTargetAndItself) {
  Target target;
  web().targets = {target.plan("web-1")};
  Start();
  WaitFor(TargetState::kHealthy);
  const httplib::Request check = target.last_check();
  EXPECT_EQ(check.get_header_value("Host"),
            std::string(kTarget) + ":" + std::to_string(target.port()));
  EXPECT_EQ(check.get_header_value("User-Agent"), "ELB-HealthChecker/2.0");
  EXPECT_EQ(check.remote_addr, kNode);
}

TEST_F(LoadBalancerTest, HealthFollowsTheTarget) {
  Target target;
  web().targets = {target.plan("web-1")};
  Start();
  EXPECT_EQ(WaitFor(TargetState::kHealthy).reason, "");
  target.set_health_status(404);
  const TargetHealth sick = WaitFor(TargetState::kUnhealthy);
  EXPECT_EQ(sick.target_group, "web");
  EXPECT_EQ(sick.target, "web-1");
  EXPECT_EQ(sick.port, target.port());
  EXPECT_EQ(sick.reason, "Target.ResponseCodeMismatch");
  EXPECT_EQ(sick.description, "Health checks failed with these codes: [404]");
  target.set_health_status(200);
  WaitFor(TargetState::kHealthy);
}

TEST_F(LoadBalancerTest, UnhealthyTargetGetsNothingWhileAnotherIsHealthy) {
  Target sick, sound;
  sick.set_health_status(500);
  web().targets = {sick.plan("web-1"), sound.plan("web-2")};
  Start();
  ASSERT_TRUE(Eventually([&] {
    const auto rows = Health();
    return rows.size() == 2 && rows[0].state == TargetState::kUnhealthy &&
           rows[1].state == TargetState::kHealthy;
  }));
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(Get("/only-the-sound"));
  EXPECT_EQ(sick.last_request().target, "");
  EXPECT_EQ(sound.last_request().target, "/only-the-sound");
}

TEST_F(LoadBalancerTest, WhenEveryTargetIsUnhealthyAllGetRequests) {
  Target target;
  target.set_health_status(500);
  web().targets = {target.plan("web-1")};
  Start();
  WaitFor(TargetState::kUnhealthy);
  const auto response = Get("/anyway");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(target.last_request().target, "/anyway");
}

TEST_F(LoadBalancerTest, RoundRobinTakesEachTargetInTurn) {
  Target one, two;
  web().targets = {one.plan("web-1"), two.plan("web-2")};
  Start();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(Get("/turn"));
  EXPECT_EQ(one.last_request().target, "/turn");
  EXPECT_EQ(two.last_request().target, "/turn");
}

TEST_F(LoadBalancerTest, ReloadKeepsARequestThatIsUnderWay) {
  Target target, added;
  web().targets = {target.plan("web-1")};
  Start();
  std::promise<void> first_half;
  std::future<std::string> body = std::async(std::launch::async, [&] {
    std::string received;
    httplib::Client client(kNode, http_);
    client.set_read_timeout(kPatience);
    client.Get("/half", [&](const char* data, size_t size) {
      if (received.empty()) first_half.set_value();
      received.append(data, size);
      return true;
    });
    return received;
  });
  ASSERT_EQ(first_half.get_future().wait_for(kPatience), std::future_status::ready);

  web().targets.push_back(added.plan("web-2"));
  const auto changed = Update();
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_TRUE(*changed);
  haproxy_->Signal(kReloadSignal);
  ASSERT_TRUE(Eventually([&] { return Health().size() == 2; }));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(Get("/new"));
  EXPECT_EQ(added.last_request().target, "/new");

  target.ReleaseSecondHalf();
  EXPECT_EQ(body.get(), "halfdone");
}

TEST_F(LoadBalancerTest, ReloadForgetsNobodysHealth) {
  Target sick, sound;
  sick.set_health_status(500);
  web().targets = {sick.plan("web-1"), sound.plan("web-2")};
  Start();
  const auto states = [&] {
    std::vector<TargetState> in_order;
    for (const TargetHealth& row : Health()) in_order.push_back(row.state);
    return in_order;
  };
  const std::vector<TargetState> known{TargetState::kUnhealthy, TargetState::kHealthy};
  ASSERT_TRUE(Eventually([&] { return states() == known; }));

  web().health_check.interval_seconds = 300;
  plan_.listeners[1].port = FreePort(kNode);
  ASSERT_TRUE(Update().value_or(false));
  haproxy_->Signal(kReloadSignal);
  // The new listener answers as soon as there is a worker that has it.
  ASSERT_TRUE(
      Eventually([&] { return static_cast<bool>(Get(plan_.listeners[1].port, "/first")); }));
  EXPECT_EQ(states(), known);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(Get(plan_.listeners[1].port, "/more"));
  EXPECT_EQ(sick.last_request().target, "");
}

TEST_F(LoadBalancerTest, ReloadRightAfterTheStartIsNoDifferent) {
  const auto command = PrepareNode(directory_ / "node", plan_, plan_.nodes.front(), *ca_);
  ASSERT_TRUE(command.ok()) << command.status();
  haproxy_.emplace(*command, directory_ / "log");
  plan_.listeners[2].redirect_port = 4443;
  const auto changed = Update();
  ASSERT_TRUE(changed.ok()) << changed.status();
  haproxy_->Signal(kReloadSignal);
  EXPECT_TRUE(Eventually([&] {
    const auto response = Get(redirect_, "/");
    return response && response->get_header_value("Location").ends_with(":4443/");
  }));
}

TEST_F(LoadBalancerTest, NodeThatDoesNotRunIsUnavailableAndKeepsItsFiles) {
  const auto prepared = PrepareNode(directory_ / "node", plan_, plan_.nodes.front(), *ca_);
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const std::string before = ReadFile(files().config);
  plan_.listeners[2].redirect_port = 4443;
  EXPECT_EQ(Update().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReadFile(files().config), before);
}

TEST_F(LoadBalancerTest, NoConnectionIsRefusedDuringReloads) {
  Target target;
  web().targets = {target.plan("web-1")};
  Start();
  std::atomic<int> served = 0, failed = 0;
  std::jthread client([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) ++(Get("/") ? served : failed);
  });
  for (unsigned idle = 61; idle <= 63; ++idle) {
    plan_.idle_timeout_seconds = idle;
    ASSERT_TRUE(Update().value_or(false));
    haproxy_->Signal(kReloadSignal);
    const int before = served;
    EXPECT_TRUE(Eventually([&] { return served >= before + 50; }));
  }
  client.request_stop();
  client.join();
  EXPECT_EQ(failed, 0);
}

TEST_F(LoadBalancerTest, SamePlanChangesNothing) {
  Start();
  const std::string certificate = ReadFile(files().certificate);
  const auto changed = Update();
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_FALSE(*changed);
  EXPECT_EQ(ReadFile(files().certificate), certificate);
}

TEST_F(LoadBalancerTest, NewNameGetsANewCertificate) {
  Start();
  plan_.dns_name = "other.example";
  EXPECT_TRUE(Update().value_or(false));
  EXPECT_TRUE(ca_->Covers(ReadFile(files().certificate), "other.example",
                          std::chrono::system_clock::now()));
}

TEST_F(LoadBalancerTest, RefusedConfigurationLeavesTheOldOneInUse) {
  Target target;
  web().targets = {target.plan("web-1")};
  Start();
  const std::string good = ReadFile(files().config);
  web().health_check.matcher = "two hundred";
  const absl::Status status = Update().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("invalid character 't' in the list of status codes"));
  EXPECT_EQ(ReadFile(files().config), good);
  EXPECT_FALSE(fs::exists(files().config.string() + ".new"));
  haproxy_->Signal(kReloadSignal);
  EXPECT_TRUE(Get("/"));
}

TEST_F(LoadBalancerTest, FilesAreForTheOwnerOnly) {
  Start();
  for (const fs::path& path : {files().certificate, files().config, files().stats_socket}) {
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0) << path;
    EXPECT_EQ(info.st_mode & 0777u, 0600u) << path;
  }
  struct stat info {};
  ASSERT_EQ(::stat((directory_ / "node").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0700u);
}

TEST_F(LoadBalancerTest, RelativeDirectoryIsAnError) {
  EXPECT_EQ(PrepareNode("node", plan_, plan_.nodes.front(), *ca_).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace taploom::control
