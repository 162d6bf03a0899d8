#ifndef TAPLOOM_TESTS_SUPPORT_TEMP_FOLDER_H_
#define TAPLOOM_TESTS_SUPPORT_TEMP_FOLDER_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace taploom::test {

// A folder of this test's own, gone with the object. ctest runs the tests of one program in several
// processes at once, so a fixed name would be shared.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = ::testing::TempDir() + "taploom-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) {
      throw std::system_error(errno, std::generic_category(), pattern);
    }
    path_ = pattern;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_SUPPORT_TEMP_FOLDER_H_
