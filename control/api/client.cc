#include "control/api/client.h"

#include <fmt/format.h>
#include <httplib.h>

#include <cerrno>
#include <system_error>

namespace taploom::api {
namespace {

// A change stops programs (2 s of grace) and starts others; the longest answer waits for that.
constexpr time_t kPatienceSeconds = 120;

httplib::Client MakeClient(const std::string& socket_path) {
  httplib::Client client(socket_path);
  client.set_address_family(AF_UNIX);
  client.set_read_timeout(kPatienceSeconds);
  client.set_write_timeout(kPatienceSeconds);
  return client;
}

Reply ReplyFrom(const httplib::Result& result, const std::string& socket_path) {
  Reply reply;
  if (!result) {
    reply.error =
        fmt::format("no answer on {}: {}", socket_path, httplib::to_string(result.error()));
    return reply;
  }
  reply.status = result->status;
  reply.body = nlohmann::ordered_json::parse(result->body, nullptr, false);
  if (!reply.ok()) {
    reply.error = reply.body.is_object() ? reply.body.value("error", "") : "";
    if (reply.error.empty()) reply.error = fmt::format("HTTP status {}", reply.status);
  }
  return reply;
}

}  // namespace

Reply ApiClient::Get(const std::string& kind, const std::string& name) const {
  httplib::Client client = MakeClient(socket_path_);
  const httplib::Params params = name.empty() ? httplib::Params{} : httplib::Params{{"name", name}};
  return ReplyFrom(client.Get("/v1/" + kind, params, httplib::Headers{}), socket_path_);
}

Reply ApiClient::GetPage(const std::string& kind,
                         const std::vector<std::pair<std::string, std::string>>& query) const {
  httplib::Client client = MakeClient(socket_path_);
  const httplib::Params params(query.begin(), query.end());
  return ReplyFrom(client.Get("/v1/page/" + kind, params, httplib::Headers{}), socket_path_);
}

Reply ApiClient::GetConfig(std::string& config) const {
  httplib::Client client = MakeClient(socket_path_);
  httplib::Result result = client.Get("/v1/config");
  Reply reply = ReplyFrom(result, socket_path_);
  if (reply.ok()) config = std::move(result->body);
  return reply;
}

Reply ApiClient::Post(const std::string& verb, const nlohmann::ordered_json& body) const {
  httplib::Client client = MakeClient(socket_path_);
  return ReplyFrom(client.Post("/v1/" + verb, body.dump(), "application/json"), socket_path_);
}

}  // namespace taploom::api
