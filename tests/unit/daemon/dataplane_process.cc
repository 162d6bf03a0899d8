#include "tests/unit/daemon/dataplane_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

namespace taploom::daemon {

DataplaneProcess::DataplaneProcess(const std::vector<std::string>& arguments) {
  int ends[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  socket_.Reset(ends[0]);
  pid_ = Start(io::UniqueFd(ends[1]), arguments);
}

pid_t DataplaneProcess::Start(const io::UniqueFd& dataplane_end,
                              std::vector<std::string> arguments) {
  std::vector<char*> argv = {const_cast<char*>("taploom-dataplane")};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    // 3 is the default of --control-fd. dup2 onto itself would keep close-on-exec.
    if (dataplane_end.get() == 3) {
      fcntl(3, F_SETFD, 0);
    } else {
      dup2(dataplane_end.get(), 3);
    }
    execv(TAPLOOM_DATAPLANE_BINARY, argv.data());
    _exit(127);
  }
  return child;
}

bool DataplaneProcess::WaitForEndOfSocket() {
  char byte;
  const ssize_t size = recv(socket_.get(), &byte, 1, 0);
  return size == 0 || (size < 0 && errno == ECONNRESET);
}

DataplaneProcess::~DataplaneProcess() {
  CloseSocket();
  if (pid_ > 0) Wait();
}

void DataplaneProcess::WriteRaw(const std::string& bytes) {
  ASSERT_EQ(send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
}

config::FromDataplane DataplaneProcess::Ask(config::ToDataplane request, int descriptor) {
  request.set_sequence(++sequence_);
  const std::string payload = request.SerializeAsString();
  auto size = static_cast<std::uint32_t>(payload.size());  // every host we run on is little-endian
  iovec data{&size, sizeof size};
  alignas(cmsghdr) char ancillary[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  if (descriptor >= 0) {
    header.msg_control = ancillary;
    header.msg_controllen = sizeof ancillary;
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
  }
  EXPECT_EQ(sendmsg(socket_.get(), &header, MSG_NOSIGNAL), static_cast<ssize_t>(sizeof size));
  WriteRaw(payload);

  config::FromDataplane reply;
  EXPECT_EQ(recv(socket_.get(), &size, sizeof size, MSG_WAITALL), static_cast<ssize_t>(sizeof size))
      << "the dataplane is gone";
  std::string bytes(size, '\0');
  EXPECT_EQ(recv(socket_.get(), bytes.data(), bytes.size(), MSG_WAITALL),
            static_cast<ssize_t>(bytes.size()));
  EXPECT_TRUE(reply.ParseFromString(bytes));
  EXPECT_EQ(reply.sequence(), sequence_);
  return reply;
}

void DataplaneProcess::Apply(const config::FabricConfig& fabric) {
  config::ToDataplane request;
  *request.mutable_apply() = fabric;
  EXPECT_EQ(Ask(request).error(), "");
}

void DataplaneProcess::AddPort(unsigned port, int tap) {
  config::ToDataplane request;
  request.mutable_add_port()->set_port(port);
  EXPECT_EQ(Ask(request, tap).error(), "");
}

void DataplaneProcess::RemovePort(unsigned port) {
  config::ToDataplane request;
  request.mutable_remove_port()->set_port(port);
  EXPECT_EQ(Ask(request).error(), "");
}

config::PortCounters DataplaneProcess::CountersOf(unsigned port) {
  config::ToDataplane request;
  request.mutable_get_counters();
  const config::FromDataplane reply = Ask(request);
  for (const config::PortCounters& counters : reply.counters().ports()) {
    if (counters.port() == port) return counters;
  }
  ADD_FAILURE() << "no counters of port " << port;
  return {};
}

int DataplaneProcess::Wait() {
  int status = 0;
  EXPECT_EQ(waitpid(std::exchange(pid_, -1), &status, 0) > 0, true);
  return status;
}

std::string DataplaneProcess::Status(const std::string& field) const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(field + ":")) {
      const std::size_t begin = line.find_first_not_of(" \t", field.size() + 1);
      return begin == std::string::npos ? "" : line.substr(begin);
    }
  }
  return "";
}

double DataplaneProcess::CpuSeconds() const {
  clockid_t clock;
  timespec time{};
  EXPECT_EQ(clock_getcpuclockid(pid_, &clock), 0);
  EXPECT_EQ(clock_gettime(clock, &time), 0);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace taploom::daemon
