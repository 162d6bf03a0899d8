#include "cli/topology_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace taploom::cli {

absl::StatusOr<TopologyFile> ReadTopologyFile(const std::string& path) {
  std::error_code ignored;
  std::ifstream file(path);
  if (!file || std::filesystem::is_directory(path, ignored)) {
    return absl::InvalidArgumentError(
        fmt::format("cannot read {}: {}", path, file ? "it is a folder" : std::strerror(errno)));
  }
  TopologyFile result{path, std::filesystem::absolute(path).parent_path().string(), ""};
  result.text.assign(std::istreambuf_iterator<char>(file), {});
  return result;
}

absl::StatusOr<control::ValidTopology> Validated(const TopologyFile& file) {
  control::LoadResult loaded = control::LoadTopology(file.text);
  if (loaded.valid) return *std::move(loaded.valid);
  fmt::print(stderr, "{}", control::FormatFindings(loaded.findings, file.path));
  return absl::InvalidArgumentError(fmt::format("{} is not a valid topology: {} finding{}",
                                                file.path, loaded.findings.size(),
                                                loaded.findings.size() == 1 ? "" : "s"));
}

}  // namespace taploom::cli
