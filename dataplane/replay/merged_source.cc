#include "dataplane/replay/merged_source.h"

#include <utility>

namespace taploom::replay {

MergedSource::MergedSource(std::vector<std::unique_ptr<io::FrameSource>> sources) {
  for (std::unique_ptr<io::FrameSource>& source : sources) {
    Input input{std::move(source), {}, false};
    input.has_next = input.source->Next(input.next);
    inputs_.push_back(std::move(input));
  }
}

bool MergedSource::Next(io::CapturedFrame& frame) {
  if (given_ != nullptr) given_->has_next = given_->source->Next(given_->next);
  given_ = nullptr;
  for (Input& input : inputs_) {
    if (input.has_next && (given_ == nullptr || input.next.time_ns < given_->next.time_ns))
      given_ = &input;
  }
  if (given_ == nullptr) return false;
  frame = given_->next;
  return true;
}

const std::string& MergedSource::error() const {
  static const std::string kNone;
  for (const Input& input : inputs_) {
    if (!input.source->error().empty()) return input.source->error();
  }
  return kNone;
}

}  // namespace taploom::replay
