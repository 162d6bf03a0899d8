#ifndef TAPLOOM_CLI_BENCH_TEMP_FOLDER_H_
#define TAPLOOM_CLI_BENCH_TEMP_FOLDER_H_

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"

namespace taploom::bench {

// A folder of this run's own under the host's folder for temporary files; gone with the object.
class TempFolder {
 public:
  static absl::StatusOr<std::unique_ptr<TempFolder>> Make();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TempFolder(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;
};

}  // namespace taploom::bench

#endif  // TAPLOOM_CLI_BENCH_TEMP_FOLDER_H_
