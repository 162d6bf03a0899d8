// Control's half of the conversation, against a scripted dataplane.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "control/publish.h"
#include "dataplane/observe/counters.h"

namespace taploom::control {
namespace {

using ::testing::HasSubstr;

// Answers each request with what `answer` makes of it, until the link goes or `answer` returns
// false.
class Peer {
 public:
  using Answer =
      std::function<bool(const config::ToDataplane&, int descriptor, config::FromDataplane&)>;

  Peer(DataplaneLink& link, Answer answer) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
    link.Connect(process::UniqueFd(ends[0]));
    thread_ = std::thread([fd = ends[1], answer = std::move(answer)] {
      const process::UniqueFd socket(fd);
      config::ToDataplane request;
      for (int descriptor = -1; Receive(fd, request, descriptor);) {
        const process::UniqueFd passed(descriptor);
        config::FromDataplane reply;
        reply.set_sequence(request.sequence());
        if (!answer(request, descriptor, reply)) return;
        const std::string body = reply.SerializeAsString();
        const auto size = static_cast<std::uint32_t>(body.size());
        std::string message(reinterpret_cast<const char*>(&size), sizeof size);
        message += body;
        if (write(fd, message.data(), message.size()) < 0) return;
      }
    });
  }
  ~Peer() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  static bool Receive(int fd, config::ToDataplane& request, int& descriptor) {
    std::uint32_t size = 0;
    iovec part{&size, sizeof size};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    descriptor = -1;
    if (recvmsg(fd, &header, MSG_WAITALL) != sizeof size) return false;
    if (const cmsghdr* rights = CMSG_FIRSTHDR(&header); rights != nullptr) {
      std::memcpy(&descriptor, CMSG_DATA(rights), sizeof descriptor);
    }
    std::string body(size, '\0');
    return (size == 0 || recv(fd, body.data(), size, MSG_WAITALL) == static_cast<ssize_t>(size)) &&
           request.ParseFromString(body);
  }

  std::thread thread_;
};

TEST(DataplaneLink, APortTravelsWithItsDescriptor) {
  DataplaneLink link;
  int tap[2];
  ASSERT_EQ(pipe(tap), 0);
  {
    Peer peer(link, [](const config::ToDataplane& request, int descriptor, config::FromDataplane&) {
      EXPECT_EQ(request.add_port().port(), 7u);
      EXPECT_EQ(request.add_port().name(), "web-1/eth0");
      return write(descriptor, "x", 1) == 1;  // the very pipe
    });
    EXPECT_TRUE(link.AddPort(7, "web-1/eth0", std::array{tap[1]}).ok());
    link.Disconnect();
  }
  char byte = 0;
  EXPECT_EQ(read(tap[0], &byte, 1), 1);
  close(tap[0]);
  close(tap[1]);
}

TEST(DataplaneLink, GenerationsCountOnAcrossARestartAndNotOverARefusal) {
  DataplaneLink link;
  std::vector<std::uint64_t> seen;
  const auto accept = [&](const config::ToDataplane& request, int, config::FromDataplane&) {
    seen.push_back(request.apply().generation());
    return true;
  };
  const auto refuse = [&](const config::ToDataplane& request, int, config::FromDataplane& reply) {
    seen.push_back(request.apply().generation());
    reply.set_error("subnet-1 references vpc-9, which does not exist");
    return true;
  };
  {
    Peer peer(link, accept);
    EXPECT_TRUE(link.Publish({}).ok());
    EXPECT_EQ(link.generation(), 1u);
    link.Disconnect();
  }
  {
    Peer peer(link, refuse);
    const absl::Status status = link.Publish({}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status));
    EXPECT_THAT(std::string(status.message()), HasSubstr("vpc-9, which does not exist"));
    EXPECT_TRUE(link.connected()) << "a refusal is an answer";
    link.Disconnect();
  }
  {
    Peer peer(link, accept);
    EXPECT_TRUE(link.Publish({}).ok());
    EXPECT_EQ(link.generation(), 2u);
    link.Disconnect();
  }
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 2, 2}));
}

TEST(DataplaneLink, ADataplaneThatGoesAwayIsUnavailableFromThenOn) {
  DataplaneLink link;
  Peer peer(link, [](const config::ToDataplane&, int, config::FromDataplane&) { return false; });
  EXPECT_TRUE(absl::IsUnavailable(link.GetConnections(10).status()));
  EXPECT_FALSE(link.connected());
  EXPECT_TRUE(absl::IsUnavailable(link.RemovePort(1)));
}

TEST(DataplaneLink, CountersAreReadFromMemoryThatTheDataplaneWritesWithoutAskingIt) {
  DataplaneLink link;
  std::unique_ptr<observe::Counters> counters;
  int questions = 0;
  Peer peer(link, [&](const config::ToDataplane& request, int descriptor, config::FromDataplane&) {
    ++questions;
    EXPECT_EQ(request.share_counters().size(), observe::CounterMemory::SizeFor(1));
    counters = std::make_unique<observe::Counters>(
        std::make_unique<observe::CounterMemory>(descriptor, true));
    return true;
  });
  EXPECT_TRUE(absl::IsUnavailable(link.GetCounters().status())) << "nothing is shared yet";
  ASSERT_TRUE(link.ShareCounters().ok());
  counters->AddPort(7);
  counters->port(7).sent_packets.Add(3);
  const auto report = link.GetCounters();
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->ports_size(), 1);
  EXPECT_EQ(report->ports(0).sent_packets(), 3u);
  EXPECT_EQ(questions, 1);
  link.Disconnect();
  EXPECT_TRUE(absl::IsUnavailable(link.GetCounters().status()));
}

TEST(DataplaneLink, ConnectionsOfADataplaneThatHasDiedAreGivenToTheNextUntilTheyAreDropped) {
  DataplaneLink link;
  struct Gift {
    config::ShareConnections request;
    ino_t memory = 0;  // of the first worker
  };
  const auto next_dataplane = [&link] {
    Gift gift;
    Peer peer(link, [&](const config::ToDataplane& request, int descriptor,
                        config::FromDataplane& reply) {
      if (request.has_apply()) {
        reply.mutable_applied()->set_adopted_connections(12);
        return true;
      }
      struct stat status {};
      EXPECT_EQ(fstat(descriptor, &status), 0);
      gift = {request.share_connections(), status.st_ino};
      return true;
    });
    EXPECT_TRUE(link.ShareConnections().ok());
    EXPECT_EQ(link.Publish({})->adopted_connections(), 12u);
    link.Disconnect();
    return gift;
  };
  const Gift first = next_dataplane(), second = next_dataplane();
  EXPECT_EQ(first.memory, second.memory);
  EXPECT_EQ(first.request.SerializeAsString(), second.request.SerializeAsString());
  EXPECT_NE(first.request.seed(), 0u);
  const std::chrono::nanoseconds now = std::chrono::steady_clock::now().time_since_epoch();
  EXPECT_LE(first.request.clock_start_ns(), now.count());
  EXPECT_GT(first.request.clock_start_ns(), (now - std::chrono::minutes(10)).count());

  link.DropConnections();
  const Gift third = next_dataplane();
  EXPECT_NE(third.memory, first.memory);
  EXPECT_NE(third.request.seed(), first.request.seed());
}

TEST(DataplaneLink, AnAnswerToAnotherQuestionEndsTheConversation) {
  DataplaneLink link;
  Peer peer(link, [](const config::ToDataplane& request, int, config::FromDataplane& reply) {
    reply.set_sequence(request.sequence() + 1);
    return true;
  });
  EXPECT_TRUE(absl::IsInternal(link.GetConnections(10).status()));
  EXPECT_FALSE(link.connected());
}

TEST(DataplaneLink, WithoutADataplaneNothingIsAsked) {
  DataplaneLink link;
  EXPECT_TRUE(absl::IsUnavailable(link.Publish({}).status()));
  EXPECT_EQ(link.generation(), 0u);
}

}  // namespace
}  // namespace taploom::control
