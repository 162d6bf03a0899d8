#include "dataplane/worker/capture.h"

#include <string>

#include "dataplane/slowpath/passages.h"

namespace taploom::worker {
namespace {

// For what a decision says: a dozen rules, or the sentence of a drop; and the way there.
constexpr std::size_t kTextRoom = 480 + observe::kMostPassages * sizeof(observe::GatewayPassage);

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
  Describe(packet, tick);
}

// The rules that decided, when something was decided: "web sgr-… > private 0.0.0.0/0".
void Capture::Describe(Packet& packet, Tick tick) {
  std::string text;
  for (const slowpath::StageReport& stage : recorder_.reports) {
    if (!stage.passed) {
      text = std::string(ToText(stage.stage)) + ": " +
             (stage.detail.empty() ? TextOf(stage.reason).sentence : stage.detail);
      if (!stage.rule_id.empty()) text += " [" + stage.rule_id + "]";
    } else if (!stage.rule_id.empty() && packet.verdict.kind != Verdict::Kind::kDrop) {
      text += (text.empty() ? "" : " > ") + stage.component_name + " " + stage.rule_id;
    }
  }
  slowpath::FindPassages(recorder_.reports, packet, pipeline_.connections(), tick, passages_);
  ring_.SetText(*entered_, text, passages_);
}

void Capture::NoteSent(std::uint16_t port, const Packet& frame) {
  ring_.Add(port, true, packet_id_, time_ns_, frame, 0);
}

// It has passed its gateways all the same: its head tells as what.
void Capture::NoteFailure(DropReason reason, std::uint16_t port, const Packet& frame) {
  if (entered_ == nullptr) return;
  entered_->drop_reason = static_cast<std::uint8_t>(reason);
  observe::CaptureRecord* const lost = ring_.Add(port, true, packet_id_, time_ns_, frame, 0);
  if (lost != nullptr) lost->drop_reason = static_cast<std::uint8_t>(reason);
}

}  // namespace taploom::worker
