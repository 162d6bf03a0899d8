#include "dataplane/daemon/session.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/random.h>
#include <unistd.h>

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

// Whether the descriptor is one of those that can be given a size.
bool IsMemoryFile(int descriptor) {
  const off_t size = lseek(descriptor, 0, SEEK_END);
  return size >= 0 && ftruncate(descriptor, size) == 0;
}

}  // namespace

Session::Forwarding::Forwarding(std::uint16_t workers)
    : handover(workers > 1 ? std::make_unique<worker::Handover>(workers) : nullptr),
      use(workers > 1) {}

// They have exchanged buffers: none may go before all have stopped.
Session::Forwarding::~Forwarding() {
  for (const std::unique_ptr<Engine>& engine : engines) engine->worker.Stop();
}

Session::Session(const Options& options, std::vector<std::unique_ptr<io::Ring>> rings)
    : options_(options), has_rings_(!rings.empty()), rings_(std::move(rings)) {
  CountIn(std::make_shared<observe::CounterMemory>(options.workers));
}

void Session::CountIn(std::shared_ptr<observe::CounterMemory> memory) {
  counters_.clear();
  for (std::size_t worker = 0; worker < options_.workers; ++worker)
    counters_.push_back(std::make_unique<observe::Counters>(memory, worker));
  counter_memory_ = std::move(memory);
}

config::FromDataplane Session::Handle(const config::ToDataplane& request, Descriptors descriptors) {
  config::FromDataplane reply;
  reply.set_sequence(request.sequence());
  std::string error = Dispatch(request, std::move(descriptors), reply);
  if (!error.empty()) {
    reply.Clear();
    reply.set_sequence(request.sequence());
    reply.set_error(std::move(error));
  }
  return reply;
}

std::string Session::CheckDescriptors(const config::ToDataplane& request,
                                      const Descriptors& descriptors) const {
  const bool takes_one =
      request.has_start_capture() || request.has_start_injection() || request.has_share_counters();
  const bool takes_one_each = request.has_add_port() || request.has_share_connections();
  const std::size_t expected = takes_one_each ? options_.workers : takes_one ? 1 : 0;
  if (descriptors.size() == expected) return "";
  if (expected == 0) return "A descriptor came with a request that takes none.";
  if (descriptors.empty()) return "No descriptor came with a request that needs one.";
  return fmt::format("{} descriptors came with a request that needs {}.", descriptors.size(),
                     expected);
}

std::string Session::Dispatch(const config::ToDataplane& request, Descriptors descriptors,
                              config::FromDataplane& reply) {
  if (std::string problem = CheckDescriptors(request, descriptors); !problem.empty())
    return problem;
  const auto descriptor = [&] { return std::move(descriptors.front()); };
  switch (request.request_case()) {
    case config::ToDataplane::kApply:
      return Apply(request.apply(), *reply.mutable_applied());
    case config::ToDataplane::kAddPort:
      return AddPort(request.add_port(), std::move(descriptors));
    case config::ToDataplane::kRemovePort:
      return RemovePort(request.remove_port());
    case config::ToDataplane::kGetCounters:
      GetCounters(*reply.mutable_counters());
      return "";
    case config::ToDataplane::kShareCounters:
      return ShareCounters(request.share_counters(), descriptor());
    case config::ToDataplane::kShareConnections:
      return ShareConnections(request.share_connections(), std::move(descriptors));
    case config::ToDataplane::kGetConnections:
      return GetConnections(request.get_connections(), *reply.mutable_connections());
    case config::ToDataplane::kStartCapture:
      return StartCapture(request.start_capture(), descriptor());
    case config::ToDataplane::kStopCapture:
      return StopCapture();
    case config::ToDataplane::kForgetConnections:
      return ForgetConnections(request.forget_connections(),
                               *reply.mutable_connections_forgotten());
    case config::ToDataplane::kStartInjection:
      return StartInjection(descriptor());
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
    applied.set_adopted_connections(StartForwarding(compiled.snapshot));
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
  std::vector<std::shared_ptr<const tables::Snapshot>> previous;
  for (const std::unique_ptr<Engine>& engine : forwarding_->engines)
    engine->worker.Execute([&] { previous.push_back(engine->pipeline.Publish(snapshot)); });
  // Freed here, not on a worker; and what a large configuration took while it was compiled goes
  // back to the system.
  previous.clear();
  malloc_trim(0);
}

std::uint32_t Session::StartForwarding(std::shared_ptr<const tables::Snapshot> snapshot) {
  const std::uint16_t workers = options_.workers;
  forwarding_ = std::make_unique<Forwarding>(workers);
  flow::ConnectionTable::Options table{
      .capacity = snapshot->limits.connections,
      .capacity_per_port = snapshot->limits.connections_per_eni,
      .seed = shared_connections_ ? shared_connections_->seed : RandomSeed(),
      .use = &forwarding_->use};
  WorkerPlace place{.workers = workers};
  for (; place.self < workers; ++place.self) {
    std::unique_ptr<io::FrameIo> frame_io;
    if (has_rings_) {
      frame_io = std::move(rings_[place.self]);
    } else {
      frame_io = std::make_unique<io::ReadWrite>();
    }
    if (shared_connections_) table.memory = shared_connections_->memory[place.self].get();
    forwarding_->engines.push_back(std::make_unique<Engine>(*counters_[place.self], table, place,
                                                            options_.worker, std::move(frame_io),
                                                            forwarding_->handover.get()));
    counters_[place.self]->StartClock(options_.worker.start);
  }
  Publish(std::move(snapshot));
  std::uint32_t adopted = 0;
  for (const std::unique_ptr<Engine>& engine : forwarding_->engines) {
    engine->worker.Execute([&] { adopted += engine->pipeline.Adopt(engine->worker.Now()); });
  }
  for (auto& [id, queues] : std::exchange(waiting_ports_, {})) {
    if (!HandToWorkers(id, std::move(queues)))
      throw std::runtime_error(fmt::format("Port {} cannot be polled.", id));
  }
  return adopted;
}

bool Session::HandToWorkers(std::uint16_t id, Queues queues) {
  bool added = true;
  for (std::size_t i = 0; i < queues.size() && added; ++i) {
    worker::Worker& worker = forwarding_->engines[i]->worker;
    worker.Execute([&] { added = worker.AddPort(id, std::move(queues[i])); });
  }
  if (!added) TakeFromWorkers(id);
  return added;
}

void Session::TakeFromWorkers(std::uint16_t id) {
  for (const std::unique_ptr<Engine>& engine : forwarding_->engines) {
    std::unique_ptr<io::Port> removed;
    engine->worker.Execute([&] { removed = engine->worker.RemovePort(id); });
  }
}

std::string Session::AddPort(const config::AddPort& request, Descriptors descriptors) {
  if (request.port() < kMinPort || request.port() > kMaxPort) {
    return fmt::format("Port {} ({}) is not in {}–{}.", request.port(), request.name(), kMinPort,
                       kMaxPort);
  }
  const auto id = static_cast<std::uint16_t>(request.port());
  if (attached_.contains(id)) return fmt::format("Port {} ({}) is in use.", id, request.name());
  Queues queues;
  std::vector<const io::TapPort*> attached;
  for (io::UniqueFd& descriptor : descriptors) {
    if (const std::string problem = DescribeTapProblem(descriptor.get()); !problem.empty()) {
      return fmt::format("Port {} ({}) cannot be added: the descriptor {}.", id, request.name(),
                         problem);
    }
    queues.push_back(
        std::make_unique<io::TapPort>(std::move(descriptor), request.superframes_to_cut()));
    attached.push_back(queues.back().get());
  }

  for (const std::unique_ptr<observe::Counters>& counters : counters_) counters->AddPort(id);
  if (forwarding_ == nullptr) {
    waiting_ports_.emplace(id, std::move(queues));
  } else if (!HandToWorkers(id, std::move(queues))) {
    return fmt::format("Port {} ({}) cannot be polled.", id, request.name());
  }
  attached_.emplace(id, std::move(attached));
  return "";
}

std::string Session::RemovePort(const config::RemovePort& request) {
  const auto id = static_cast<std::uint16_t>(std::min(request.port(), kMaxPort + 1));
  if (attached_.erase(id) == 0) return fmt::format("There is no port {}.", request.port());
  waiting_ports_.erase(id);
  if (forwarding_ != nullptr) TakeFromWorkers(id);
  return "";
}

std::string Session::StartCapture(const config::StartCapture& request, io::UniqueFd descriptor) {
  if (forwarding_ == nullptr) return "Nothing is forwarded yet that could be captured.";
  std::vector<std::unique_ptr<observe::CaptureRingMemory>> rings;
  std::string error;
  for (std::size_t worker = 0; worker < options_.workers; ++worker) {
    rings.push_back(observe::CaptureRingMemory::Map(
        descriptor.get(), request.size() / options_.workers, error, worker));
    if (rings.back() == nullptr) return error;
  }
  for (std::size_t worker = 0; worker < rings.size() && error.empty(); ++worker) {
    Engine& engine = *forwarding_->engines[worker];
    // Made and freed on the worker: it listens to the worker's pipeline.
    engine.worker.Execute([&] {
      engine.worker.SetObserver(nullptr);
      engine.worker.SetObserver(worker::RingObserver::Make(
          std::move(rings[worker]), std::chrono::nanoseconds(request.clock_offset_ns()),
          engine.pipeline, error));
    });
  }
  if (!error.empty()) StopCapture();
  return error;
}

std::string Session::StopCapture() {
  if (forwarding_ == nullptr) return "";
  for (const std::unique_ptr<Engine>& engine : forwarding_->engines)
    engine->worker.Execute([&] { engine->worker.SetObserver(nullptr); });
  return "";
}

std::string Session::StartInjection(io::UniqueFd descriptor) {
  if (forwarding_ == nullptr) return "Nothing is forwarded yet that frames could be injected into.";
  auto injection = std::make_unique<worker::Injection>(std::move(descriptor));
  bool accepted = false;
  worker::Worker& worker = forwarding_->engines.front()->worker;
  worker.Execute([&] { accepted = worker.SetInjection(std::move(injection)); });
  return accepted ? "" : "Frames are being injected by somebody else already.";
}

std::string Session::ShareCounters(const config::ShareCounters& request, io::UniqueFd descriptor) {
  if (!attached_.empty() || forwarding_ != nullptr)
    return "Something is counted already, in memory of the dataplane's own.";
  const std::size_t size = observe::CounterMemory::SizeFor(options_.workers);
  if (request.size() != size) {
    return fmt::format("The memory for counters has {} bytes, expected {}: another version's.",
                       request.size(), size);
  }
  constexpr bool kWritable = true;
  CountIn(std::make_shared<observe::CounterMemory>(descriptor.get(), kWritable, options_.workers));
  return "";
}

std::string Session::ShareConnections(const config::ShareConnections& request, Descriptors memory) {
  if (forwarding_ != nullptr) return "Forwarding has begun, and its connections live elsewhere.";
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::time_point(std::chrono::nanoseconds(request.clock_start_ns()));
  if (start > Clock::now()) return "The connections' clock starts at a time that is yet to come.";
  for (std::size_t worker = 0; worker < memory.size(); ++worker) {
    if (!IsMemoryFile(memory[worker].get())) {
      return fmt::format("What came for the connections of worker {} is no memory file.", worker);
    }
  }
  options_.worker.start = start;
  shared_connections_ = {std::move(memory), request.seed()};
  return "";
}

void Session::GetCounters(config::Counters& report) {
  observe::ReportCounters(counter_memory_->blocks(), report);
  report.set_uses_io_uring(has_rings_);
  for (config::PortCounters& port : *report.mutable_ports()) {
    const auto attached = attached_.find(static_cast<std::uint16_t>(port.port()));
    if (attached == attached_.end()) continue;
    for (const io::TapPort* queue : attached->second) {
      port.set_cut_superframes(port.cut_superframes() + queue->segmented_count());
      port.set_superframes_to_cut(port.superframes_to_cut() | queue->refused_gso_types());
    }
  }
  if (forwarding_ == nullptr) return;
  report.set_generation(snapshot_->generation);
  report.set_connection_capacity(snapshot_->limits.connections);
}

std::string Session::GetConnections(const config::GetConnections& request,
                                    config::Connections& report) {
  if (forwarding_ == nullptr) return "";
  // Without the workers; a page, so that answers stay small. The places of the second worker's
  // connections follow those of the first one's, and so on.
  const ConnectionReporter reporter(*snapshot_);
  const Tick now = forwarding_->engines.front()->worker.Now();
  const std::uint32_t capacity = snapshot_->limits.connections;
  std::uint32_t wanted = std::min(request.limit(), kLargestPage);
  std::uint32_t worker = request.first_place() / capacity;
  std::uint32_t place = request.first_place() % capacity;
  for (; worker < forwarding_->engines.size(); ++worker, place = 0) {
    const flow::ConnectionReader& connections = forwarding_->engines[worker]->connections;
    const std::uint32_t first = worker * capacity;
    if (wanted > 0) {
      place = connections.Visit(place, std::numeric_limits<std::uint32_t>::max(),
                                [&](const flow::Connection& connection, std::uint32_t at) {
                                  reporter.Report(connection, first + at, now,
                                                  *report.add_connections());
                                  return --wanted > 0;
                                });
    }
    if (connections.IsPlace(place)) {
      report.set_next_place(first + place);
      return "";
    }
  }
  return "";
}

std::string Session::ForgetConnections(const config::ForgetConnections& request,
                                       config::ConnectionsForgotten& report) {
  if (forwarding_ == nullptr) return "";
  // In slices, so that no worker is held up for long.
  constexpr int kPerSlice = 64;
  const std::uint32_t capacity = snapshot_->limits.connections;
  std::uint32_t count = 0;
  for (std::uint32_t worker = 0; worker < forwarding_->engines.size(); ++worker) {
    Engine& engine = *forwarding_->engines[worker];
    for (int first = 0; first < request.connections_size(); first += kPerSlice) {
      const int end = std::min(first + kPerSlice, request.connections_size());
      engine.worker.Execute([&] {
        for (int i = first; i < end; ++i) {
          const config::ConnectionId& id = request.connections(i);
          const bool is_of_worker = id.place() / capacity == worker;
          if (is_of_worker && engine.pipeline.Forget(id.place() % capacity, id.fingerprint()))
            ++count;
        }
      });
    }
  }
  report.set_count(count);
  return "";
}

}  // namespace taploom::daemon
