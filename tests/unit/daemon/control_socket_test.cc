#include "dataplane/daemon/control_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace taploom::daemon {
namespace {

class ControlSocketTest : public testing::Test {
 protected:
  ControlSocketTest() { Connect(); }

  void Connect() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    control_.Reset(ends[0]);
    dataplane_.emplace(io::UniqueFd(ends[1]));
  }

  void Write(const std::string& bytes) {
    ASSERT_EQ(send(control_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void WriteWithDescriptors(const std::string& bytes, const std::vector<int>& descriptors) {
    iovec data{const_cast<char*>(bytes.data()), bytes.size()};
    std::vector<char> ancillary(CMSG_SPACE(descriptors.size() * sizeof(int)));
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = ancillary.data();
    header.msg_controllen = ancillary.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size() * sizeof(int));
    ASSERT_EQ(sendmsg(control_.get(), &header, 0), static_cast<ssize_t>(bytes.size()));
  }

  std::string ErrorOfReceive() {
    ControlMessage message;
    try {
      dataplane_->Receive(message);
    } catch (const ProtocolError& error) {
      return error.what();
    }
    return "";
  }

  io::UniqueFd control_;
  std::optional<ControlSocket> dataplane_;
};

// The payload behind its size.
std::string Framed(const std::string& payload) {
  const auto size = static_cast<std::uint32_t>(payload.size());
  const char count[] = {static_cast<char>(size), static_cast<char>(size >> 8),
                        static_cast<char>(size >> 16), static_cast<char>(size >> 24)};
  return std::string(count, sizeof count) + payload;
}

std::string Request(std::uint64_t sequence) {
  config::ToDataplane request;
  request.set_sequence(sequence);
  request.mutable_get_counters();
  const std::string payload = request.SerializeAsString();
  return Framed(payload);
}

int OpenDescriptorCount() {
  int count = 0;
  for (int i = 0; i < 1024; ++i) count += fcntl(i, F_GETFD) != -1;
  return count;
}

TEST_F(ControlSocketTest, ReadsMessagesInOrder) {
  Write(Request(1) + Request(2));
  ControlMessage message;
  ASSERT_TRUE(dataplane_->Receive(message));
  EXPECT_EQ(message.request.sequence(), 1u);
  EXPECT_TRUE(message.request.has_get_counters());
  ASSERT_TRUE(dataplane_->Receive(message));
  EXPECT_EQ(message.request.sequence(), 2u);
  EXPECT_TRUE(message.descriptors.empty());
}

TEST_F(ControlSocketTest, AMessageMayComeByteByByte) {
  std::thread control([&] {
    for (const char byte : Request(7)) Write(std::string(1, byte));
  });
  ControlMessage message;
  ASSERT_TRUE(dataplane_->Receive(message));
  EXPECT_EQ(message.request.sequence(), 7u);
  control.join();
}

TEST_F(ControlSocketTest, AMessageLargerThanTheSocketBufferIsReadWhole) {
  config::ToDataplane request;
  request.mutable_apply()->set_name(std::string(5'000'000, 'n'));
  const std::string payload = request.SerializeAsString();
  std::thread control([&] { Write(Framed(payload)); });
  ControlMessage message;
  ASSERT_TRUE(dataplane_->Receive(message));
  EXPECT_EQ(message.request.apply().name().size(), 5'000'000u);
  control.join();
}

TEST_F(ControlSocketTest, ADescriptorComesWithItsMessageOnly) {
  const io::UniqueFd sent(eventfd(41, EFD_NONBLOCK));
  WriteWithDescriptors(Request(1), {sent.get()});
  Write(Request(2));
  ControlMessage message;
  ASSERT_TRUE(dataplane_->Receive(message));
  eventfd_t value = 0;
  ASSERT_EQ(message.descriptors.size(), 1u);
  ASSERT_EQ(eventfd_read(message.descriptors[0].get(), &value), 0);
  EXPECT_EQ(value, 41u);
  EXPECT_NE(fcntl(message.descriptors[0].get(), F_GETFD) & FD_CLOEXEC, 0);
  ASSERT_TRUE(dataplane_->Receive(message));
  EXPECT_TRUE(message.descriptors.empty());
}

TEST_F(ControlSocketTest, SeveralDescriptorsComeInTheirOrder) {
  const io::UniqueFd first(eventfd(1, EFD_NONBLOCK)), second(eventfd(2, EFD_NONBLOCK));
  WriteWithDescriptors(Request(1), {first.get(), second.get()});
  ControlMessage message;
  ASSERT_TRUE(dataplane_->Receive(message));
  ASSERT_EQ(message.descriptors.size(), 2u);
  for (eventfd_t i = 0; i < 2; ++i) {
    eventfd_t value = 0;
    ASSERT_EQ(eventfd_read(message.descriptors[i].get(), &value), 0);
    EXPECT_EQ(value, i + 1);
  }
}

TEST_F(ControlSocketTest, TooManyDescriptorsAreAnErrorAndAreClosed) {
  for (const std::size_t count : {17u, 40u}) {
    const io::UniqueFd sent(eventfd(0, 0));
    WriteWithDescriptors(Request(1), std::vector<int>(count, sent.get()));
    const int before = OpenDescriptorCount();
    EXPECT_EQ(ErrorOfReceive(),
              "A control message carries more than 16 descriptors, or one that this process has no "
              "room for.");
    EXPECT_EQ(OpenDescriptorCount(), before) << count << " descriptors";
    Connect();
  }
}

TEST_F(ControlSocketTest, TheEndBetweenMessagesIsNoError) {
  Write(Request(1));
  control_.Reset();
  ControlMessage message;
  EXPECT_TRUE(dataplane_->Receive(message));
  EXPECT_FALSE(dataplane_->Receive(message));
}

TEST_F(ControlSocketTest, TheEndInsideAMessageIsAnError) {
  const std::string request = Request(1);
  for (const std::size_t size : {std::size_t{1}, std::size_t{4}, request.size() - 1}) {
    Write(request.substr(0, size));
    control_.Reset();
    EXPECT_EQ(ErrorOfReceive(), "Control closed the connection in the middle of a message.")
        << size;
    Connect();
  }
}

TEST_F(ControlSocketTest, AnAbsurdSizeIsAnErrorBeforeAnyMemoryIsTaken) {
  Write(std::string(4, '\xff'));
  EXPECT_EQ(ErrorOfReceive(),
            "A control message says it has 4294967295 bytes; the limit is 268435456.");
}

TEST_F(ControlSocketTest, ASizeThatIsOnlyClaimedTakesNoMemory) {
  Write(std::string("\x00\x00\x00\x10", 4));  // exactly the limit
  control_.Reset();
  EXPECT_EQ(ErrorOfReceive(), "Control closed the connection in the middle of a message.");
}

TEST_F(ControlSocketTest, BytesThatAreNoRequestAreAnError) {
  Write(Framed("garbage"));
  EXPECT_EQ(ErrorOfReceive(), "A control message of 7 bytes is not a ToDataplane message.");
}

TEST_F(ControlSocketTest, AnAnswerIsFramedLikeARequest) {
  config::FromDataplane reply;
  reply.set_sequence(9);
  reply.set_error("No.");
  ASSERT_TRUE(dataplane_->Send(reply));
  char bytes[64];
  const ssize_t size = recv(control_.get(), bytes, sizeof bytes, 0);
  const std::string payload = reply.SerializeAsString();
  EXPECT_EQ(std::string(bytes, static_cast<std::size_t>(size)), Framed(payload));
}

TEST_F(ControlSocketTest, AnsweringNobodyIsNoCrash) {
  control_.Reset();
  EXPECT_FALSE(dataplane_->Send(config::FromDataplane()));
}

}  // namespace
}  // namespace taploom::daemon
