#include "dataplane/daemon/session.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/random.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

#include "dataplane/daemon/connection_report.h"
#include "dataplane/daemon/tap_descriptor.h"
#include "dataplane/io/tap_port.h"
#include "dataplane/observe/counter_report.h"
#include "dataplane/tables/compile.h"

namespace taploom::daemon {
namespace {

constexpr std::uint32_t kLargestPage = 65'536;  // connections

constexpr std::uint32_t kMinPort = 1, kMaxPort = 65'534;

std::uint64_t RandomSeed() {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
    throw std::runtime_error("The kernel gives no random numbers.");
  return seed;
}

}  // namespace

config::FromDataplane Session::Handle(const config::ToDataplane& request, io::UniqueFd descriptor) {
  config::FromDataplane reply;
  reply.set_sequence(request.sequence());
  std::string error = Dispatch(request, std::move(descriptor), reply);
  if (!error.empty()) {
    reply.Clear();
    reply.set_sequence(request.sequence());
    reply.set_error(std::move(error));
  }
  return reply;
}

std::string Session::Dispatch(const config::ToDataplane& request, io::UniqueFd descriptor,
                              config::FromDataplane& reply) {
  if (descriptor.valid() !=
      (request.has_add_port() || request.has_start_capture() || request.has_share_counters())) {
    return descriptor.valid() ? "A descriptor came with a request that takes none."
                              : "No descriptor came with a request that needs one.";
  }
  switch (request.request_case()) {
    case config::ToDataplane::kApply:
      return Apply(request.apply(), *reply.mutable_applied());
    case config::ToDataplane::kAddPort:
      return AddPort(request.add_port(), std::move(descriptor));
    case config::ToDataplane::kRemovePort:
      return RemovePort(request.remove_port());
    case config::ToDataplane::kGetCounters:
      GetCounters(*reply.mutable_counters());
      return "";
    case config::ToDataplane::kShareCounters:
      return ShareCounters(request.share_counters(), std::move(descriptor));
    case config::ToDataplane::kGetConnections:
      return GetConnections(request.get_connections(), *reply.mutable_connections());
    case config::ToDataplane::kStartCapture:
      return StartCapture(request.start_capture(), std::move(descriptor));
    case config::ToDataplane::kStopCapture:
      return StopCapture();
    case config::ToDataplane::kForgetConnections:
      return ForgetConnections(request.forget_connections(),
                               *reply.mutable_connections_forgotten());
    case config::ToDataplane::REQUEST_NOT_SET:
      break;
  }
  return "The request is of a kind that this dataplane does not know.";
}

std::string Session::Apply(const config::FabricConfig& config, config::Applied& applied) {
  const std::uint64_t running = snapshot_ == nullptr ? 0 : snapshot_->generation;
  if (config.generation() <= running) {
    return fmt::format(
        "Configuration generation {} is not newer than generation {}, which is running.",
        config.generation(), running);
  }

  const auto start = std::chrono::steady_clock::now();
  tables::CompileResult compiled = tables::Compile(config);
  const auto duration = std::chrono::steady_clock::now() - start;
  if (compiled.snapshot == nullptr) return compiled.error;

  const tables::Limits& limits = compiled.snapshot->limits;
  if (forwarding_ == nullptr) {
    StartForwarding(compiled.snapshot);
  } else if (limits.connections != snapshot_->limits.connections) {
    return fmt::format(
        "The connection table holds {} connections and cannot be given room for {} while packets "
        "flow.",
        snapshot_->limits.connections, limits.connections);
  } else {
    Publish(compiled.snapshot);
  }

  applied.set_generation(snapshot_->generation);
  applied.set_compile_microseconds(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(duration).count()));
  return "";
}

void Session::Publish(std::shared_ptr<const tables::Snapshot> snapshot) {
  snapshot_ = snapshot;
  std::shared_ptr<const tables::Snapshot> previous;
  forwarding_->worker.Execute(
      [&] { previous = forwarding_->pipeline.Publish(std::move(snapshot)); });
  // Freed here, not on the worker; and what a large configuration took while it was compiled goes
  // back to the system.
  previous.reset();
  malloc_trim(0);
}

void Session::StartForwarding(std::shared_ptr<const tables::Snapshot> snapshot) {
  const flow::ConnectionTable::Options table{
      .capacity = snapshot->limits.connections,
      .capacity_per_port = snapshot->limits.connections_per_eni,
      .seed = RandomSeed()};
  forwarding_ = std::make_unique<Forwarding>(*counters_, table, options_);
  Publish(std::move(snapshot));
  for (auto& [id, port] : std::exchange(waiting_ports_, {})) {
    if (!HandToWorker(id, std::move(port))) {
      throw std::runtime_error(fmt::format("Port {} cannot be polled.", id));
    }
  }
}

bool Session::HandToWorker(std::uint16_t id, std::unique_ptr<io::Port> port) {
  bool added = false;
  forwarding_->worker.Execute([&] { added = forwarding_->worker.AddPort(id, std::move(port)); });
  return added;
}

std::string Session::AddPort(const config::AddPort& request, io::UniqueFd descriptor) {
  if (request.port() < kMinPort || request.port() > kMaxPort) {
    return fmt::format("Port {} ({}) is not in {}–{}.", request.port(), request.name(), kMinPort,
                       kMaxPort);
  }
  const auto id = static_cast<std::uint16_t>(request.port());
  if (attached_.contains(id)) return fmt::format("Port {} ({}) is in use.", id, request.name());
  if (const std::string problem = DescribeTapProblem(descriptor.get()); !problem.empty()) {
    return fmt::format("Port {} ({}) cannot be added: the descriptor {}.", id, request.name(),
                       problem);
  }

  counters_->AddPort(id);
  auto port = std::make_unique<io::TapPort>(std::move(descriptor));
  if (forwarding_ == nullptr) {
    waiting_ports_.emplace(id, std::move(port));
  } else if (!HandToWorker(id, std::move(port))) {
    return fmt::format("Port {} ({}) cannot be polled.", id, request.name());
  }
  attached_.insert(id);
  return "";
}

std::string Session::RemovePort(const config::RemovePort& request) {
  const auto id = static_cast<std::uint16_t>(std::min(request.port(), kMaxPort + 1));
  if (attached_.erase(id) == 0) return fmt::format("There is no port {}.", request.port());
  waiting_ports_.erase(id);
  if (forwarding_ != nullptr) {
    std::unique_ptr<io::Port> removed;
    forwarding_->worker.Execute([&] { removed = forwarding_->worker.RemovePort(id); });
  }
  return "";
}

std::string Session::StartCapture(const config::StartCapture& request, io::UniqueFd descriptor) {
  if (forwarding_ == nullptr) return "Nothing is forwarded yet that could be captured.";
  std::string error;
  auto ring = observe::CaptureRingMemory::Map(descriptor.get(), request.size(), error);
  if (ring == nullptr) return error;
  // Made and freed on the worker: it listens to the worker's pipeline.
  forwarding_->worker.Execute([&] {
    forwarding_->worker.SetObserver(nullptr);
    forwarding_->worker.SetObserver(worker::RingObserver::Make(
        std::move(ring), std::chrono::nanoseconds(request.clock_offset_ns()), forwarding_->pipeline,
        error));
  });
  return error;
}

std::string Session::StopCapture() {
  if (forwarding_ != nullptr)
    forwarding_->worker.Execute([&] { forwarding_->worker.SetObserver(nullptr); });
  return "";
}

std::string Session::ShareCounters(const config::ShareCounters& request, io::UniqueFd descriptor) {
  if (!attached_.empty() || forwarding_ != nullptr)
    return "Something is counted already, in memory of the dataplane's own.";
  if (request.size() != observe::CounterMemory::kSize) {
    return fmt::format("The memory for counters has {} bytes, expected {}: another version's.",
                       request.size(), observe::CounterMemory::kSize);
  }
  constexpr bool kWritable = true;
  counters_ = std::make_unique<observe::Counters>(
      std::make_unique<observe::CounterMemory>(descriptor.get(), kWritable));
  return "";
}

void Session::GetCounters(config::Counters& report) {
  observe::ReportCounters(counters_->block(), report);
  if (forwarding_ == nullptr) return;
  report.set_generation(snapshot_->generation);
  report.set_connection_capacity(snapshot_->limits.connections);
}

std::string Session::GetConnections(const config::GetConnections& request,
                                    config::Connections& report) {
  if (forwarding_ == nullptr) return "";
  // Without the worker; a page, so that answers stay small.
  const flow::ConnectionReader& connections = forwarding_->connections;
  const ConnectionReporter reporter(*snapshot_);
  const Tick now = forwarding_->worker.Now();
  std::uint32_t wanted = std::min(request.limit(), kLargestPage);
  const std::uint32_t place =
      connections.Visit(request.first_place(), std::numeric_limits<std::uint32_t>::max(),
                        [&](const flow::Connection& connection, std::uint32_t at) {
                          if (wanted == 0) return false;
                          reporter.Report(connection, at, now, *report.add_connections());
                          return --wanted > 0;
                        });
  report.set_next_place(connections.IsPlace(place) ? place : 0);
  return "";
}

std::string Session::ForgetConnections(const config::ForgetConnections& request,
                                       config::ConnectionsForgotten& report) {
  if (forwarding_ == nullptr) return "";
  // In slices, as they are read.
  constexpr int kPerSlice = 64;
  std::uint32_t count = 0;
  for (int first = 0; first < request.connections_size(); first += kPerSlice) {
    const int end = std::min(first + kPerSlice, request.connections_size());
    forwarding_->worker.Execute([&] {
      for (int i = first; i < end; ++i) {
        const config::ConnectionId& id = request.connections(i);
        if (forwarding_->pipeline.Forget(id.place(), id.fingerprint())) ++count;
      }
    });
  }
  report.set_count(count);
  return "";
}

}  // namespace taploom::daemon
