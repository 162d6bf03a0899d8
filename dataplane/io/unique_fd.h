// UniqueFd: owns one file descriptor and closes it.
#ifndef TAPLOOM_DATAPLANE_IO_UNIQUE_FD_H_
#define TAPLOOM_DATAPLANE_IO_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace taploom::io {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    Reset(other.Release());
    return *this;
  }
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

  // Gives the descriptor away; the caller closes it.
  int Release() { return std::exchange(fd_, -1); }

  void Reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace taploom::io

#endif  // TAPLOOM_DATAPLANE_IO_UNIQUE_FD_H_
