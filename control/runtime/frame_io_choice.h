// How a fabric's dataplane is to read and write frames, as users and processes say it.
#ifndef TAPLOOM_CONTROL_RUNTIME_FRAME_IO_CHOICE_H_
#define TAPLOOM_CONTROL_RUNTIME_FRAME_IO_CHOICE_H_

#include <string_view>

namespace taploom::runtime {

// A system call for each frame, or one for many, where that works.
inline constexpr std::string_view kReadWrite = "read-write", kIoUring = "io_uring";

inline bool IsFrameIo(std::string_view text) { return text == kReadWrite || text == kIoUring; }

}  // namespace taploom::runtime

#endif  // TAPLOOM_CONTROL_RUNTIME_FRAME_IO_CHOICE_H_
