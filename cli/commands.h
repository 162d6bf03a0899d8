// One function per verb, each in the cmd_*.cc of its name: what was typed → exit code.
#ifndef TAPLOOM_CLI_COMMANDS_H_
#define TAPLOOM_CLI_COMMANDS_H_

#include "cli/verbs.h"

namespace taploom::cli {

int Validate(const Arguments& arguments);
int Up(const Arguments& arguments);
int Apply(const Arguments& arguments);
int Down(const Arguments& arguments);
int Ls(const Arguments& arguments);
int Get(const Arguments& arguments);
int Exec(const Arguments& arguments);
int Explain(const Arguments& arguments);
int Flows(const Arguments& arguments);
int Fault(const Arguments& arguments);
int Capture(const Arguments& arguments);
int TracePackets(const Arguments& arguments);
int Rules(const Arguments& arguments);
int GraphOfTopology(const Arguments& arguments);
int Doctor(const Arguments& arguments);
int Replay(const Arguments& arguments);
int Attach(const Arguments& arguments);
int Detach(const Arguments& arguments);
int Bench(const Arguments& arguments);
int Schema(const Arguments& arguments);
int Completion(const Arguments& arguments);
int Version(const Arguments& arguments);
int Help(const Arguments& arguments);

// What `bench` can be asked to measure, for its help.
std::string BenchLoadsText();

}  // namespace taploom::cli

#endif  // TAPLOOM_CLI_COMMANDS_H_
