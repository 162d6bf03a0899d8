// taploom-dataplane: forwards frames between the TAPs that control hands it.
//
// Started by taploom-control with one end of a Unix stream socket, on which it speaks
// control_messages.proto. It ends when the other end is closed. Exit status: 0 control closed the
// socket, 2 bad arguments or a broken control stream, 3 the host cannot do it.
#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
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

#include "dataplane/daemon/control_socket.h"
#include "dataplane/daemon/sandbox.h"
#include "dataplane/daemon/session.h"
#include "dataplane/io/ring.h"

namespace taploom::daemon {
namespace {

constexpr int kDone = 0, kBadInput = 2, kHostCannot = 3;

constexpr std::string_view kUsage =
    "usage: taploom-dataplane [--control-fd N] [--spin-us N] [--io read-write|io_uring]\n"
    "  --control-fd N  the descriptor of the connected Unix stream socket to control (default 3)\n"
    "  --spin-us N     how long to stay awake after the last packet, in microseconds (default {})\n"
    "  --io HOW        read and write each frame by a system call (default), or many by one; that\n"
    "                  only where io_uring works\n"
    "Started by taploom-control; of no use by hand.\n";

struct Arguments {
  int control_descriptor = 3;
  worker::Worker::Options worker;
  bool wants_ring = false;
};

void Log(std::string_view text) { fmt::print(stderr, "taploom-dataplane: {}\n", text); }

std::optional<int> ParseNumber(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

constexpr std::string_view kReadWrite = "read-write", kIoUring = "io_uring";

bool IsFrameIo(std::string_view text) { return text == kReadWrite || text == kIoUring; }

// nullptr when this host has none that works, after saying why.
std::unique_ptr<io::Ring> MakeRing() {
  std::string problem;
  auto ring = io::Ring::Make(problem);
  if (ring == nullptr) Log(fmt::format("each frame is read and written on its own: {}", problem));
  return ring;
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
      arguments.worker.spin = std::chrono::microseconds(*value);
    } else if (option == "--io" && i + 1 < argc && IsFrameIo(argv[i + 1])) {
      arguments.wants_ring = argv[i + 1] == kIoUring;
    } else {
      Log(fmt::format("cannot use {}", option));
      fmt::print(stderr, kUsage, worker::Worker::Options().spin.count());
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

int Serve(ControlSocket control, const worker::Worker::Options& options,
          std::unique_ptr<io::Ring> ring) {
  Session session(options, std::move(ring));
  ControlMessage message;
  while (control.Receive(message)) {
    if (!control.Send(session.Handle(message.request, std::move(message.descriptor)))) break;
  }
  return kDone;
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
  // The worker allocates next to nothing: an arena for its thread would only cost memory.
  mallopt(M_ARENA_MAX, 1);
  try {
    // The sandbox allows the use of a ring, and not the making of one.
    std::unique_ptr<io::Ring> ring = arguments->wants_ring ? MakeRing() : nullptr;
    for (const std::string& sentence :
         EnterSandbox(control, ring == nullptr ? -1 : ring->descriptor())) {
      Log(sentence);
    }
    return Serve(ControlSocket(io::UniqueFd(control)), arguments->worker, std::move(ring));
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
