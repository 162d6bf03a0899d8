#include "dataplane/worker/outbox.h"

namespace taploom::worker {
namespace {

DropReason ReasonOf(io::SendResult result) {
  return result == io::SendResult::kFull ? DropReason::kSendBufferFull : DropReason::kSendFailed;
}

}  // namespace

void Outbox::Flush(RingObserver* observer) {
  if (deliveries_.empty()) return;
  frame_io_.Send(deliveries_);
  for (std::size_t i = 0; i < deliveries_.size(); ++i) {
    const auto& [packet, port] = origins_[i];
    if (deliveries_[i].result == io::SendResult::kSent) {
      if (observer != nullptr) observer->NoteSent(port, *packet);
      pipeline_.CountSent(port, packet->size());
    } else {
      const DropReason reason = ReasonOf(deliveries_[i].result);
      if (observer != nullptr) observer->NoteFailure(reason, port, *packet);
      pipeline_.CountSendFailure(*packet, reason);
      packet->verdict = Verdict::Drop(reason);
    }
  }
  deliveries_.clear();
  origins_.clear();
}

}  // namespace taploom::worker
