#include "dataplane/worker/transmit.h"

#include "dataplane/io/fragment.h"
#include "dataplane/io/segment.h"

namespace taploom::worker {
namespace {

class Sender {
 public:
  // `origin` is the packet that entered: a failure is counted where it came from.
  Sender(const Packet& origin, const PortTable& ports, Pipeline& pipeline, RingObserver* observer)
      : origin_(origin),
        slot_(ports.Find(origin.verdict.port)),
        pipeline_(pipeline),
        observer_(observer) {}

  void Send(const Packet& frame) {
    if (slot_ == nullptr) return Fail(DropReason::kNotAttached);
    switch (slot_->port->Send(frame)) {
      case io::SendResult::kSent:
        if (observer_ != nullptr) observer_->NoteSent(slot_->id, frame);
        return pipeline_.CountSent(slot_->id, frame.size());
      case io::SendResult::kFull:
        return Fail(DropReason::kSendBufferFull);
      case io::SendResult::kFailed:
        return Fail(DropReason::kSendFailed);
    }
  }

  void SendFragments(Packet& whole) {
    io::Fragmenter fragmenter(whole, origin_.verdict.mtu);
    if (!fragmenter.valid()) return Fail(DropReason::kSendFailed);
    Packet fragment;
    while (fragmenter.Next(fragment)) Send(fragment);
  }

  // A superframe is first what it stands for: a train of packets, each of which may need fragments.
  void SendSegmentFragments(const Packet& superframe) {
    io::Segmenter segmenter(superframe);
    if (!segmenter.valid()) return Fail(DropReason::kSendFailed);
    Packet segment;
    while (segmenter.Next(segment)) SendFragments(segment);
  }

 private:
  void Fail(DropReason reason) {
    if (observer_ != nullptr) observer_->NoteFailure(reason);
    pipeline_.CountSendFailure(origin_, reason);
  }

  const Packet& origin_;
  PortSlot* slot_;
  Pipeline& pipeline_;
  RingObserver* observer_;  // may be null
};

}  // namespace

void Transmit(Packet& packet, const PortTable& ports, Pipeline& pipeline, RingObserver* observer) {
  switch (packet.verdict.kind) {
    case Verdict::Kind::kDrop:
      return;
    case Verdict::Kind::kForward:
    case Verdict::Kind::kReply:
      return Sender(packet, ports, pipeline, observer).Send(packet);
    case Verdict::Kind::kFragment: {
      Sender sender(packet, ports, pipeline, observer);
      return packet.vnet.is_gso() ? sender.SendSegmentFragments(packet)
                                  : sender.SendFragments(packet);
    }
  }
}

}  // namespace taploom::worker
