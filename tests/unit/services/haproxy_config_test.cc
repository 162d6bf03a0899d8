#include "control/services/haproxy_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace taploom::control {
namespace {

using testing::HasSubstr;
using testing::Not;

wire::IpAddress Address(const char* text) { return wire::IpAddress::Parse(text).value(); }

// The guide's load balancer: HTTPS on 443, HTTP on 80 that redirects, one group of one target.
LoadBalancerPlan Front() {
  LoadBalancerPlan plan;
  plan.name = "front";
  plan.dns_name = "mydomain.com";
  plan.nodes = {{.namespace_name = "front/public-a", .az = "a", .address = Address("10.0.1.100")}};
  plan.listeners = {{.protocol = "https", .port = 443, .forward = "web"},
                    {.protocol = "http", .port = 80, .forward = "", .redirect_to_https = true}};
  TargetGroupPlan web;
  web.name = "web";
  web.targets = {{.name = "web-1", .address = Address("10.0.2.50"), .port = 80}};
  plan.target_groups = {web};
  return plan;
}

const HaproxyFiles kFiles{.stats_socket = "/run/t/stats.sock",
                          .server_state = "/run/t/state",
                          .certificate = "/run/t/cert.pem",
                          .worker_user = "haproxy"};

std::string Render(const LoadBalancerPlan& plan, const HaproxyFiles& files = kFiles) {
  const auto text = RenderHaproxyConfig(plan, plan.nodes.front(), files);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.value_or("");
}

// The text from the line that starts with `first` to the next blank line.
std::string Section(const std::string& text, const std::string& first) {
  const std::size_t begin = text.find("\n" + first + "\n");
  if (begin == std::string::npos) return "no section " + first;
  const std::size_t end = text.find("\n\n", begin + 1);
  return text.substr(begin + 1, end == std::string::npos ? end : end - begin);
}

TEST(HaproxyConfigTest, GlobalSection) {
  EXPECT_EQ(Section(Render(Front()), "global"), R"cfg(global
  log stdout format raw local0 info
  stats socket "/run/t/stats.sock" mode 600 level admin expose-fd listeners
  server-state-file "/run/t/state"
  maxconn 4000
  max-spread-checks 100ms
  no strict-limits
  nbthread 2
  hard-stop-after 300s
  tune.bufsize 67584
  tune.maxrewrite 2048
  ssl-default-bind-options ssl-min-ver TLSv1.2
  user "haproxy"
  group "haproxy"
)cfg");
}

TEST(HaproxyConfigTest, DefaultsHaveTheTimeoutsAndPagesOfAnAlb) {
  EXPECT_EQ(Section(Render(Front()), "defaults"), R"cfg(defaults
  mode http
  log global
  option httplog
  option dontlognull
  load-server-state-from-file global
  retries 0
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  timeout http-request 60s
  timeout http-keep-alive 60s
  timeout tunnel 60s
  http-error status 400 content-type text/html string "<html>\r\n<head><title>400 Bad Request</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n</body>\r\n</html>\r\n" hdr Server awselb/2.0
  http-error status 408 content-type text/html string "<html>\r\n<head><title>408 Request Time-out</title></head>\r\n<body>\r\n<center><h1>408 Request Time-out</h1></center>\r\n</body>\r\n</html>\r\n" hdr Server awselb/2.0
  http-error status 500 content-type text/html string "<html>\r\n<head><title>500 Internal Server Error</title></head>\r\n<body>\r\n<center><h1>500 Internal Server Error</h1></center>\r\n</body>\r\n</html>\r\n" hdr Server awselb/2.0
  http-error status 502 content-type text/html string "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n" hdr Server awselb/2.0
  http-error status 503 content-type text/html string "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n" hdr Server awselb/2.0
  http-error status 504 content-type text/html string "<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n<body>\r\n<center><h1>504 Gateway Time-out</h1></center>\r\n</body>\r\n</html>\r\n" hdr Server awselb/2.0
)cfg");
}

TEST(HaproxyConfigTest, HttpsListener) {
  EXPECT_EQ(Section(Render(Front()), "frontend listener:443"), R"cfg(frontend listener:443
  bind 10.0.1.100:443 ssl crt "/run/t/cert.pem" alpn h2,http/1.1
  http-request deny deny_status 400 if HTTP_1.1 !{ req.hdr(Host) -m found }
  http-request set-header Host "mydomain.com" unless { req.hdr(Host) -m found }
  acl forwarded_once req.fhdr_cnt(X-Forwarded-For) eq 1
  http-request set-var(txn.forwarded_for) req.fhdr(X-Forwarded-For) if forwarded_once
  http-request set-header X-Forwarded-For "%[var(txn.forwarded_for)], %[src]" if forwarded_once
  http-request add-header X-Forwarded-For %[src] unless { var(txn.forwarded_for) -m found }
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Forwarded-Port 443
  http-request set-var-fmt(txn.trace_id) "1-%[date,hex,bytes(8,8),lower]-%[rand,hex,bytes(8,8),lower]%[rand,hex,bytes(8,8),lower]%[rand,hex,bytes(8,8),lower]"
  acl traced req.fhdr(X-Amzn-Trace-Id) -m found
  acl rooted req.fhdr(X-Amzn-Trace-Id) -m sub Root=
  http-request replace-header X-Amzn-Trace-Id "(.*)Self=[^;]*;?(.*)" "\1\2" if rooted
  http-request replace-header X-Amzn-Trace-Id "(.*)" "Self=%[var(txn.trace_id)];\1" if rooted
  http-request replace-header X-Amzn-Trace-Id "(.*)" "Root=%[var(txn.trace_id)];\1" if traced !rooted
  http-request set-header X-Amzn-Trace-Id "Root=%[var(txn.trace_id)]" unless traced
  use_backend "tg:web:fail-open" if { nbsrv("tg:web") eq 0 }
  default_backend "tg:web"
)cfg");
}

TEST(HaproxyConfigTest, HttpListenerThatRedirects) {
  EXPECT_EQ(Section(Render(Front()), "frontend listener:80"), R"cfg(frontend listener:80
  bind 10.0.1.100:80
  http-request deny deny_status 400 if HTTP_1.1 !{ req.hdr(Host) -m found }
  http-request set-header Host "mydomain.com" unless { req.hdr(Host) -m found }
  http-after-response set-header Server awselb/2.0
  http-request redirect code 301 location "https://%[req.hdr(Host),regsub(:[0-9]+\$,)]:443%[pathq]"
)cfg");
}

TEST(HaproxyConfigTest, TargetGroupIsCheckedAndItsTwinIsNot) {
  const std::string text = Render(Front());
  const std::string checked = Section(text, "backend \"tg:web\"");
  EXPECT_THAT(checked, HasSubstr("  balance roundrobin\n"
                                 "  source 10.0.1.100\n"));
  EXPECT_THAT(checked,
              HasSubstr("  timeout check 5s\n"
                        "  option httpchk\n"
                        "  http-check send meth GET uri \"/\" ver HTTP/1.1 hdr Host "
                        "\"%[bc_dst]:%[bc_dst_port]\" hdr User-Agent ELB-HealthChecker/2.0\n"
                        "  http-check expect status \"200\"\n"
                        "  server \"web-1:80\" 10.0.2.50:80 check inter 30s rise 5 fall 2\n"));
  const std::string twin = Section(text, "backend \"tg:web:fail-open\"");
  EXPECT_THAT(twin, HasSubstr("  source 10.0.1.100\n"));
  EXPECT_THAT(twin, HasSubstr("  server \"web-1:80\" 10.0.2.50:80\n"));
  EXPECT_THAT(twin, Not(HasSubstr("check")));
}

TEST(HaproxyConfigTest, HealthCheckFollowsThePlan) {
  LoadBalancerPlan plan = Front();
  plan.target_groups[0].health_check = {.protocol = "http",
                                        .path = "/health?deep=1",
                                        .port = 8081,
                                        .interval_seconds = 7,
                                        .timeout_seconds = 3,
                                        .healthy_threshold = 4,
                                        .unhealthy_threshold = 6,
                                        .matcher = "200-399"};
  const std::string backend = Section(Render(plan), "backend \"tg:web\"");
  EXPECT_THAT(backend, HasSubstr("timeout check 3s\n"));
  EXPECT_THAT(backend, HasSubstr("uri \"/health?deep=1\""));
  EXPECT_THAT(backend, HasSubstr("expect status \"200-399\""));
  EXPECT_THAT(backend, HasSubstr(" check inter 7s rise 4 fall 6 port 8081\n"));
}

TEST(HaproxyConfigTest, TcpHealthCheckSendsNothing) {
  LoadBalancerPlan plan = Front();
  plan.target_groups[0].health_check.protocol = "tcp";
  const std::string backend = Section(Render(plan), "backend \"tg:web\"");
  EXPECT_THAT(backend, Not(HasSubstr("httpchk")));
  EXPECT_THAT(backend, HasSubstr(" check inter 30s rise 5 fall 2\n"));
}

TEST(HaproxyConfigTest, HttpsTargetsAreNotVerifiedAndCheckedAsTheCheckSays) {
  LoadBalancerPlan plan = Front();
  plan.target_groups[0].protocol = "https";
  EXPECT_THAT(Render(plan),
              HasSubstr(" ssl verify none check inter 30s rise 5 fall 2 no-check-ssl\n"));
  plan.target_groups[0].health_check.protocol = "https";
  EXPECT_THAT(Render(plan), HasSubstr(" ssl verify none check inter 30s rise 5 fall 2\n"));
}

TEST(HaproxyConfigTest, GroupWithoutTargetsIsABackendWithoutServers) {
  LoadBalancerPlan plan = Front();
  plan.target_groups[0].targets.clear();
  EXPECT_EQ(Section(Render(plan), "backend \"tg:web\""), "backend \"tg:web\"\n");
}

TEST(HaproxyConfigTest, IdleTimeoutHoldsOnBothLegs) {
  LoadBalancerPlan plan = Front();
  plan.idle_timeout_seconds = 7;
  const std::string defaults = Section(Render(plan), "defaults");
  EXPECT_THAT(defaults, HasSubstr("timeout client 7s\n"));
  EXPECT_THAT(defaults, HasSubstr("timeout server 7s\n"));
}

TEST(HaproxyConfigTest, ListensOnItsOwnAddressInBothFamilies) {
  LoadBalancerPlan plan = Front();
  plan.nodes[0].address = Address("2001:db8::64");
  EXPECT_THAT(Render(plan), HasSubstr("  bind [2001:db8::64]:80\n"));
}

TEST(HaproxyConfigTest, WorkerStaysWhoItIsWithoutAUserToBecome) {
  HaproxyFiles files = kFiles;
  files.worker_user.reset();
  EXPECT_THAT(Render(Front(), files), Not(HasSubstr("user ")));
}

TEST(HaproxyConfigTest, SamePlanSameText) { EXPECT_EQ(Render(Front()), Render(Front())); }

TEST(HaproxyConfigTest, TextsAreQuotedSoThatTheyStayOneWord) {
  LoadBalancerPlan plan = Front();
  plan.target_groups[0].health_check.path = "/a b\"c$HOME\\";
  EXPECT_THAT(Render(plan), HasSubstr(R"(uri "/a b\"c\$HOME\\" ver)"));
}

TEST(HaproxyConfigTest, LineBreakInATextIsAnErrorAndNotADirective) {
  LoadBalancerPlan plan = Front();
  plan.target_groups[0].health_check.path = "/\n  server evil 6.6.6.6:80";
  const auto text = RenderHaproxyConfig(plan, plan.nodes.front(), kFiles);
  EXPECT_EQ(text.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(text.status().message(), "load balancer front: a control character (0x0a) in \"/\"");
}

TEST(HaproxyConfigTest, ServerNamesReadBack) {
  EXPECT_EQ(ServerName("web-1", 80), "web-1:80");
  EXPECT_EQ(ServerName("main/web-1", 8080), "main:web-1:8080");
  for (const char* target : {"web-1", "main/web-1"}) {
    const auto parts = ParseServerName(ServerName(target, 65535));
    ASSERT_TRUE(parts.has_value());
    EXPECT_EQ(parts->target, target);
    EXPECT_EQ(parts->port, 65535);
  }
  for (const char* other : {"", "BACKEND", ":80", "web-1:", "web-1:70000", "web-1:80x"}) {
    EXPECT_FALSE(ParseServerName(other).has_value()) << other;
  }
}

TEST(HaproxyConfigTest, BackendNamesReadBack) {
  EXPECT_EQ(ParseBackendName(BackendName("main/web")), "main/web");
  EXPECT_EQ(ParseBackendName("tg:web:fail-open"), std::nullopt);
  EXPECT_EQ(ParseBackendName("listener:443"), std::nullopt);
}

}  // namespace
}  // namespace taploom::control
