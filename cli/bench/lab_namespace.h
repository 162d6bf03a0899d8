// LabNamespace: a network namespace with a name that only this benchmark uses, gone with the
// object.
#ifndef TAPLOOM_CLI_BENCH_LAB_NAMESPACE_H_
#define TAPLOOM_CLI_BENCH_LAB_NAMESPACE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "control/process/unique_fd.h"

namespace taploom::bench {

class LabNamespace {
 public:
  // "tlbench-PID-PURPOSE".
  static absl::StatusOr<LabNamespace> Make(const std::string& purpose);

  LabNamespace(LabNamespace&&) = default;
  LabNamespace& operator=(LabNamespace&&) = delete;
  ~LabNamespace();

  const std::string& name() const { return name_; }
  int fd() const { return fd_.get(); }

  // Runs a line of sh inside.
  absl::Status Shell(const std::string& line) const;

 private:
  LabNamespace(std::string name, process::UniqueFd fd)
      : name_(std::move(name)), fd_(std::move(fd)) {}

  std::string name_;
  process::UniqueFd fd_;
};

}  // namespace taploom::bench

#endif  // TAPLOOM_CLI_BENCH_LAB_NAMESPACE_H_
