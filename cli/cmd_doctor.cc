// `doctor` says what this host lacks for a fabric, and what to do about it. It changes nothing.
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <vector>

#include "cli/commands.h"
#include "cli/render.h"
#include "cli/talk.h"
#include "control/netns/offload_test.h"
#include "control/process/find_program.h"
#include "control/process/sibling.h"
#include "control/process/unique_fd.h"
#include "control/runtime/cleanup.h"
#include "control/runtime/paths.h"
#include "dataplane/io/ring.h"

namespace taploom::cli {
namespace {

using nlohmann::ordered_json;

enum class State { kOk, kNote, kMissing };  // kMissing: no fabric starts without it

struct Finding {
  std::string check;
  State state = State::kOk;
  std::string detail;
  std::string remedy;
};

Finding Ok(std::string check, std::string detail) {
  return {std::move(check), State::kOk, std::move(detail), ""};
}

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string ErrorText() { return std::strerror(errno); }

// --- what the kernel gives ---

Finding Kernel() {
  utsname name{};
  uname(&name);
  int major = 0, minor = 0;
  std::sscanf(name.release, "%d.%d", &major, &minor);
  constexpr int kOldestMajor = 5, kOldestMinor = 4;
  if (major > kOldestMajor || (major == kOldestMajor && minor >= kOldestMinor))
    return Ok("kernel", name.release);
  return {"kernel", State::kNote, name.release,
          fmt::format("tried with {}.{} and later only", kOldestMajor, kOldestMinor)};
}

Finding Capabilities() {
  struct Named {
    int number;
    const char* name;
  };
  // What taploom-control uses: devices and routes; namespaces, mounts; raw checks; the dataplane
  // gives up its rights and its root folder.
  constexpr Named kNeeded[] = {{7, "SETUID"},     {6, "SETGID"},   {8, "SETPCAP"},
                               {12, "NET_ADMIN"}, {13, "NET_RAW"}, {18, "SYS_CHROOT"},
                               {21, "SYS_ADMIN"}};
  std::uint64_t effective = 0;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("CapEff:")) {
      const std::string digits = line.substr(line.find_first_not_of(" \t", 7));
      std::from_chars(digits.data(), digits.data() + digits.size(), effective, 16);
    }
  }
  std::vector<std::string> missing;
  for (const Named& each : kNeeded) {
    if ((effective >> each.number & 1) == 0) missing.push_back(std::string("CAP_") + each.name);
  }
  if (missing.empty()) return Ok("capabilities", "all that control needs");
  const std::string lacking = fmt::format("lacks {}", fmt::join(missing, " "));
  if (geteuid() != 0)
    return {"capabilities", State::kMissing, lacking, "run as root: sudo taploom …"};
  return {"capabilities", State::kMissing, lacking,
          "in a container, add them: docker run --cap-add=NET_ADMIN --cap-add=SYS_ADMIN …, or "
          "--privileged"};
}

Finding Tun() {
  const char* const path = "/dev/net/tun";
  const process::UniqueFd tun(open(path, O_RDWR | O_CLOEXEC));
  if (!tun.valid()) {
    const bool is_absent = errno == ENOENT || errno == ENODEV || errno == ENXIO;
    return {"TUN", State::kMissing, fmt::format("{}: {}", path, ErrorText()),
            is_absent ? "modprobe tun; in a container: docker run --device /dev/net/tun …"
                      : "run as root: sudo taploom …"};
  }
  unsigned features = 0;
  if (ioctl(tun.get(), TUNGETFEATURES, &features) != 0 || (features & IFF_VNET_HDR) == 0 ||
      (features & IFF_MULTI_QUEUE) == 0) {
    return {"TUN", State::kMissing, "without virtio headers or queues",
            "a newer kernel, or its tun module"};
  }
  return Ok("TUN", "with virtio headers and queues");
}

// Packets flow without any of them, only more slowly.
Finding Offloads() {
  if (geteuid() != 0)
    return {"offloads", State::kNote, "not tested", "run as root: sudo taploom doctor"};
  const netns::OffloadTest test;
  std::vector<std::string> good, bad;
  for (const netns::Offload each : netns::kAllOffloads) {
    const auto& [state, detail] = test.result()[each];
    if (state == netns::OffloadState::kWorks) {
      good.emplace_back(ToString(each));
    } else {
      bad.push_back(fmt::format("{} {} ({})", ToString(each), ToString(state), detail));
    }
  }
  if (bad.empty()) return Ok("offloads", fmt::format("{}: bytes compared", fmt::join(good, ", ")));
  return {"offloads", State::kNote, fmt::format("{}", fmt::join(bad, "; ")),
          "bulk data is slower: what does not work is done by senders or by the dataplane"};
}

// In a child, so that this process stays where it is. 0 = it worked.
int InChild(const std::function<int()>& work) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EAGAIN;
}

Finding NetworkNamespaces() {
  const int error = InChild([] { return unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 ? 0 : errno; });
  if (error == 0) return Ok("network namespaces", "can be made");
  return {"network namespaces", State::kMissing, std::strerror(error),
          error == EPERM ? "run as root: sudo taploom …"
                         : "raise user.max_net_namespaces: sysctl user.max_net_namespaces"};
}

Finding UserNamespaces() {
  const std::string restricted =
      FirstLine("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
  if (FirstLine("/proc/sys/kernel/unprivileged_userns_clone") == "0") {
    return {
        "user namespaces", State::kNote, "only root may make them",
        "not needed as root; for fabrics without it: sysctl kernel.unprivileged_userns_clone=1"};
  }
  if (restricted == "1") {
    return {"user namespaces", State::kNote, "AppArmor restricts them",
            "not needed as root; for fabrics without it: an AppArmor profile for taploom with "
            "`userns,`"};
  }
  const int error = InChild([] { return unshare(CLONE_NEWUSER) == 0 ? 0 : errno; });
  if (error == 0) return Ok("user namespaces", "can be made");
  return {"user namespaces", State::kNote, std::strerror(error),
          "not needed as root; sysctl user.max_user_namespaces"};
}

Finding Seccomp() {
  if (prctl(PR_GET_SECCOMP) >= 0) return Ok("seccomp", "available");
  return {
      "seccomp", State::kMissing, "the kernel has none",
      "a kernel with CONFIG_SECCOMP_FILTER: the dataplane does not parse hostile packets without"};
}

Finding MemoryFiles() {
  const process::UniqueFd file(static_cast<int>(syscall(SYS_memfd_create, "doctor", 0u)));
  if (file.valid()) return Ok("memfd", "available");
  return {"memfd", State::kMissing, ErrorText(), "a kernel with CONFIG_MEMFD_CREATE"};
}

Finding IoUring() {
  const std::string disabled = FirstLine("/proc/sys/kernel/io_uring_disabled");
  if (!disabled.empty() && disabled != "0") {
    return {"io_uring", State::kNote, fmt::format("kernel.io_uring_disabled={}", disabled),
            "not needed: packets are read and written without it"};
  }
  std::string problem;
  if (io::Ring::Make(problem) != nullptr)
    return Ok("io_uring", "frames pass; used by taploom up --io io_uring, not needed");
  return {"io_uring", State::kNote, problem, "not needed: packets are read and written without it"};
}

Finding Ipv6() {
  if (!std::filesystem::exists("/proc/sys/net/ipv6")) {
    return {"IPv6", State::kNote, "the kernel has none",
            "only for topologies with ipv6_cidr: boot without ipv6.disable=1"};
  }
  return Ok("IPv6", "available");
}

Finding Forwarding() {
  return Ok("ip_forward",
            fmt::format("{}; not used, as are netfilter and bridges",
                        FirstLine("/proc/sys/net/ipv4/ip_forward") == "1" ? "on" : "off"));
}

// --- programs ---

// Where Debian has servers: haproxy is started by its path, whatever PATH says.
constexpr std::string_view kServerFolders = "/usr/sbin:/sbin";

Finding Program(const char* name, State without, const char* purpose, const char* package) {
  const std::string path = process::FindProgram(name, kServerFolders);
  if (!path.empty()) return Ok(name, path);
  return {name, without, fmt::format("not found: {}", purpose),
          fmt::format("apt-get install {}", package)};
}

Finding Sibling(const char* name) {
  const std::string path = process::SiblingExecutable(name);
  if (access(path.c_str(), X_OK) == 0) return Ok(name, path);
  return {name, State::kMissing, fmt::format("{}: {}", path, ErrorText()),
          "install or build all three programs into one folder"};
}

// --- what dead fabrics left ---

void AddLeftovers(std::vector<Finding>& findings) {
  std::vector<std::string> known = runtime::KnownFabrics();
  for (const std::string& name : known) {
    if (runtime::IsRunning(runtime::PathsOf(name))) continue;
    findings.push_back({"leftovers", State::kNote, fmt::format("fabric \"{}\" has crashed", name),
                        fmt::format("taploom down {}", name)});
  }
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/run/netns", ignored)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("tl-")) continue;
    bool is_owned = false;
    for (const std::string& fabric : known)
      is_owned |= name.starts_with(runtime::NamespaceName(fabric, ""));
    if (is_owned) continue;
    findings.push_back(
        {"leftovers", State::kNote,
         fmt::format("namespace {} belongs to no fabric of {}", name, runtime::RunRoot()),
         fmt::format("ip netns delete {}", name)});
  }
}

std::vector<Finding> Examine() {
  std::vector<Finding> findings = {
      Kernel(),
      Capabilities(),
      Tun(),
      Offloads(),
      NetworkNamespaces(),
      UserNamespaces(),
      Seccomp(),
      MemoryFiles(),
      IoUring(),
      Ipv6(),
      Forwarding(),
      Sibling("taploom-control"),
      Sibling("taploom-dataplane"),
      Program("haproxy", State::kNote, "load balancers do not start", "haproxy"),
      Program("ip", State::kNote, "`ip netns exec` shows what is inside", "iproute2"),
      Program("tcpdump", State::kNote, "to look at an instance's own wire", "tcpdump")};
  AddLeftovers(findings);
  return findings;
}

const char* TextOf(State state) {
  switch (state) {
    case State::kOk:
      return "ok";
    case State::kNote:
      return "note";
    case State::kMissing:
      break;
  }
  return "missing";
}

}  // namespace

int Doctor(const Arguments& arguments) {
  const auto format = ParseFormat(arguments.Value("output"));
  if (!format) return Fail(kBadInput, "-o takes table or json");
  ordered_json rows = ordered_json::array();
  std::size_t missing = 0;
  for (const Finding& finding : Examine()) {
    missing += finding.state == State::kMissing ? 1 : 0;
    rows.push_back({{"check", finding.check},
                    {"state", TextOf(finding.state)},
                    {"detail", finding.detail},
                    {"remedy", finding.remedy}});
  }
  fmt::print("{}", Render(rows, *format));
  if (missing == 0) return kDone;
  return Fail(kHostCannot, fmt::format("this host lacks {} {} that a fabric needs", missing,
                                       missing == 1 ? "thing" : "things"));
}

}  // namespace taploom::cli
