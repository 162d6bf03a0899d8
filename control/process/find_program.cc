#include "control/process/find_program.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

namespace taploom::process {

std::string FindProgram(std::string_view program, std::string_view more_folders) {
  const char* const path = std::getenv("PATH");
  std::istringstream folders(fmt::format("{}:{}", path == nullptr ? "" : path, more_folders));
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = fmt::format("{}/{}", folder, program);
    if (!folder.empty() && access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

}  // namespace taploom::process
