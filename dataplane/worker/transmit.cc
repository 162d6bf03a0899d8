#include "dataplane/worker/transmit.h"

#include "dataplane/io/fragment.h"
#include "dataplane/io/segment.h"

namespace taploom::worker {
namespace {

// Cuts a packet into frames that exist one at a time, so each is sent on its own.
class FragmentSender {
 public:
  // `origin` is the packet that entered: a failure is counted where it came from.
  FragmentSender(const Packet& origin, PortSlot& slot, Pipeline& pipeline, RingObserver* observer)
      : origin_(origin), slot_(slot), pipeline_(pipeline), observer_(observer) {}

  void SendFragments(Packet& whole) {
    io::Fragmenter fragmenter(whole, origin_.verdict.mtu);
    if (!fragmenter.valid()) return Fail(DropReason::kSendFailed, whole);
    Packet fragment;
    while (fragmenter.Next(fragment)) Send(fragment);
  }

  // A superframe is first what it stands for: a train of packets, each of which may need fragments.
  void SendSegmentFragments(const Packet& superframe) {
    io::Segmenter segmenter(superframe);
    if (!segmenter.valid()) return Fail(DropReason::kSendFailed, superframe);
    Packet segment;
    while (segmenter.Next(segment)) SendFragments(segment);
  }

  // Why something could not be sent; kNone when everything was.
  DropReason failure() const { return failure_; }

 private:
  void Send(const Packet& frame) {
    switch (slot_.port->Send(frame)) {
      case io::SendResult::kSent:
        if (observer_ != nullptr) observer_->NoteSent(slot_.id, frame);
        return pipeline_.CountSent(slot_.id, frame.size());
      case io::SendResult::kFull:
        return Fail(DropReason::kSendBufferFull, frame);
      case io::SendResult::kFailed:
        return Fail(DropReason::kSendFailed, frame);
    }
  }

  void Fail(DropReason reason, const Packet& frame) {
    failure_ = reason;
    if (observer_ != nullptr) observer_->NoteFailure(reason, slot_.id, frame);
    pipeline_.CountSendFailure(origin_, reason);
  }

  const Packet& origin_;
  PortSlot& slot_;
  Pipeline& pipeline_;
  RingObserver* observer_;  // may be null
  DropReason failure_ = DropReason::kNone;
};

}  // namespace

void Transmit(Packet& packet, const PortTable& ports, Pipeline& pipeline, Outbox& outbox,
              RingObserver* observer) {
  if (packet.verdict.kind == Verdict::Kind::kDrop) return;
  PortSlot* const slot = ports.Find(packet.verdict.port);
  if (slot == nullptr) {
    if (observer != nullptr)
      observer->NoteFailure(DropReason::kNotAttached, packet.verdict.port, packet);
    pipeline.CountSendFailure(packet, DropReason::kNotAttached);
    packet.verdict = Verdict::Drop(DropReason::kNotAttached);
    return;
  }
  if (packet.verdict.kind != Verdict::Kind::kFragment) return outbox.Add(packet, *slot);

  outbox.Flush(observer);  // what came before leaves before
  FragmentSender sender(packet, *slot, pipeline, observer);
  packet.vnet.is_gso() ? sender.SendSegmentFragments(packet) : sender.SendFragments(packet);
  if (sender.failure() != DropReason::kNone) packet.verdict = Verdict::Drop(sender.failure());
}

}  // namespace taploom::worker
