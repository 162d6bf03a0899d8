// The real process, real TAPs and real kernels at both ends.
#include "tests/unit/daemon/dataplane_process.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/daemon/tap_instance.h"
#include "tests/unit/worker/open_fabric.h"

namespace taploom::daemon {
namespace {

using namespace std::chrono_literals;

class DataplaneProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "namespaces and TAPs need root";
  }
};

// --- The life of the process
// ---------------------------------------------------------------------------------------------

TEST_F(DataplaneProcessTest, EndsWhenControlClosesTheSocket) {
  DataplaneProcess dataplane;
  dataplane.Apply(OpenFabric(1, 2));
  dataplane.CloseSocket();
  const int status = dataplane.Wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST_F(DataplaneProcessTest, EndsWithStatus2OnBytesThatAreNoMessage) {
  for (const std::string& bytes :
       {std::string("\x07\0\0\0garbage", 11), std::string("\xff\xff\xff\xff", 4)}) {
    DataplaneProcess dataplane;
    dataplane.WriteRaw(bytes);
    const int status = dataplane.Wait();
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 2) << status;
  }
}

TEST_F(DataplaneProcessTest, EndsWithStatus2OnBadArguments) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--control-fd", "99"},
                                                    {"--control-fd"},
                                                    {"--control-fd", "x"},
                                                    {"--spin-us", "-1"},
                                                    {"--io", "epoll"},
                                                    {"--control-fd", "0"},
                                                    {"--no-such-option", "1"}}) {
    DataplaneProcess dataplane(arguments);
    const int status = dataplane.Wait();
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 2) << arguments[0] << " " << status;
  }
}

TEST_F(DataplaneProcessTest, DiesWithItsParent) {
  // Control's end of the socket stays open in this process, so only its parent's death can end the
  // dataplane.
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const pid_t parent = fork();
  if (parent == 0) {
    DataplaneProcess::Start(io::UniqueFd(ends[1]));
    pause();
    _exit(1);
  }
  close(ends[1]);
  DataplaneProcess dataplane((io::UniqueFd(ends[0])));
  dataplane.Apply(OpenFabric(1, 1));  // answered, so the sandbox is complete

  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);

  EXPECT_TRUE(dataplane.WaitForEndOfSocket());
}

// --- What it may do
// ------------------------------------------------------------------------------------------------------

TEST_F(DataplaneProcessTest, HasNoRights) {
  DataplaneProcess dataplane;
  dataplane.Apply(OpenFabric(1, 2));
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    EXPECT_EQ(dataplane.Status(set), "0000000000000000") << set;
  }
  EXPECT_EQ(dataplane.Status("NoNewPrivs"), "1");
  EXPECT_EQ(dataplane.Status("Seccomp"), "2");
  EXPECT_EQ(dataplane.Status("Uid"), "65534\t65534\t65534\t65534");
  EXPECT_EQ(dataplane.Status("Gid"), "65534\t65534\t65534\t65534");
  EXPECT_EQ(dataplane.Status("Groups"), "");
}

TEST_F(DataplaneProcessTest, EveryThreadIsFiltered) {
  DataplaneProcess dataplane;
  dataplane.Apply(OpenFabric(1, 2));
  int threads = 0;
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(dataplane.pid()) + "/task")) {
    std::ifstream file(task.path() / "status");
    const std::string status((std::istreambuf_iterator<char>(file)), {});
    EXPECT_NE(status.find("\nSeccomp:\t2\n"), std::string::npos) << task.path();
    ++threads;
  }
  EXPECT_EQ(threads, 2) << "control and one worker";
}

TEST_F(DataplaneProcessTest, SeesAnEmptyFileSystemAndNoNetwork) {
  DataplaneProcess dataplane;
  dataplane.Apply(OpenFabric(1, 2));
  const std::filesystem::path process = "/proc/" + std::to_string(dataplane.pid());
  EXPECT_TRUE(std::filesystem::is_empty(process / "root"));
  std::ifstream mounts(process / "mountinfo");
  std::string first, second;
  std::getline(mounts, first);
  EXPECT_NE(first.find(" / ro,"), std::string::npos) << first;
  EXPECT_FALSE(std::getline(mounts, second)) << "the host's mounts are gone: " << second;

  EXPECT_NE(std::filesystem::read_symlink(process / "ns/net"),
            std::filesystem::read_symlink("/proc/self/ns/net"));
  std::ifstream devices(process / "net/dev");
  const std::string text((std::istreambuf_iterator<char>(devices)), {});
  EXPECT_EQ(std::count(text.begin(), text.end(), ':'), 1)
      << "the loopback device that every namespace has: " << text;
}

TEST_F(DataplaneProcessTest, LeavesNothingMountedOnTheHost) {
  const auto read_mounts = [] {
    std::ifstream file("/proc/self/mounts");
    return std::string((std::istreambuf_iterator<char>(file)), {});
  };
  const std::string before = read_mounts();
  {
    DataplaneProcess dataplane;
    dataplane.Apply(OpenFabric(1, 2));
    EXPECT_EQ(read_mounts(), before);
  }
  EXPECT_EQ(read_mounts(), before);
}

// --- What it does
// --------------------------------------------------------------------------------------------------------

// The parameter: what --io says.
class TwoInstancesTest : public DataplaneProcessTest,
                         public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    DataplaneProcessTest::SetUp();
    if (IsSkipped()) return;
    first_ = std::make_unique<TapInstance>(1);
    second_ = std::make_unique<TapInstance>(2);
    dataplane_ = std::make_unique<DataplaneProcess>(std::vector<std::string>{"--io", GetParam()});
    config::ToDataplane request;
    request.mutable_get_counters();
    const bool uses_ring = dataplane_->Ask(request).counters().uses_io_uring();
    if (!uses_ring && GetParam() == std::string("io_uring")) GTEST_SKIP() << "no io_uring here";
    EXPECT_EQ(uses_ring, GetParam() == std::string("io_uring"));
    dataplane_->AddPort(1, first_->tap());
    dataplane_->AddPort(2, second_->tap());
    dataplane_->Apply(OpenFabric(1, 2));
  }

  io::UniqueFd SocketIn(const TapInstance& instance, int family, int type) {
    io::UniqueFd result;
    instance.Run([&] { result.Reset(socket(family, type | SOCK_CLOEXEC, 0)); });
    EXPECT_TRUE(result.valid());
    const timeval patience{10, 0};
    setsockopt(result.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return result;
  }

  // The address of port `port`'s ENI, as bind and connect take it.
  static std::pair<sockaddr_storage, socklen_t> Endpoint(int family, unsigned port,
                                                         std::uint16_t number) {
    sockaddr_storage storage{};
    if (family == AF_INET) {
      auto& address = reinterpret_cast<sockaddr_in&>(storage);
      address.sin_family = AF_INET;
      address.sin_port = htons(number);
      inet_pton(AF_INET, AddressOfPort(port).c_str(), &address.sin_addr);
      return {storage, sizeof(sockaddr_in)};
    }
    auto& address = reinterpret_cast<sockaddr_in6&>(storage);
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(number);
    inet_pton(AF_INET6, AddressV6OfPort(port).c_str(), &address.sin6_addr);
    return {storage, sizeof(sockaddr_in6)};
  }

  static void Bind(const io::UniqueFd& socket, int family, unsigned port, std::uint16_t number) {
    const auto [address, size] = Endpoint(family, port, number);
    ASSERT_EQ(bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  }
  static void Connect(const io::UniqueFd& socket, int family, unsigned port, std::uint16_t number) {
    const auto [address, size] = Endpoint(family, port, number);
    ASSERT_EQ(connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size), 0)
        << std::strerror(errno);
  }

  void ExpectDatagramArrives(const std::string& text) {
    const io::UniqueFd receiver = SocketIn(*second_, AF_INET, SOCK_DGRAM);
    const io::UniqueFd sender = SocketIn(*first_, AF_INET, SOCK_DGRAM);
    Bind(receiver, AF_INET, 2, 7000);
    Connect(sender, AF_INET, 2, 7000);
    ASSERT_EQ(send(sender.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    std::string received(70'000, '\0');
    const ssize_t size = recv(receiver.get(), received.data(), received.size(), 0);
    ASSERT_EQ(size, static_cast<ssize_t>(text.size())) << std::strerror(errno);
    EXPECT_EQ(received.substr(0, text.size()), text);
  }

  std::unique_ptr<TapInstance> first_, second_;
  std::unique_ptr<DataplaneProcess> dataplane_;
};

TEST_P(TwoInstancesTest, ATcpStreamOfSuperframesArrivesUnchanged) {
  constexpr std::size_t kSize = std::size_t{64} << 20;
  std::vector<std::uint32_t> sent(kSize / 4);
  std::iota(sent.begin(), sent.end(), 0u);  // every word differs, so a lost or doubled part shows
  for (const int family : {AF_INET, AF_INET6}) {
    const io::UniqueFd listener = SocketIn(*second_, family, SOCK_STREAM);
    Bind(listener, family, 2, 8080);
    ASSERT_EQ(listen(listener.get(), 1), 0);
    const io::UniqueFd client = SocketIn(*first_, family, SOCK_STREAM);
    Connect(client, family, 2, 8080);
    const io::UniqueFd server(accept(listener.get(), nullptr, nullptr));
    ASSERT_TRUE(server.valid());

    std::thread sender([&] {
      const auto* bytes = reinterpret_cast<const char*>(sent.data());
      for (std::size_t done = 0; done < kSize;) {
        const ssize_t written = send(client.get(), bytes + done, kSize - done, MSG_NOSIGNAL);
        ASSERT_GT(written, 0);
        done += static_cast<std::size_t>(written);
      }
      shutdown(client.get(), SHUT_WR);
    });
    std::vector<std::uint32_t> received(kSize / 4);
    EXPECT_EQ(recv(server.get(), received.data(), kSize, MSG_WAITALL), static_cast<ssize_t>(kSize));
    sender.join();
    EXPECT_TRUE(received == sent);
  }
  const config::PortCounters counters = dataplane_->CountersOf(1);
  EXPECT_LT(counters.received_packets(), 2 * kSize / 9001)
      << "the stream travels in superframes, not in segments";
}

TEST_P(TwoInstancesTest, DatagramsArriveWholeAndInFragments) {
  for (const std::size_t size : {1u, 1000u, 8973u, 9000u, 65'000u}) {
    SCOPED_TRACE(size);
    ExpectDatagramArrives(std::string(size, 'd'));
  }
}

TEST_P(TwoInstancesTest, ADeviceThatVanishesDoesNotDisturbTheOthersOrTheProcessor) {
  const TapInstance third(3);
  dataplane_->Apply(OpenFabric(2, 3));
  dataplane_->AddPort(3, third.tap());
  third.Ip("link delete eth0");

  const double before = dataplane_->CpuSeconds();
  std::this_thread::sleep_for(500ms);
  EXPECT_LT(dataplane_->CpuSeconds() - before, 0.02) << "a dead descriptor is not polled for ever";
  ExpectDatagramArrives("still here");
  dataplane_->RemovePort(3);
}

TEST_P(TwoInstancesTest, IdleCostsNothing) {
  ExpectDatagramArrives("before");
  const double before = dataplane_->CpuSeconds();
  std::this_thread::sleep_for(1s);
  EXPECT_LT(dataplane_->CpuSeconds() - before, 0.02);
}

TEST_P(TwoInstancesTest, AnOldPortNumberTakesANewDevice) {
  dataplane_->RemovePort(2);
  second_ = std::make_unique<TapInstance>(2);
  dataplane_->AddPort(2, second_->tap());
  ExpectDatagramArrives("to the new device");
}

TEST_P(TwoInstancesTest, AConnectionIsReported) {
  ExpectDatagramArrives("hello");
  config::ToDataplane request;
  request.mutable_get_connections()->set_limit(100);
  const config::FromDataplane reply = dataplane_->Ask(request);
  ASSERT_EQ(reply.error(), "");
  for (const config::Connection& connection : reply.connections().connections()) {
    if (connection.destination_port() != 7000) continue;
    EXPECT_EQ(connection.protocol(), "udp");
    EXPECT_EQ(connection.ingress_port(), 1u);
    EXPECT_EQ(connection.egress_port(), 2u);
    EXPECT_EQ(connection.source(), std::string("\x0a\x00\x01\x0a", 4));
    EXPECT_EQ(connection.translated_destination(), std::string("\x0a\x00\x01\x0b", 4));
    EXPECT_EQ(connection.translated_destination_port(), 7000u);
    EXPECT_EQ(connection.state(), "UDP_ONE_WAY");
    EXPECT_EQ(connection.original_packets(), 1u);
    EXPECT_EQ(connection.nat_gateway_id(), "");
    return;
  }
  FAIL() << "no connection to port 7000 among " << reply.connections().connections_size();
}

INSTANTIATE_TEST_SUITE_P(By, TwoInstancesTest, testing::Values("read-write", "io_uring"),
                         [](const auto& each) {
                           return each.param == std::string("io_uring") ? "Ring" : "ReadWrite";
                         });

TEST_F(DataplaneProcessTest, AHundredPortsStayWithinTheMemoryBudget) {
  constexpr unsigned kPorts = 100;
  DataplaneProcess dataplane;
  const TapInstance host(1);
  std::vector<io::UniqueFd> taps;
  host.Run([&] {
    for (unsigned port = 1; port <= kPorts; ++port) taps.push_back(MakeTap());
  });
  for (unsigned port = 1; port <= kPorts; ++port) dataplane.AddPort(port, taps[port - 1].get());
  dataplane.Apply(OpenFabric(1, kPorts));
  EXPECT_LT(std::stoul(dataplane.Status("VmRSS")), 64u * 1024) << "KiB";
}

}  // namespace
}  // namespace taploom::daemon
