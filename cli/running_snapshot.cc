#include "cli/running_snapshot.h"

#include <utility>

#include "dataplane/config/fabric_config.pb.h"
#include "dataplane/tables/compile.h"

namespace taploom::cli {

absl::StatusOr<std::shared_ptr<const tables::Snapshot>> RunningSnapshot(const std::string& bytes) {
  config::FabricConfig config;
  if (!config.ParseFromString(bytes))
    return absl::InternalError(
        "the fabric does not tell its configuration; is it of this version?");
  config.set_generation(1);
  tables::CompileResult compiled = tables::Compile(config);
  if (!compiled.snapshot) return absl::InternalError(compiled.error);
  return std::move(compiled.snapshot);
}

}  // namespace taploom::cli
