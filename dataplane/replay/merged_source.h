// MergedSource: several captures as one, in the order of time.
#ifndef TAPLOOM_DATAPLANE_REPLAY_MERGED_SOURCE_H_
#define TAPLOOM_DATAPLANE_REPLAY_MERGED_SOURCE_H_

#include <memory>
#include <string>
#include <vector>

#include "dataplane/io/frame_source.h"

namespace taploom::replay {

// Frames of one source keep their order even where its clock went back; of two sources with the
// same time the first named goes first. Cost per frame: linear in the number of sources.
class MergedSource final : public io::FrameSource {
 public:
  explicit MergedSource(std::vector<std::unique_ptr<io::FrameSource>> sources);

  bool Next(io::CapturedFrame& frame) override;
  // Of the first source that is broken; the others are read to their end all the same.
  const std::string& error() const override;

 private:
  struct Input {
    std::unique_ptr<io::FrameSource> source;
    io::CapturedFrame next;
    bool has_next = false;
  };
  std::vector<Input> inputs_;
  Input* given_ = nullptr;  // whose frame the caller still looks at
};

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_MERGED_SOURCE_H_
