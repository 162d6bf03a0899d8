// DataplaneProcess: the running taploom-dataplane of a fabric, and the link to it.
#ifndef TAPLOOM_CONTROL_RUNTIME_DATAPLANE_PROCESS_H_
#define TAPLOOM_CONTROL_RUNTIME_DATAPLANE_PROCESS_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "control/process/exit_watcher.h"
#include "control/process/process_identity.h"
#include "control/publish.h"

namespace taploom::runtime {

// Not thread-safe.
class DataplaneProcess {
 public:
  // `options`: what it is told besides where control is.
  DataplaneProcess(std::string executable, std::vector<std::string> options, std::string log)
      : executable_(std::move(executable)), options_(std::move(options)), log_(std::move(log)) {}

  // Starts it with its end of a fresh socket as descriptor 3, and connects the link. REQUIRES: none
  // is running.
  absl::Status Start(process::ExitWatcher& watcher);
  // Notes its end; the link is closed.
  void NoteExit();

  control::DataplaneLink& link() { return link_; }
  bool running() const { return identity_.pid != 0; }
  const process::ProcessIdentity& identity() const { return identity_; }

 private:
  const std::string executable_;
  const std::vector<std::string> options_;
  const std::string log_;
  process::ProcessIdentity identity_;
  control::DataplaneLink link_;
};

}  // namespace taploom::runtime

#endif  // TAPLOOM_CONTROL_RUNTIME_DATAPLANE_PROCESS_H_
