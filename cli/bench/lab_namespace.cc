#include "cli/bench/lab_namespace.h"

#include <fmt/format.h>
#include <unistd.h>

#include "cli/bench/program.h"
#include "control/netns/network_namespace.h"

namespace taploom::bench {

absl::StatusOr<LabNamespace> LabNamespace::Make(const std::string& purpose) {
  if (const auto made = netns::PrepareNamespaceFolder(); !made.ok()) return made.status();
  std::string name = fmt::format("tlbench-{}-{}", getpid(), purpose);
  auto fd = netns::CreateNamespace(name);
  if (!fd.ok()) return fd.status();
  return LabNamespace(std::move(name), *std::move(fd));
}

LabNamespace::~LabNamespace() {
  if (!fd_.valid()) return;  // moved from
  netns::RemoveNamespace(name_).IgnoreError();
}

absl::Status LabNamespace::Shell(const std::string& line) const {
  return Run(fd(), {"sh", "-ec", line}, std::chrono::seconds(20)).status();
}

}  // namespace taploom::bench
