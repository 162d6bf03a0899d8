#include "dataplane/io/byte_stream.h"

#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace taploom::io {
namespace {

constexpr std::size_t kBufferSize = 256 * 1024;
// zlib's own. A file that is not packed is read past it, right into ours, when that is twice as
// large.
constexpr unsigned kPackedBufferSize = 64 * 1024;

}  // namespace

std::unique_ptr<ByteStream> ByteStream::Open(const std::string& path, std::string& error) {
  struct stat status {};
  if (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    error = "cannot read " + path + ": it is a folder";
    return nullptr;
  }
  errno = 0;
  gzFile file = gzopen(path.c_str(), "rbe");
  if (file == nullptr) {
    error = "cannot read " + path + ": " + (errno == 0 ? "no memory" : std::strerror(errno));
    return nullptr;
  }
  gzbuffer(file, kPackedBufferSize);
  return std::unique_ptr<ByteStream>(new ByteStream(file, path));
}

ByteStream::ByteStream(gzFile_s* file, std::string path)
    : file_(file), path_(std::move(path)), buffer_(kBufferSize) {}

ByteStream::~ByteStream() { gzclose(file_); }

void ByteStream::Fill() {
  if (ended_) return;
  std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
            buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
  end_ -= begin_;
  begin_ = 0;
  const int count =
      gzread(file_, buffer_.data() + end_, static_cast<unsigned>(buffer_.size() - end_));
  if (count > 0) {
    end_ += static_cast<std::size_t>(count);
    return;
  }
  ended_ = true;
  // gzread tells a stream that ends in the middle only here.
  int code = Z_OK;
  const char* text = gzerror(file_, &code);
  if (count < 0 || (code != Z_OK && code != Z_STREAM_END)) {
    error_ = code == Z_ERRNO ? std::strerror(errno) : text;
    if (code == Z_BUF_ERROR) error_ = "the gzip stream ends in the middle";
  }
}

std::size_t ByteStream::Peek(std::span<std::uint8_t> into) {
  while (end_ - begin_ < into.size() && !ended_) Fill();
  const std::size_t count = std::min(into.size(), end_ - begin_);
  std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_), count, into.begin());
  return count;
}

std::span<const std::uint8_t> ByteStream::Take(std::size_t size) {
  if (size > buffer_.size()) buffer_.resize(size);
  while (end_ - begin_ < size && !ended_) Fill();
  const std::size_t count = std::min(size, end_ - begin_);
  const std::span<const std::uint8_t> bytes = std::span(buffer_).subspan(begin_, count);
  begin_ += count;
  offset_ += count;
  return bytes;
}

std::size_t ByteStream::Read(std::span<std::uint8_t> into) {
  std::size_t taken = 0;
  while (taken < into.size()) {
    if (begin_ == end_) {
      Fill();
      if (begin_ == end_) break;
    }
    const std::size_t count = std::min(into.size() - taken, end_ - begin_);
    std::memcpy(into.data() + taken, buffer_.data() + begin_, count);
    begin_ += count;
    taken += count;
  }
  offset_ += taken;
  return taken;
}

}  // namespace taploom::io
