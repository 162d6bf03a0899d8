// The topology file named on the command line.
#ifndef TAPLOOM_CLI_TOPOLOGY_FILE_H_
#define TAPLOOM_CLI_TOPOLOGY_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "control/validate.h"

namespace taploom::cli {

struct TopologyFile {
  std::string path;    // as typed
  std::string folder;  // absolute
  std::string text;
};

// kInvalidArgument when it cannot be read.
absl::StatusOr<TopologyFile> ReadTopologyFile(const std::string& path);

// Validates the file, printing every finding; kInvalidArgument when there is one.
absl::StatusOr<control::ValidTopology> Validated(const TopologyFile& file);

}  // namespace taploom::cli

#endif  // TAPLOOM_CLI_TOPOLOGY_FILE_H_
