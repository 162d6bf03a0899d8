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
constexpr int kIntegrityMebibytes = 64;
// How much longer than asked a program may take before it counts as stuck.
constexpr seconds kPatience{20};

constexpr Metric kMetrics[] = {
    {"TCP 1 stream, client sends", "Gb/s", true, 0.95, 0.95, 1.2},
    {"TCP 1 stream, server sends", "Gb/s", true, 0.95, 0.95, 1.2},
    {"TCP 8 streams, client sends", "Gb/s", true, 0.95, 0.95, 1.2},
    {"TCP 8 streams, server sends", "Gb/s", true, 0.95, 0.95, 1.2},
    {"CPU per gigabit", "s", false},
    {"UDP 16 B delivered", "kpps", true, 0.90},
    {"UDP 16 B lost", "%", false},
    {"TCP round trip p50", "us", false, 1.1, 0.6},
    {"TCP round trip p99", "us", false},
    {"new HTTP connections", "/s", true, {}, 1.2},
};

std::string_view MetricName(std::string_view name) {
  const auto found = std::find_if(std::begin(kMetrics), std::end(kMetrics),
                                  [&](const Metric& metric) { return metric.name == name; });
  return found->name;
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
  const auto text =
      Run(rig.client(),
          {"wrk", "-t", "1", "-c", std::to_string(kHttpConnections), "-d", std::to_string(duration),
           "-H", "Connection: close", fmt::format("http://{}/", rig.server_address())},
          seconds(duration) + kPatience);
  if (!text.ok()) return text.status();
  const auto rate = NumberIn(*text, R"(Requests/sec: *([0-9.]+))");
  if (!rate.ok()) return rate.status();
  return Sample{{MetricName("new HTTP connections"), *rate}};
}

constexpr Load kLoads[] = {
    {"tcp-1", "one TCP stream, client sends (iperf3)",
     [](const Rig& rig, int s) { return Tcp(rig, s, 1, false); }},
    {"tcp-1-down", "one TCP stream, server sends (iperf3 -R)",
     [](const Rig& rig, int s) { return Tcp(rig, s, 1, true); }},
    {"tcp-8", "eight TCP streams, client sends",
     [](const Rig& rig, int s) { return Tcp(rig, s, 8, false); }},
    {"tcp-8-down", "eight TCP streams, server sends",
     [](const Rig& rig, int s) { return Tcp(rig, s, 8, true); }},
    {"udp-small", "datagrams of 16 bytes as fast as they go (iperf3 -u)", SmallDatagrams},
    {"round-trip", "one TCP message at a time, there and back (sockperf)", RoundTrips},
    {"http-new", "HTTP, every request on a connection of its own (wrk, nginx)", HttpConnections},
};

std::string NginxConfig(const std::filesystem::path& folder) {
  return fmt::format(
      "daemon off; user root; worker_processes 1; pid {0}/nginx.pid; error_log stderr crit;\n"
      "events {{ worker_connections 4096; }}\n"
      "http {{ access_log off; keepalive_timeout 0; client_body_temp_path {0}/body; "
      "proxy_temp_path {0}/proxy;\n"
      "fastcgi_temp_path {0}/fastcgi; uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;\n"
      "server {{ listen {1} backlog=4096 reuseport; location / {{ return 200 \"ok\\n\"; }}\n"
      "location /blob {{ root {0}; }} }} }}\n",
      folder.string(), kHttpPort);
}

// Bytes that no compression, padding or repetition can stand in for.
absl::Status WriteBlob(const std::filesystem::path& folder) {
  const auto made = Run(
      -1,
      {"sh", "-ec",
       fmt::format("head -c {} /dev/urandom >{}/blob", kIntegrityMebibytes << 20, folder.string())},
      kPatience);
  return made.status();
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
  std::ofstream(config) << NginxConfig(park.folder_->path());
  if (absl::Status blob = WriteBlob(park.folder_->path()); !blob.ok()) return blob;

  const std::pair<Argv, std::uint16_t> programs[] = {
      {{"iperf3", "-s"}, kIperfPort},
      {{"nginx", "-c", config.string()}, kHttpPort},
      {{"sockperf", "server", "--tcp", "-i", rig.server_address(), "-p",
        std::to_string(kSockperfPort)},
       kSockperfPort},
  };
  const wire::IpAddress address = *wire::IpAddress::Parse(rig.server_address());
  for (const auto& [argv, port] : programs) {
    auto server = Server::Start(rig.server(), argv, address, port);
    if (!server.ok()) return server.status();
    park.servers_.push_back(*std::move(server));
  }
  return park;
}

absl::Status CheckIntegrity(const Rig& rig) {
  const auto sum_of = [&](int netns, const std::string& url) -> absl::StatusOr<std::string> {
    return Run(netns,
               {"bash", "-o", "pipefail", "-ec",
                fmt::format("curl --silent --show-error --fail http://{}/blob | sha256sum", url)},
               kPatience);
  };
  const auto sent = sum_of(rig.server(), "127.0.0.1");
  if (!sent.ok()) return sent.status();
  const auto received = sum_of(rig.client(), rig.server_address());
  if (!received.ok()) return received.status();
  if (*sent != *received) {
    return absl::DataLossError(fmt::format("{}: {} MiB arrived changed: SHA-256 {} instead of {}",
                                           rig.name(), kIntegrityMebibytes, *received, *sent));
  }
  return absl::OkStatus();
}

}  // namespace taploom::bench
