// What `replay` was asked for, and the inputs it names, opened.
#ifndef TAPLOOM_CLI_REPLAY_REQUEST_H_
#define TAPLOOM_CLI_REPLAY_REQUEST_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/render.h"
#include "cli/verbs.h"
#include "dataplane/io/frame_source.h"
#include "dataplane/replay/pace.h"
#include "dataplane/replay/prefix_map.h"
#include "dataplane/tables/snapshot.h"

namespace taploom::cli {

// What was typed, checked as far as it can be without opening anything.
struct ReplayRequest {
  std::vector<std::string> captures;
  replay::PrefixMap map;
  std::string topology, against;
  std::string in = "auto";
  std::string verdicts, out;  // empty = not wanted
  bool bench = false;
  std::string live;  // the fabric to inject into; empty = none
  replay::Pace pace = replay::Pace::AsCaptured(1);
  std::uint64_t loops = 1;
  Format format = Format::kTable;
};

absl::StatusOr<ReplayRequest> ReplayRequestOf(const Arguments& arguments);

// All captures as one, in the order of time.
absl::StatusOr<std::unique_ptr<io::FrameSource>> OpenAll(const ReplayRequest& request);

// The topology as a snapshot in which every public address is somebody's: that of an internet host
// called "internet".
absl::StatusOr<std::shared_ptr<const tables::Snapshot>> SnapshotFor(const std::string& topology);

// The port that --in names; kNoPort for "auto".
absl::StatusOr<tables::PortId> EntranceOf(const ReplayRequest& request,
                                          const tables::Snapshot& snapshot);

// The four ways to answer; each returns the exit code.
int ReplayThrough(const ReplayRequest& request);
int CompareTopologies(const ReplayRequest& request);
int BenchReplay(const ReplayRequest& request);
int ReplayLive(const ReplayRequest& request);

}  // namespace taploom::cli

#endif  // TAPLOOM_CLI_REPLAY_REQUEST_H_
