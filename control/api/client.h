// ApiClient: asks the API of a running fabric (server.h).
#ifndef TAPLOOM_CONTROL_API_CLIENT_H_
#define TAPLOOM_CONTROL_API_CLIENT_H_

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace taploom::api {

struct Reply {
  int status = 0;  // of HTTP; 0: nothing answered
  nlohmann::ordered_json body;
  std::string error;  // a sentence unless the status is 2xx

  bool ok() const { return status / 100 == 2; }
};

class ApiClient {
 public:
  explicit ApiClient(std::string socket_path) : socket_path_(std::move(socket_path)) {}

  // `name`: restricts the rows; may be empty.
  Reply Get(const std::string& kind, const std::string& name = "") const;
  // One page of a listing that is read in pages (server.h).
  Reply GetPage(const std::string& kind,
                const std::vector<std::pair<std::string, std::string>>& query) const;
  // The configuration that runs, a serialized config::FabricConfig, into `config`.
  Reply GetConfig(std::string& config) const;
  Reply Post(const std::string& verb, const nlohmann::ordered_json& body) const;

 private:
  std::string socket_path_;
};

}  // namespace taploom::api

#endif  // TAPLOOM_CONTROL_API_CLIENT_H_
