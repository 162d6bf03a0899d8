// taploom-dataplane: forwards frames between the TAPs that control hands it.
//
// Started by taploom-control with one end of a Unix stream socket, on which it speaks
// control_messages.proto. It ends when the other end is closed. Exit status: 0 control closed the
// socket, 2 bad arguments or a broken control stream, 3 the host cannot do it.
#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/config/worker_limit.h"
#include "dataplane/daemon/control_socket.h"
#include "dataplane/daemon/sandbox.h"
#include "dataplane/daemon/session.h"
#include "dataplane/io/ring.h"

namespace taploom::daemon {
namespace {

constexpr int kDone = 0, kBadInput = 2, kHostCannot = 3;

constexpr std::string_view kUsage =
    "usage: taploom-dataplane [--control-fd N] [--spin-us N] [--io read-write|io_uring] "
    "[--workers N]\n"
    "  --control-fd N  the descriptor of the connected Unix stream socket to control (default 3)\n"
    "  --spin-us N     how long to stay awake after the last packet, in microseconds (default {})\n"
    "  --io HOW        read and write each frame by a system call (default), or many by one; that\n"
    "                  only where io_uring works\n"
    "  --workers N     how many threads forward, each on queues of its own: 1-{} (default 1)\n"
    "Started by taploom-control; of no use by hand.\n";

struct Arguments {
  int control_descriptor = 3;
  Session::Options session;
  bool wants_rings = false;
};

void Log(std::string_view text) { fmt::print(stderr, "taploom-dataplane: {}\n", text); }

std::optional<int> ParseNumber(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

bool IsWorkerCount(std::optional<int> number) {
  return number && *number >= 1 && *number <= config::kMostWorkers;
}

constexpr std::string_view kReadWrite = "read-write", kIoUring = "io_uring";

bool IsFrameIo(std::string_view text) { return text == kReadWrite || text == kIoUring; }

// One for each worker; none when this host has none that works, after saying why.
std::vector<std::unique_ptr<io::Ring>> MakeRings(std::uint16_t workers) {
  std::vector<std::unique_ptr<io::Ring>> rings;
  for (std::uint16_t i = 0; i < workers; ++i) {
    std::string problem;
    rings.push_back(io::Ring::Make(problem));
    if (rings.back() != nullptr) continue;
    Log(fmt::format("each frame is read and written on its own: {}", problem));
    return {};
  }
  return rings;
}

// nullopt after saying what is wrong.
std::optional<Arguments> ParseArguments(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view option = argv[i];
    const std::optional<int> value = i + 1 < argc ? ParseNumber(argv[i + 1]) : std::nullopt;
    if (option == "--control-fd" && value) {
      arguments.control_descriptor = *value;
    } else if (option == "--spin-us" && value) {
      arguments.session.worker.spin = std::chrono::microseconds(*value);
    } else if (option == "--workers" && IsWorkerCount(value)) {
      arguments.session.workers = static_cast<std::uint16_t>(value.value_or(1));
    } else if (option == "--io" && i + 1 < argc && IsFrameIo(argv[i + 1])) {
      arguments.wants_rings = argv[i + 1] == kIoUring;
    } else {
      Log(fmt::format("cannot use {}", option));
      fmt::print(stderr, kUsage, worker::Worker::Options().spin.count(), config::kMostWorkers);
      return std::nullopt;
    }
  }
  return arguments;
}

bool IsUnixStreamSocket(int descriptor) {
  int domain = 0, type = 0;
  socklen_t size = sizeof domain;
  return getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX &&
         getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

int Serve(ControlSocket control, const Session::Options& options,
          std::vector<std::unique_ptr<io::Ring>> rings) {
  Session session(options, std::move(rings));
  ControlMessage message;
  while (control.Receive(message)) {
    if (!control.Send(session.Handle(message.request, std::move(message.descriptors)))) break;
  }
  return kDone;
}

// A descriptor for each queue of each device: as many as the host allows.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int Main(int argc, char** argv) {
  const std::optional<Arguments> arguments = ParseArguments(argc, argv);
  if (!arguments) return kBadInput;
  const int control = arguments->control_descriptor;
  if (control < 3 || !IsUnixStreamSocket(control)) {
    Log(fmt::format("descriptor {} is not a Unix stream socket", control));
    return kBadInput;
  }

  // Ctrl-C in control's terminal reaches this process, too; packets flow until control has ended
  // the fabric in order.
  signal(SIGINT, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  // Workers allocate next to nothing: arenas for their threads would only cost memory.
  mallopt(M_ARENA_MAX, 1);
  RaiseDescriptorLimit();
  try {
    // The sandbox allows the use of rings, and not the making of one.
    std::vector<std::unique_ptr<io::Ring>> rings;
    if (arguments->wants_rings) rings = MakeRings(arguments->session.workers);
    std::vector<int> descriptors;
    for (const std::unique_ptr<io::Ring>& ring : rings) descriptors.push_back(ring->descriptor());
    for (const std::string& sentence : EnterSandbox(control, descriptors)) Log(sentence);
    return Serve(ControlSocket(io::UniqueFd(control)), arguments->session, std::move(rings));
  } catch (const ProtocolError& error) {
    Log(error.what());
    return kBadInput;
  } catch (const std::exception& error) {
    Log(error.what());
    return kHostCannot;
  }
}

}  // namespace
}  // namespace taploom::daemon

#if defined(__SANITIZE_ADDRESS__)
// The leak check at exit would trace its own process, which the sandbox forbids.
extern "C" const char* __lsan_default_options() { return "detect_leaks=0"; }
#endif

int main(int argc, char** argv) { return taploom::daemon::Main(argc, argv); }
