#include "control/services/haproxy_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

namespace taploom::control {
namespace {

constexpr std::string_view kBackendPrefix = "tg:";
constexpr std::string_view kFailOpenSuffix = ":fail-open";

// Client and server side of each connection are two descriptors, so this stays far below a hard
// limit of 20,000.
constexpr int kMaxConnections = 4000;
// An ALB takes 64 KiB of request headers (vpc-semantics §9); haproxy must hold them, and some room
// to add its own.
constexpr int kBufferSize = 64 * 1024 + 2048;
constexpr int kRewriteRoom = 2048;
constexpr int kConnectTimeoutSeconds = 10;
constexpr int kMaxSpreadChecksMs = 100;
// AWS's default deregistration delay: how long a worker of an older configuration may finish what
// it has begun.
constexpr int kDeregistrationDelaySeconds = 300;
// haproxy gives up connecting within a few milliseconds of the timeout; a refusal takes less than a
// round trip.
constexpr int kConnectTimedOutMs = kConnectTimeoutSeconds * 1000 - 200;

// A double-quoted word of haproxy's configuration language (haproxy management guide, "Quoting and
// escaping").
std::string Quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '$') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

// Inside a log-format string '%' would start a sample expression.
std::string QuoteForLogFormat(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '%') escaped += '%';
    escaped += c;
  }
  return Quote(escaped);
}

std::string Endpoint(const wire::IpAddress& address, std::uint16_t port) {
  return address.is_v4() ? fmt::format("{}:{}", address.ToString(), port)
                         : fmt::format("[{}]:{}", address.ToString(), port);
}

// haproxy's proxy and server names have no '/'; ours have no ':'.
std::string EncodeName(std::string name) {
  std::replace(name.begin(), name.end(), '/', ':');
  return name;
}

std::string DecodeName(std::string name) {
  std::replace(name.begin(), name.end(), ':', '/');
  return name;
}

std::string FailOpenBackendName(const std::string& target_group) {
  return BackendName(target_group) + std::string(kFailOpenSuffix);
}

std::string ErrorPage(std::string_view status) {
  return fmt::format(
      "<html>\\r\\n<head><title>{0}</title></head>\\r\\n<body>\\r\\n<center><h1>{0}</h1></"
      "center>\\r\\n"
      "</body>\\r\\n</html>\\r\\n",
      status);
}

std::string ErrorReply(int code, std::string_view reason) {
  return fmt::format(
      "  http-error status {} content-type text/html string \"{}\" hdr Server awselb/2.0\n", code,
      ErrorPage(fmt::format("{} {}", code, reason)));
}

std::string GlobalSection(const HaproxyFiles& files) {
  std::string text = fmt::format(
      "global\n"
      "  log stdout format raw local0 info\n"
      "  stats socket {} mode 600 level admin expose-fd listeners\n"
      "  server-state-file {}\n"
      "  maxconn {}\n"
      // The first checks of all targets start together and not spread over an interval: a new
      // target is decided at once.
      "  max-spread-checks {}ms\n"
      // Raising an rlimit beyond the hard one is refused in containers; run with what there is.
      "  no strict-limits\n"
      "  nbthread 2\n"
      "  hard-stop-after {}s\n"
      "  tune.bufsize {}\n"
      "  tune.maxrewrite {}\n"
      "  ssl-default-bind-options ssl-min-ver TLSv1.2\n",
      Quote(files.stats_socket), Quote(files.server_state), kMaxConnections, kMaxSpreadChecksMs,
      kDeregistrationDelaySeconds, kBufferSize, kRewriteRoom);
  if (files.worker_user) {
    text += fmt::format("  user {0}\n  group {0}\n", Quote(*files.worker_user));
  }
  return text;
}

std::string DefaultsSection(const LoadBalancerPlan& plan) {
  return fmt::format(
             "\n"
             "defaults\n"
             "  mode http\n"
             "  log global\n"
             "  option httplog\n"
             "  option dontlognull\n"
             "  load-server-state-from-file global\n"
             // One try: an ALB answers 502 or 504 rather than repeat a request that a target may
             // have seen.
             "  retries 0\n"
             "  timeout connect {0}s\n"
             "  timeout client {1}s\n"
             "  timeout server {1}s\n"
             "  timeout http-request {1}s\n"
             "  timeout http-keep-alive {1}s\n"
             "  timeout tunnel {1}s\n",
             kConnectTimeoutSeconds, plan.idle_timeout_seconds) +
         ErrorReply(400, "Bad Request") + ErrorReply(408, "Request Time-out") +
         ErrorReply(500, "Internal Server Error") + ErrorReply(502, "Bad Gateway") +
         ErrorReply(503, "Service Temporarily Unavailable") + ErrorReply(504, "Gateway Time-out");
}

// X-Forwarded-For in AWS's append mode: the client's address goes to the end of the one header
// there is. A request with several such headers keeps them and gets one more line, which means the
// same list (RFC 9110 §5.3).
constexpr std::string_view kForwardedFor =
    "  acl forwarded_once req.fhdr_cnt(X-Forwarded-For) eq 1\n"
    "  http-request set-var(txn.forwarded_for) req.fhdr(X-Forwarded-For) if forwarded_once\n"
    "  http-request set-header X-Forwarded-For \"%[var(txn.forwarded_for)], %[src]\" if "
    "forwarded_once\n"
    "  http-request add-header X-Forwarded-For %[src] unless { var(txn.forwarded_for) -m found }\n";

// 1-<time, 8 hex digits>-<96 random bits>. A new trace becomes the Root; in a trace that has one
// already this hop is Self.
constexpr std::string_view kTraceId =
    "  http-request set-var-fmt(txn.trace_id) \"1-%[date,hex,bytes(8,8),lower]-"
    "%[rand,hex,bytes(8,8),lower]%[rand,hex,bytes(8,8),lower]%[rand,hex,bytes(8,8),lower]\"\n"
    "  acl traced req.fhdr(X-Amzn-Trace-Id) -m found\n"
    "  acl rooted req.fhdr(X-Amzn-Trace-Id) -m sub Root=\n"
    "  http-request replace-header X-Amzn-Trace-Id \"(.*)Self=[^;]*;?(.*)\" \"\\1\\2\" if rooted\n"
    "  http-request replace-header X-Amzn-Trace-Id \"(.*)\" \"Self=%[var(txn.trace_id)];\\1\" if "
    "rooted\n"
    "  http-request replace-header X-Amzn-Trace-Id \"(.*)\" \"Root=%[var(txn.trace_id)];\\1\" if "
    "traced !rooted\n"
    "  http-request set-header X-Amzn-Trace-Id \"Root=%[var(txn.trace_id)]\" unless traced\n";

std::string FrontendSection(const LoadBalancerPlan& plan, const LoadBalancerNodePlan& node,
                            const HaproxyFiles& files, const ListenerPlan& listener) {
  const bool https = listener.protocol == "https";
  std::string text = fmt::format("\nfrontend listener:{}\n  bind {}", listener.port,
                                 Endpoint(node.address, listener.port));
  if (https) text += fmt::format(" ssl crt {} alpn h2,http/1.1", Quote(files.certificate));
  text += fmt::format(
      "\n"
      "  http-request deny deny_status 400 if HTTP_1.1 !{{ req.hdr(Host) -m found }}\n"
      "  http-request set-header Host {} unless {{ req.hdr(Host) -m found }}\n",
      QuoteForLogFormat(plan.dns_name));
  if (listener.redirect_to_https) {
    // The port is always spelled out, as an ALB does: https://#{{host}}:443/#{{path}}?#{{query}}.
    return text + fmt::format(
                      "  http-after-response set-header Server awselb/2.0\n"
                      "  http-request redirect code 301 location "
                      "\"https://%[req.hdr(Host),regsub(:[0-9]+\\$,)]:{}%[pathq]\"\n",
                      listener.redirect_port);
  }
  text += kForwardedFor;
  text += fmt::format(
      "  http-request set-header X-Forwarded-Proto {}\n"
      "  http-request set-header X-Forwarded-Port {}\n",
      https ? "https" : "http", listener.port);
  text += kTraceId;
  return text + fmt::format(
                    "  use_backend {} if {{ nbsrv({}) eq 0 }}\n"
                    "  default_backend {}\n",
                    Quote(FailOpenBackendName(listener.forward)),
                    Quote(BackendName(listener.forward)), Quote(BackendName(listener.forward)));
}

// REQUIRES: the group has targets. Before an answer of the target exists, a 503 can only mean that
// connecting failed.
std::string ConnectFailureRules() {
  const std::string refused_or_timed_out = fmt::format(
      "%[date(0,ms),sub(txn.sent_ms),div({}),bool,iif(504 Gateway Time-out,502 Bad Gateway)]",
      kConnectTimedOutMs);
  return fmt::format(
      "  http-request set-var(txn.sent_ms) date(0,ms)\n"
      "  http-error status 503 content-type text/html lf-string \"{}\" hdr Server awselb/2.0\n"
      "  http-response set-var(txn.answered) bool(true)\n"
      "  acl connect_failed status 503\n"
      "  acl answered var(txn.answered) -m bool\n"
      "  acl timed_out date(0,ms),sub(txn.sent_ms) ge {}\n"
      "  http-after-response set-status 504 reason \"Gateway Time-out\" if connect_failed "
      "!answered timed_out\n"
      "  http-after-response set-status 502 reason \"Bad Gateway\" if connect_failed !answered "
      "!timed_out\n",
      ErrorPage(refused_or_timed_out), kConnectTimedOutMs);
}

std::string HealthCheckRules(const TargetGroupPlan& group) {
  const HealthCheckPlan& check = group.health_check;
  std::string text = fmt::format("  timeout check {}s\n", check.timeout_seconds);
  if (check.protocol == "tcp") return text;
  const bool ipv4 = group.targets.front().address.is_v4();
  return text + fmt::format(
                    "  option httpchk\n"
                    "  http-check send meth GET uri {} ver HTTP/1.1 hdr Host \"{}:%[bc_dst_port]\" "
                    "hdr User-Agent ELB-HealthChecker/2.0\n"
                    "  http-check expect status {}\n",
                    Quote(check.path), ipv4 ? "%[bc_dst]" : "[%[bc_dst]]", Quote(check.matcher));
}

std::string CheckArguments(const TargetGroupPlan& group) {
  const HealthCheckPlan& check = group.health_check;
  std::string text = fmt::format(" check inter {}s rise {} fall {}", check.interval_seconds,
                                 check.healthy_threshold, check.unhealthy_threshold);
  if (check.port != 0) text += fmt::format(" port {}", check.port);
  const bool over_tls = check.protocol == "https";
  if (over_tls && group.protocol != "https") text += " check-ssl verify none";
  if (!over_tls && group.protocol == "https") text += " no-check-ssl";
  return text;
}

std::string BackendSection(const LoadBalancerNodePlan& node, const TargetGroupPlan& group,
                           bool fail_open) {
  std::string text = fmt::format("\nbackend {}\n", Quote(fail_open ? FailOpenBackendName(group.name)
                                                                   : BackendName(group.name)));
  if (group.targets.empty()) return text;
  text += fmt::format("  balance roundrobin\n  source {}\n", node.address.ToString());
  text += ConnectFailureRules();
  if (!fail_open) text += HealthCheckRules(group);
  for (const TargetPlan& target : group.targets) {
    text += fmt::format("  server {} {}", Quote(ServerName(target.name, target.port)),
                        Endpoint(target.address, target.port));
    // An ALB does not verify a target's certificate.
    if (group.protocol == "https") text += " ssl verify none";
    if (!fail_open) text += CheckArguments(group);
    text += '\n';
  }
  return text;
}

// The texts of the plan that end up inside a line. A control character is the one thing that
// quoting cannot carry.
absl::Status CheckTexts(const LoadBalancerPlan& plan, const LoadBalancerNodePlan& node,
                        const HaproxyFiles& files) {
  std::vector<std::string_view> texts = {plan.name,           plan.dns_name,
                                         node.namespace_name, files.stats_socket,
                                         files.server_state,  files.certificate};
  for (const ListenerPlan& listener : plan.listeners) texts.push_back(listener.forward);
  for (const TargetGroupPlan& group : plan.target_groups) {
    texts.insert(texts.end(), {group.name, group.health_check.path, group.health_check.matcher});
    for (const TargetPlan& target : group.targets) texts.push_back(target.name);
  }
  for (const std::string_view text : texts) {
    const auto bad = std::find_if(text.begin(), text.end(),
                                  [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    if (bad != text.end()) {
      return absl::InvalidArgumentError(
          fmt::format("load balancer {}: a control character (0x{:02x}) in \"{}\"", plan.name,
                      static_cast<unsigned char>(*bad), std::string_view(text.begin(), bad)));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string ServerName(const std::string& target, std::uint16_t port) {
  return fmt::format("{}:{}", EncodeName(target), port);
}

std::optional<ServerNameParts> ParseServerName(std::string_view server_name) {
  const std::size_t colon = server_name.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  const std::string_view digits = server_name.substr(colon + 1);
  ServerNameParts parts;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), parts.port);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  parts.target = DecodeName(std::string(server_name.substr(0, colon)));
  return parts;
}

std::string BackendName(const std::string& target_group) {
  return std::string(kBackendPrefix) + EncodeName(target_group);
}

std::optional<std::string> ParseBackendName(std::string_view backend_name) {
  if (!backend_name.starts_with(kBackendPrefix) || backend_name.ends_with(kFailOpenSuffix)) {
    return std::nullopt;
  }
  return DecodeName(std::string(backend_name.substr(kBackendPrefix.size())));
}

absl::StatusOr<std::string> RenderHaproxyConfig(const LoadBalancerPlan& plan,
                                                const LoadBalancerNodePlan& node,
                                                const HaproxyFiles& files) {
  if (absl::Status status = CheckTexts(plan, node, files); !status.ok()) return status;
  std::string text =
      fmt::format("# Load balancer {}, node {}. Generated: `taploom apply` replaces it.\n",
                  plan.name, node.namespace_name) +
      GlobalSection(files) + DefaultsSection(plan);
  for (const ListenerPlan& listener : plan.listeners) {
    text += FrontendSection(plan, node, files, listener);
  }
  for (const TargetGroupPlan& group : plan.target_groups) {
    text += BackendSection(node, group, /*fail_open=*/false);
    text += BackendSection(node, group, /*fail_open=*/true);
  }
  return text;
}

}  // namespace taploom::control
