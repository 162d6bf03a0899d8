#include "dataplane/worker/capture.h"

#include <string>

namespace taploom::worker {
namespace {

// For what a decision says: a dozen rules, or the sentence of a drop.
constexpr std::size_t kTextRoom = 480;

}  // namespace

void Capture::Process(Packet& packet, Tick tick, Clock::time_point now, Origin origin) {
  BeginPacket(now);
  // Recorded before it is processed: processing rewrites it in place.
  entered_ = ring_.Add(packet.ingress_port, false, packet_id_, time_ns_, packet, kTextRoom);
  if (!Decide(packet, tick, origin)) {
    if (entered_ != nullptr) ring_.TakeBack(*entered_);
    entered_ = nullptr;
    return;
  }
  if (entered_ == nullptr) return;
  entered_->drop_reason = static_cast<std::uint8_t>(packet.verdict.drop_reason);
  Describe(packet.verdict);
}

// The rules that decided, when something was decided: "web sgr-… > private 0.0.0.0/0".
void Capture::Describe(const Verdict& verdict) {
  std::string text;
  for (const slowpath::StageReport& stage : recorder_.reports) {
    if (!stage.passed) {
      text = std::string(ToText(stage.stage)) + ": " +
             (stage.detail.empty() ? TextOf(stage.reason).sentence : stage.detail);
      if (!stage.rule_id.empty()) text += " [" + stage.rule_id + "]";
    } else if (!stage.rule_id.empty() && verdict.kind != Verdict::Kind::kDrop) {
      text += (text.empty() ? "" : " > ") + stage.component_name + " " + stage.rule_id;
    }
  }
  ring_.SetText(*entered_, text);
}

void Capture::NoteSent(std::uint16_t port, const Packet& frame) {
  ring_.Add(port, true, packet_id_, time_ns_, frame, 0);
}

void Capture::NoteFailure(DropReason reason) {
  if (entered_ != nullptr) entered_->drop_reason = static_cast<std::uint8_t>(reason);
}

}  // namespace taploom::worker
