#include "control/api/server.h"

#include <fmt/format.h>
#include <httplib.h>
#include <sys/stat.h>

#include <atomic>
#include <charconv>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>
#include <utility>

#include "control/explain/explain.h"
#include "control/explain/last_drop.h"
#include "control/graph/graph.h"
#include "control/graph/traffic.h"
#include "control/process/host_error.h"

namespace taploom::api {
namespace {

using httplib::Request;
using httplib::Response;
using nlohmann::json;
using nlohmann::ordered_json;

constexpr const char* kJson = "application/json";
constexpr std::size_t kLargestRequest = 16u
                                        << 20;  // bytes; a topology file is the largest thing sent

int HttpCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return 200;
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAlreadyExists:
      return 409;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 503;
  }
}

void Answer(Response& response, const ordered_json& body, int code = 200) {
  response.status = code;
  // Programs' names and messages may hold any bytes; they never make an answer fail.
  response.set_content(body.dump(-1, ' ', false, ordered_json::error_handler_t::replace), kJson);
}

void AnswerError(Response& response, const absl::Status& status,
                 const std::vector<std::string>& findings = {}) {
  Answer(response, {{"error", std::string(status.message())}, {"findings", findings}},
         HttpCode(status.code()));
}

void AnswerOutcome(Response& response, const runtime::Outcome& outcome) {
  if (!outcome.status.ok()) return AnswerError(response, outcome.status, outcome.findings);
  Answer(response, {{"changes", outcome.changes}, {"notes", outcome.notes}});
}

class BadRequest : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

json BodyOf(const Request& request) {
  json body = json::parse(request.body, nullptr, false);
  if (!body.is_object()) throw BadRequest("the body is not a JSON object");
  return body;
}

template <typename T>
T Field(const json& body, const char* name, T fallback) {
  const auto value = body.find(name);
  if (value == body.end() || value->is_null()) return fallback;
  try {
    return value->get<T>();
  } catch (const json::exception&) {
    throw BadRequest(fmt::format("\"{}\" is of the wrong type", name));
  }
}

std::string RequiredText(const json& body, const char* name) {
  std::string text = Field<std::string>(body, name, "");
  if (text.empty()) throw BadRequest(fmt::format("\"{}\" is missing", name));
  return text;
}

std::optional<wire::IpAddress> AddressField(const json& body, const char* name) {
  const std::string text = Field<std::string>(body, name, "");
  if (text.empty()) return std::nullopt;
  const auto address = wire::IpAddress::Parse(text);
  if (!address) throw BadRequest(fmt::format("\"{}\" is no IP address", text));
  return address;
}

runtime::Attachment AttachmentOf(const json& body) {
  runtime::Attachment attachment;
  attachment.request.subnet = RequiredText(body, "subnet");
  attachment.request.name = RequiredText(body, "name");
  attachment.request.address = AddressField(body, "ip");
  attachment.request.ipv6 = AddressField(body, "ipv6");
  attachment.request.security_groups = Field<std::vector<std::string>>(body, "security_groups", {});
  attachment.device = Field<std::string>(body, "device", "eth0");
  if (const pid_t pid = Field<pid_t>(body, "pid", 0); pid > 0) {
    attachment.pid = pid;
    attachment.request.netns_path = fmt::format("/proc/{}/ns/net", pid);
  } else {
    attachment.request.netns_path = RequiredText(body, "netns");
  }
  return attachment;
}

}  // namespace

namespace {

std::uint32_t PlaceOf(const Request& request) {
  const std::string text = request.get_param_value("place");
  std::uint32_t place = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), place);
  if (error != std::errc() || end != text.data() + text.size())
    throw BadRequest("\"place\" is no number");
  return place;
}

void AnswerExplanation(Response& response, const control::ExplainAnswer& answer) {
  if (!answer.error.empty()) return AnswerError(response, absl::InvalidArgumentError(answer.error));
  Answer(response, {{"passes", answer.passes},
                    {"answer", answer.json},
                    {"text", answer.text},
                    {"brief", answer.brief}});
}

}  // namespace

class ApiServer::Impl {
 public:
  Impl(runtime::Fabric& fabric, std::function<void()> shut_down)
      : fabric_(fabric), shut_down_(std::move(shut_down)) {
    server_.set_payload_max_length(kLargestRequest);
    server_.set_keep_alive_max_count(1);
    server_.set_exception_handler(
        [](const Request&, Response& response, std::exception_ptr failure) {
          try {
            std::rethrow_exception(failure);
          } catch (const BadRequest& error) {
            AnswerError(response, absl::InvalidArgumentError(error.what()));
          } catch (const std::exception& error) {
            AnswerError(response, absl::InternalError(error.what()));
          }
        });
    server_.set_error_handler([](const Request& request, Response& response) {
      if (response.body.empty()) {
        Answer(response,
               {{"error",
                 fmt::format("{} {} is no request of this API", request.method, request.path)},
                {"findings", json::array()}},
               response.status);
      }
    });
    AddRoutes();
  }

  ~Impl() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Listen(const std::string& socket_path) {
    const mode_t before = umask(0177);
    const bool bound = server_.set_address_family(AF_UNIX).bind_to_port(socket_path, kIgnoredPort);
    const int error_number = errno;
    umask(before);
    if (!bound) return process::HostError(fmt::format("listen on {}", socket_path), error_number);
    thread_ = std::thread([this] {
      server_.listen_after_bind();
      has_ended_ = true;
    });
    // cpp-httplib ignores a stop() that comes before it listens, and would then be joined for ever.
    while (!server_.is_running() && !has_ended_) std::this_thread::yield();
    return absl::OkStatus();
  }

 private:
  // cpp-httplib asks for a port even where there is none; 0 would make it look for the one it got.
  static constexpr int kIgnoredPort = 80;

  void AddRoutes() {
    server_.Get("/v1/fabric", [this](const Request&, Response& response) {
      Answer(response, fabric_.Summary());
    });
    server_.Get("/v1/page/flows", [this](const Request& request, Response& response) {
      runtime::FlowFilter filter;
      for (const runtime::FlowFilterField& field : runtime::FlowFilterFields())
        filter.*field.field = request.get_param_value(field.name);
      const auto page = fabric_.Flows(filter, PlaceOf(request));
      if (!page.ok()) return AnswerError(response, page.status());
      Answer(response, {{"rows", page->rows}, {"next_place", page->next_place}});
    });
    server_.Post("/v1/forget-flows", [this](const Request& request, Response& response) {
      const json body = BodyOf(request);
      runtime::FlowFilter filter;
      for (const runtime::FlowFilterField& field : runtime::FlowFilterFields())
        filter.*field.field = Field<std::string>(body, field.name, "");
      const auto page = fabric_.ForgetFlows(filter, Field<std::uint32_t>(body, "place", 0));
      if (!page.ok()) return AnswerError(response, page.status());
      Answer(
          response,
          {{"rows", page->rows}, {"next_place", page->next_place}, {"forgotten", page->forgotten}});
    });
    server_.Get("/v1/counted-rules", [this](const Request&, Response& response) {
      const auto counters = fabric_.Counters();  // without it, no rule would seem to be used
      if (!counters.ok()) return AnswerError(response, counters.status());
      const auto rules = fabric_.Get("rules", "");
      if (!rules.ok()) return AnswerError(response, rules.status());
      Answer(response, {{"rules", *rules}, {"uncounted", counters->uncounted_rule_hits()}});
    });
    server_.Get("/v1/capture", [this](const Request&, Response& response) {
      Answer(response, fabric_.CaptureInterfaces());
    });
    server_.Post("/v1/capture", [this](const Request& request, Response& response) {
      const json body = BodyOf(request);
      const absl::Status status = Field(body, "stop", false)
                                      ? fabric_.StopCapture()
                                      : fabric_.StartCapture(RequiredText(body, "ring"));
      if (!status.ok()) return AnswerError(response, status);
      Answer(response, json::object());
    });
    server_.Post("/v1/inject", [this](const Request& request, Response& response) {
      const json body = BodyOf(request);
      const absl::Status status =
          fabric_.StartInjection(Field<pid_t>(body, "pid", 0), Field(body, "descriptor", -1));
      if (!status.ok()) return AnswerError(response, status);
      Answer(response, json::object());
    });
    // For those that look into frames as the dataplane does.
    server_.Get("/v1/config", [this](const Request&, Response& response) {
      response.set_content(fabric_.plan().config.SerializeAsString(), "application/x-protobuf");
    });
    server_.Get("/v1/([a-z-]+)", [this](const Request& request, Response& response) {
      const auto rows = fabric_.Get(request.matches[1], request.get_param_value("name"));
      if (!rows.ok()) return AnswerError(response, rows.status());
      Answer(response, *rows);
    });
    server_.Post("/v1/apply", [this](const Request& request, Response& response) {
      const json body = BodyOf(request);
      AnswerOutcome(response, fabric_.Apply({.text = RequiredText(body, "topology"),
                                             .file = Field<std::string>(body, "file", "topology"),
                                             .folder = Field<std::string>(body, "folder", "/")},
                                            Field(body, "dry_run", false)));
    });
    server_.Post("/v1/attach", [this](const Request& request, Response& response) {
      AnswerOutcome(response, fabric_.Attach(AttachmentOf(BodyOf(request))));
    });
    server_.Post("/v1/detach", [this](const Request& request, Response& response) {
      AnswerOutcome(response, fabric_.Detach(RequiredText(BodyOf(request), "name")));
    });
    server_.Post("/v1/fault", [this](const Request& request, Response& response) {
      const json body = BodyOf(request);
      if (!body.contains("down")) throw BadRequest("\"down\" is missing");
      AnswerOutcome(response,
                    fabric_.SetFault(RequiredText(body, "kind"), RequiredText(body, "name"),
                                     Field(body, "down", true)));
    });
    server_.Post("/v1/explain", [this](const Request& request, Response& response) {
      const json body = BodyOf(request);
      AnswerExplanation(response,
                        control::ExplainPath(fabric_.plan(), RequiredText(body, "source"),
                                             RequiredText(body, "destination"), LiveViewOf()));
    });
    server_.Post("/v1/graph", [this](const Request& request, Response& response) {
      const json body = BodyOf(request);
      const std::string format = RequiredText(body, "format");
      const control::FabricPlan plan = fabric_.plan();
      control::Graph graph = control::GraphOf(plan);
      if (Field(body, "live", false)) {
        const auto counters = fabric_.Counters();
        if (!counters.ok()) return AnswerError(response, counters.status());
        control::Traffic traffic;
        const absl::Status status =
            fabric_.VisitConnections([&](const config::Connections& page) { traffic.Add(page); });
        if (!status.ok()) return AnswerError(response, status);
        control::AddTraffic(plan, traffic, *counters, graph);
      }
      if (format != "svg" && format != "mermaid" && format != "dot")
        throw BadRequest("\"format\" is svg, mermaid or dot");
      Answer(response, {{"text", format == "svg"       ? control::ToSvg(graph)
                                 : format == "mermaid" ? control::ToMermaid(graph)
                                                       : control::ToDot(graph)}});
    });
    server_.Post("/v1/last-drop", [this](const Request& request, Response& response) {
      const auto counters = fabric_.Counters();
      if (!counters.ok()) return AnswerError(response, counters.status());
      AnswerExplanation(response, control::ExplainLastDrops(fabric_.plan(), *counters,
                                                            RequiredText(BodyOf(request), "name")));
    });
    server_.Post("/v1/down", [this](const Request&, Response& response) {
      Answer(response, json::object(), 202);
      shut_down_();
    });
  }

  control::LiveView LiveViewOf() {
    control::LiveView live;
    live.listens = [this](const std::string& space, std::uint8_t protocol,
                          const wire::IpAddress& address, std::uint16_t port) {
      return fabric_.Listens(space, protocol, address, port);
    };
    live.target_health = [this](const std::string& node, const std::string& target) {
      const auto rows = fabric_.Get("targets", target);
      if (!rows.ok()) return std::string();
      for (const runtime::Row& row : *rows) {
        if (row["node"] != node) continue;
        const std::string state = row["state"], reason = row["reason"];
        return reason.empty() ? state : fmt::format("{} ({})", state, reason);
      }
      return std::string();
    };
    return live;
  }

  runtime::Fabric& fabric_;
  const std::function<void()> shut_down_;
  httplib::Server server_;
  std::atomic<bool> has_ended_{false};
  std::thread thread_;
};

ApiServer::ApiServer(runtime::Fabric& fabric, std::function<void()> shut_down)
    : impl_(std::make_unique<Impl>(fabric, std::move(shut_down))) {}
ApiServer::~ApiServer() = default;

absl::Status ApiServer::Listen(const std::string& socket_path) {
  return impl_->Listen(socket_path);
}

}  // namespace taploom::api
