#include "cli/bench/temp_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "control/process/host_error.h"

namespace taploom::bench {

absl::StatusOr<std::unique_ptr<TempFolder>> TempFolder::Make() {
  std::string pattern = (std::filesystem::temp_directory_path() / "taploom-bench-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return process::HostError("make " + pattern, errno);
  return std::unique_ptr<TempFolder>(new TempFolder(pattern));
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace taploom::bench
