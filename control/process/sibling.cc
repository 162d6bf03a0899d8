#include "control/process/sibling.h"

#include <filesystem>
#include <system_error>

namespace taploom::process {

std::string SiblingExecutable(std::string_view name) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / name).string();
}

}  // namespace taploom::process
