// The configuration of a running fabric, compiled as its dataplane has it.
#ifndef TAPLOOM_CLI_RUNNING_SNAPSHOT_H_
#define TAPLOOM_CLI_RUNNING_SNAPSHOT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "dataplane/tables/snapshot.h"

namespace taploom::cli {

// `bytes`: what ApiClient::GetConfig gave.
absl::StatusOr<std::shared_ptr<const tables::Snapshot>> RunningSnapshot(const std::string& bytes);

}  // namespace taploom::cli

#endif  // TAPLOOM_CLI_RUNNING_SNAPSHOT_H_
