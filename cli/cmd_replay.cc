// `replay`: captures through a topology file, in this process: no root, no namespaces, no clock.
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/render.h"
#include "cli/replay_request.h"
#include "cli/replay_summary.h"
#include "cli/talk.h"
#include "dataplane/replay/output_folder.h"
#include "dataplane/replay/replayer.h"
#include "dataplane/replay/verdict_line.h"

namespace taploom::cli {
namespace {

using nlohmann::ordered_json;
using replay::Replayer;

// The file that verdicts are written to; stdout is not closed.
class VerdictFile {
 public:
  absl::Status Open(const std::string& path) {
    path_ = path;
    file_ = path == "-" ? stdout : std::fopen(path.c_str(), "we");
    return file_ != nullptr ? absl::OkStatus()
                            : absl::InvalidArgumentError(
                                  fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  }
  ~VerdictFile() {
    if (file_ != nullptr && file_ != stdout) std::fclose(file_);
  }

  void Add(const Replayer& replayer) {
    replay::AppendVerdictLine(replayer, text_);
    if (text_.size() >= kFlushSize) Flush();
  }
  absl::Status Finish() {
    Flush();
    if (std::fflush(file_) != 0) failed_ = true;
    return failed_ ? absl::InternalError(fmt::format("cannot write {}", path_)) : absl::OkStatus();
  }
  bool is_open() const { return file_ != nullptr; }

 private:
  static constexpr std::size_t kFlushSize = 1 << 18;
  void Flush() {
    if (std::fwrite(text_.data(), 1, text_.size(), file_) != text_.size()) failed_ = true;
    text_.clear();
  }

  std::string path_, text_;
  std::FILE* file_ = nullptr;
  bool failed_ = false;
};

std::string SummaryText(const replay::ReplayTotals& totals) {
  std::string text = fmt::format(
      "{} packets: {} delivered, {} answered, {} dropped, {} never entered\n", totals.packets,
      totals.delivered, totals.answered, totals.dropped(), totals.skipped());
  if (totals.cut_short != 0)
    text += fmt::format("  {} were recorded in part only; zeros stand for the rest\n",
                        totals.cut_short);
  return text + ReasonLines("drop", totals.drops, DropText) +
         ReasonLines("skip", totals.skips, SkipText);
}

ordered_json SummaryJson(const replay::ReplayTotals& totals) {
  return {{"packets", totals.packets},
          {"bytes", totals.bytes},
          {"cut_short", totals.cut_short},
          {"delivered", totals.delivered},
          {"answered", totals.answered},
          {"dropped", CountsJson(totals.drops, DropText)},
          {"skipped", CountsJson(totals.skips, SkipText)}};
}

}  // namespace

int ReplayThrough(const ReplayRequest& request) {
  const auto snapshot = SnapshotFor(request.topology);
  if (!snapshot.ok()) return Fail(snapshot.status());
  const auto port = EntranceOf(request, **snapshot);
  if (!port.ok()) return Fail(port.status());
  const auto source = OpenAll(request);
  if (!source.ok()) return Fail(source.status());
  Replayer replayer(*snapshot, {.in_port = *port,
                                .map = request.map,
                                .listens = !request.verdicts.empty() || !request.out.empty(),
                                .keeps_entering_frames = !request.out.empty()});
  VerdictFile verdicts;
  if (!request.verdicts.empty()) {
    if (const absl::Status status = verdicts.Open(request.verdicts); !status.ok())
      return Fail(status);
  }
  std::unique_ptr<replay::OutputFolder> folder;
  if (!request.out.empty()) {
    std::string error;
    folder = std::make_unique<replay::OutputFolder>(request.out, replayer, error);
    if (!error.empty()) return Fail(kBadInput, error);
  }

  io::CapturedFrame frame;
  while ((*source)->Next(frame)) {
    if (!replayer.Replay(frame)) continue;
    if (verdicts.is_open()) verdicts.Add(replayer);
    if (folder != nullptr) folder->Write(replayer);
  }
  if (verdicts.is_open()) {
    if (const absl::Status status = verdicts.Finish(); !status.ok()) return Fail(status);
  }
  if (folder != nullptr) {
    if (const std::string error = folder->Finish(); !error.empty()) return Fail(kHostCannot, error);
  }
  const std::string summary = request.format == Format::kJson
                                  ? Render(SummaryJson(replayer.totals()), Format::kJson)
                                  : SummaryText(replayer.totals());
  fmt::print(request.verdicts == "-" ? stderr : stdout, "{}", summary);
  if (!(*source)->error().empty())
    return Fail(kBadInput, fmt::format("{}; the {} packets before it were replayed",
                                       (*source)->error(), replayer.totals().packets));
  return kDone;
}

int Replay(const Arguments& arguments) {
  const auto request = ReplayRequestOf(arguments);
  if (!request.ok()) return Fail(request.status());
  if (!request->live.empty()) return ReplayLive(*request);
  if (!request->against.empty()) return CompareTopologies(*request);
  return request->bench ? BenchReplay(*request) : ReplayThrough(*request);
}

}  // namespace taploom::cli
