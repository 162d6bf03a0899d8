#include "cli/bench/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "cli/bench/machine_time.h"

namespace taploom::bench {
namespace {

using std::chrono::seconds;

constexpr std::uint16_t kIperfPort = 5201, kHttpPort = 80, kSockperfPort = 11111;
constexpr int kHttpConnections = 32;
constexpr int kIntegrityMebibytes = 32;
// How much longer than asked a program may take before it counts as stuck.
constexpr seconds kPatience{20};

constexpr Metric kMetrics[] = {
    {"TCP 1 stream, client sends", "Gb/s", true, 0.95, 0.95, 1.2},
    {"TCP 1 stream, server sends", "Gb/s", true, 0.95, 0.95, 1.2},
    {"TCP 8 streams, client sends", "Gb/s", true, 0.95, 0.95, 1.2},
    {"TCP 8 streams, server sends", "Gb/s", true, 0.95, 0.95, 1.2},
    {"CPU per gigabit", "s", false},
    {"UDP 16 B delivered", "kpps", true, 0.90, {}, {}, 1.5},
    {"UDP 16 B lost", "%", false},
    {"TCP round trip p50", "us", false, 1.1, 0.6},
    {"TCP round trip p99", "us", false},
    {"new HTTP connections", "/s", true, {}, 1.2},
    {"CPU when idle", "%", false},
};

std::string_view MetricName(std::string_view name) {
  const auto found = std::find_if(std::begin(kMetrics), std::end(kMetrics),
                                  [&](const Metric& metric) { return metric.name == name; });
  return found->name;
}

std::string UrlOf(const Rig& rig, std::string_view path) {
  const std::string& address = rig.server_address();
  const bool is_v6 = address.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}{}", is_v6 ? "[" : "", address, is_v6 ? "]" : "", path);
}

absl::StatusOr<nlohmann::json> Iperf(const Rig& rig, int duration, Argv extra) {
  Argv argv = {"iperf3", "-c", rig.server_address(), "-J", "-t", std::to_string(duration)};
  argv.insert(argv.end(), extra.begin(), extra.end());
  const auto text = Run(rig.client(), argv, seconds(duration) + kPatience);
  if (!text.ok()) return text.status();
  nlohmann::json report = nlohmann::json::parse(*text, nullptr, false);
  if (!report.is_object() || !report.contains("end") || report.contains("error")) {
    return absl::InternalError(fmt::format("iperf3: {}", *text));
  }
  return report;
}

absl::StatusOr<Sample> Tcp(const Rig& rig, int duration, int streams, bool server_sends) {
  Argv extra = {"-P", std::to_string(streams)};
  if (server_sends) extra.push_back("-R");
  const double busy_before = MachineBusySeconds();
  const auto report = Iperf(rig, duration, extra);
  if (!report.ok()) return report.status();
  const double busy = MachineBusySeconds() - busy_before;
  const nlohmann::json& received = (*report)["end"]["sum_received"];
  const double gigabits = received["bytes"].get<double>() * 8 / 1e9;
  Sample sample;
  sample[MetricName(fmt::format("TCP {} stream{}, {} sends", streams, streams == 1 ? "" : "s",
                                server_sends ? "server" : "client"))] =
      received["bits_per_second"].get<double>() / 1e9;
  if (streams == 1 && !server_sends) sample[MetricName("CPU per gigabit")] = busy / gigabits;
  return sample;
}

absl::StatusOr<Sample> SmallDatagrams(const Rig& rig, int duration) {
  const auto report = Iperf(rig, duration, {"-u", "-l", "16", "-b", "0"});
  if (!report.ok()) return report.status();
  const nlohmann::json& sum = (*report)["end"]["sum"];
  const double sent = sum["packets"].get<double>(), lost = sum["lost_packets"].get<double>();
  return Sample{
      {MetricName("UDP 16 B delivered"), (sent - lost) / sum["seconds"].get<double>() / 1e3},
      {MetricName("UDP 16 B lost"), sent == 0 ? 100.0 : 100 * lost / sent}};
}

absl::StatusOr<double> NumberIn(const std::string& text, const std::string& pattern) {
  std::smatch found;
  if (!std::regex_search(text, found, std::regex(pattern))) {
    return absl::InternalError(fmt::format("no {} in: {}", pattern, text));
  }
  return std::stod(found[1]);
}

absl::StatusOr<Sample> RoundTrips(const Rig& rig, int duration) {
  const auto text =
      Run(rig.client(),
          {"sockperf", "ping-pong", "--tcp", "--full-rtt", "-i", rig.server_address(), "-p",
           std::to_string(kSockperfPort), "-m", "64", "-t", std::to_string(duration)},
          seconds(duration) + kPatience);
  if (!text.ok()) return text.status();
  const auto median = NumberIn(*text, R"(percentile 50\.000 *= *([0-9.]+))");
  if (!median.ok()) return median.status();
  const auto tail = NumberIn(*text, R"(percentile 99\.000 *= *([0-9.]+))");
  if (!tail.ok()) return tail.status();
  return Sample{{MetricName("TCP round trip p50"), *median},
                {MetricName("TCP round trip p99"), *tail}};
}

absl::StatusOr<Sample> HttpConnections(const Rig& rig, int duration) {
  const auto text = Run(rig.client(),
                        {"wrk", "-t", "1", "-c", std::to_string(kHttpConnections), "-d",
                         std::to_string(duration), "-H", "Connection: close", UrlOf(rig, "/")},
                        seconds(duration) + kPatience);
  if (!text.ok()) return text.status();
  const auto rate = NumberIn(*text, R"(Requests/sec: *([0-9.]+))");
  if (!rate.ok()) return rate.status();
  return Sample{{MetricName("new HTTP connections"), *rate}};
}

// Of what forwards, not of the machine: nobody sends anything meanwhile.
absl::StatusOr<Sample> Idle(const Rig& rig, int duration) {
  const double before = rig.CpuSeconds();
  const auto waited = Run(-1, {"sleep", std::to_string(duration)}, seconds(duration) + kPatience);
  if (!waited.ok()) return waited.status();
  return Sample{{MetricName("CPU when idle"), 100 * (rig.CpuSeconds() - before) / duration}};
}

constexpr Load kLoads[] = {
    {"tcp-1", "one TCP stream, client sends (iperf3)",
     [](const Rig& rig, int s) { return Tcp(rig, s, 1, false); }, BulkDirection::kToServer},
    {"tcp-1-down", "one TCP stream, server sends (iperf3 -R)",
     [](const Rig& rig, int s) { return Tcp(rig, s, 1, true); }, BulkDirection::kToClient},
    {"tcp-8", "eight TCP streams, client sends",
     [](const Rig& rig, int s) { return Tcp(rig, s, 8, false); }, BulkDirection::kToServer},
    {"tcp-8-down", "eight TCP streams, server sends",
     [](const Rig& rig, int s) { return Tcp(rig, s, 8, true); }, BulkDirection::kToClient},
    {"udp-small", "datagrams of 16 bytes as fast as they go (iperf3 -u)", SmallDatagrams},
    {"round-trip",
     "one TCP message at a time, there and back (sockperf; IPv4 only)",
     RoundTrips,
     {},
     false,
     /*is_short=*/false},
    {"http-new", "HTTP, every request on a connection of its own (wrk, nginx)", HttpConnections},
    {"idle", "nothing: the CPU time of what forwards", Idle, {}, true, /*is_short=*/false},
};

std::string NginxConfig(const std::filesystem::path& folder, bool is_v6) {
  return fmt::format(
      "daemon off; user root; worker_processes 1; pid {0}/nginx.pid; error_log stderr crit;\n"
      "events {{ worker_connections 4096; }}\n"
      "http {{ access_log off; keepalive_timeout 0; client_body_temp_path {0}/body; "
      "proxy_temp_path {0}/proxy;\n"
      "fastcgi_temp_path {0}/fastcgi; uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;\n"
      "server {{ listen {1}{2} backlog=4096 reuseport; location / {{ return 200 \"ok\\n\"; }}\n"
      "location /blob {{ root {0}; }}\n"
      "location /put/ {{ root {0}; dav_methods PUT; client_max_body_size 0; }} }} }}\n",
      folder.string(), is_v6 ? "[::]:" : "", kHttpPort);
}

// Bytes that no compression, padding or repetition can stand in for.
absl::Status WriteBlob(const std::filesystem::path& folder) {
  const auto made = Run(-1,
                        {"sh", "-ec",
                         fmt::format("head -c {} /dev/urandom >{}/blob; mkdir {}/put",
                                     kIntegrityMebibytes << 20, folder.string(), folder.string())},
                        kPatience);
  return made.status();
}

// The SHA-256 of what `command` prints in the namespace.
absl::StatusOr<std::string> SumOf(int netns, const std::string& command) {
  return Run(netns, {"bash", "-o", "pipefail", "-ec", command + " | sha256sum"}, kPatience);
}

}  // namespace

std::span<const Metric> Metrics() { return kMetrics; }
std::span<const Load> Loads() { return kLoads; }

const Load* FindLoad(std::string_view name) {
  const auto found = std::find_if(std::begin(kLoads), std::end(kLoads),
                                  [&](const Load& load) { return load.name == name; });
  return found == std::end(kLoads) ? nullptr : found;
}

absl::StatusOr<ServerPark> ServerPark::Open(const Rig& rig) {
  auto folder = TempFolder::Make();
  if (!folder.ok()) return folder.status();
  ServerPark park;
  park.folder_ = *std::move(folder);
  const std::filesystem::path config = park.folder_->path() / "nginx.conf";
  const wire::IpAddress address = *wire::IpAddress::Parse(rig.server_address());
  std::ofstream(config) << NginxConfig(park.folder_->path(), !address.is_v4());
  if (absl::Status blob = WriteBlob(park.folder_->path()); !blob.ok()) return blob;
  auto sum = SumOf(-1, fmt::format("cat {}", (park.folder_->path() / "blob").string()));
  if (!sum.ok()) return sum.status();
  park.blob_sum_ = *std::move(sum);

  std::vector<std::pair<Argv, std::uint16_t>> programs = {
      {{"iperf3", "-s"}, kIperfPort}, {{"nginx", "-c", config.string()}, kHttpPort}};
  if (address.is_v4()) {
    programs.push_back({{"sockperf", "server", "--tcp", "-i", rig.server_address(), "-p",
                         std::to_string(kSockperfPort)},
                        kSockperfPort});
  }
  for (const auto& [argv, port] : programs) {
    auto server = Server::Start(rig.server(), argv, address, port);
    if (!server.ok()) return server.status();
    park.servers_.push_back(*std::move(server));
  }
  return park;
}

absl::Status CheckIntegrity(const Rig& rig, const ServerPark& park, BulkDirection direction) {
  constexpr const char* kCurl = "curl --silent --show-error --fail --globoff";
  const bool is_down = direction == BulkDirection::kToClient;
  absl::StatusOr<std::string> received;
  if (is_down) {
    received = SumOf(rig.client(), fmt::format("{} '{}'", kCurl, UrlOf(rig, "/blob")));
  } else {
    const auto put = Run(rig.client(),
                         {"bash", "-ec",
                          fmt::format("{} --upload-file {} '{}'", kCurl,
                                      (park.folder() / "blob").string(), UrlOf(rig, "/put/blob"))},
                         kPatience);
    if (!put.ok()) return put.status();
    received = SumOf(-1, fmt::format("cat {}", (park.folder() / "put/blob").string()));
  }
  if (!received.ok()) return received.status();
  if (*received == park.blob_sum()) return absl::OkStatus();
  return absl::DataLossError(
      fmt::format("{}: {} MiB to the {} arrived changed: SHA-256 {} instead of {}", rig.name(),
                  kIntegrityMebibytes, is_down ? "client" : "server", *received, park.blob_sum()));
}

}  // namespace taploom::bench
