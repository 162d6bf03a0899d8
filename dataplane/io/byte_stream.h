// ByteStream: the bytes of a file from front to back, unpacked when it is gzip.
#ifndef TAPLOOM_DATAPLANE_IO_BYTE_STREAM_H_
#define TAPLOOM_DATAPLANE_IO_BYTE_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct gzFile_s;

namespace taploom::io {

// Memory: one buffer, whatever the file's size. Used by one thread.
class ByteStream {
 public:
  // Null, with a sentence in `error`, when the file cannot be opened.
  static std::unique_ptr<ByteStream> Open(const std::string& path, std::string& error);
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;
  ~ByteStream();

  // Copies the next bytes without taking them; fewer than asked only at the end of the file.
  // REQUIRES: into.size() ≤ kPeekSize.
  static constexpr std::size_t kPeekSize = 4096;
  std::size_t Peek(std::span<std::uint8_t> into);
  // Takes the next bytes; fewer than asked only at the end or where the file is broken (error()).
  std::size_t Read(std::span<std::uint8_t> into);
  // Takes the next `size` bytes, which stay where they are until the next call; fewer as above. The
  // buffer becomes as large as the most that was asked for.
  std::span<const std::uint8_t> Take(std::size_t size);

  // Bytes taken so far, counted unpacked.
  std::uint64_t offset() const { return offset_; }
  // What is wrong with the file itself (a damaged gzip stream, a failing disk); empty when nothing.
  const std::string& error() const { return error_; }

 private:
  ByteStream(gzFile_s* file, std::string path);
  void Fill();

  gzFile_s* file_;
  std::string path_;
  std::vector<std::uint8_t> buffer_;
  std::size_t begin_ = 0, end_ = 0;  // what of buffer_ is not taken yet
  std::uint64_t offset_ = 0;
  bool ended_ = false;
  std::string error_;
};

}  // namespace taploom::io

#endif  // TAPLOOM_DATAPLANE_IO_BYTE_STREAM_H_
