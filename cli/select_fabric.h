// Which running fabric a verb means.
#ifndef TAPLOOM_CLI_SELECT_FABRIC_H_
#define TAPLOOM_CLI_SELECT_FABRIC_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control/api/client.h"
#include "control/runtime/paths.h"

namespace taploom::cli {

// Names of the fabrics whose control lives.
std::vector<std::string> RunningFabrics();

// The fabric called `name`, or the only one when `name` is empty. kNotFound lists those that run.
absl::StatusOr<runtime::FabricPaths> SelectFabric(const std::string& name);

inline api::ApiClient ClientOf(const runtime::FabricPaths& paths) {
  return api::ApiClient(paths.api_socket);
}

}  // namespace taploom::cli

#endif  // TAPLOOM_CLI_SELECT_FABRIC_H_
