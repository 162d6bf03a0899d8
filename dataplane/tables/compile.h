// Compile: FabricConfig → Snapshot. Routes become tries, rules become classifiers, ids become
// indices.
#ifndef TAPLOOM_DATAPLANE_TABLES_COMPILE_H_
#define TAPLOOM_DATAPLANE_TABLES_COMPILE_H_

#include <memory>
#include <string>

#include "dataplane/tables/snapshot.h"

namespace taploom::config {
class FabricConfig;
}

namespace taploom::tables {

struct CompileResult {
  std::shared_ptr<const Snapshot> snapshot;  // null exactly when `error` is not empty
  std::string error;                         // names the object and what is wrong with it
};

// Checks every reference, address length, range and port (a config comes from another process: it
// is not trusted), and builds the snapshot. Runs on the control thread, never on a worker. Cost:
// linear in the config, plus the tries and classifiers; ENIs with the same set of security groups
// share one classifier.
CompileResult Compile(const config::FabricConfig& config);

}  // namespace taploom::tables

#endif  // TAPLOOM_DATAPLANE_TABLES_COMPILE_H_
