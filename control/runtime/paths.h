// Where a running fabric keeps its things. Everything in its folder goes when it goes.
#ifndef TAPLOOM_CONTROL_RUNTIME_PATHS_H_
#define TAPLOOM_CONTROL_RUNTIME_PATHS_H_

#include <string>
#include <string_view>
#include <vector>

namespace taploom::runtime {

// /run/taploom, or $TAPLOOM_RUN_DIR.
std::string RunRoot();

struct FabricPaths {
  std::string fabric;
  std::string folder;      // RunRoot()/FABRIC
  std::string api_socket;  // HTTP/JSON
  std::string pid_file;    // locked for as long as taploom-control lives
  std::string journal;     // what exists outside of this folder
  std::string control_log, dataplane_log;
  std::string logs;       // logs/INSTANCE.N.log: output of the N-th `run` program, counted from 0
  std::string instances;  // instances/INSTANCE/: $TAPLOOM_STATE_DIR of its programs
  std::string ca;         // certificate of the fabric's own authority, PEM
};
FabricPaths PathsOf(std::string_view fabric);

// Names of fabrics that have a folder, running or left behind by a crash.
std::vector<std::string> KnownFabrics();

// "front/public-a" -> "front.public-a": an object's name as one path component.
std::string FlatName(std::string_view name);

// "tl-FABRIC-INSTANCE", as `ip netns` lists it.
std::string NamespaceName(std::string_view fabric, std::string_view instance);

}  // namespace taploom::runtime

#endif  // TAPLOOM_CONTROL_RUNTIME_PATHS_H_
