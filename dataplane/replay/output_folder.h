// OutputFolder: what left the fabric, as one pcapng per exit, and everything in one of the whole
// fabric.
//
//   DIR/web-1.pcapng      the frames that left at web-1
//   DIR/fabric.pcapng     every frame where it entered and again, under the same packet id, at each
//                         gateway on its way and where it left; comments tell the verdict, where it
//                         entered and at the gateway that dropped it
#ifndef TAPLOOM_DATAPLANE_REPLAY_OUTPUT_FOLDER_H_
#define TAPLOOM_DATAPLANE_REPLAY_OUTPUT_FOLDER_H_

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/io/pcapng_writer.h"
#include "dataplane/replay/gateway_hops.h"
#include "dataplane/replay/replayer.h"

namespace taploom::replay {

class OutputFolder {
 public:
  // The folder is made when it is not there; files in it that have our names are replaced. `error`:
  // a sentence when it cannot be written to.
  OutputFolder(std::string folder, const Replayer& replayer, std::string& error);

  // Writes down replayer.last().
  void Write(const Replayer& replayer);
  // A sentence when something could not be written; else "".
  std::string Finish();

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  struct Output {
    std::unique_ptr<std::FILE, CloseFile> file;
    std::unique_ptr<io::PcapngWriter> writer;
    std::string path;
  };

  bool Open(const std::string& name, Output& output);
  Output* ExitOf(const Replayer& replayer, tables::PortId port);
  const std::vector<GatewayHop>& HopsOf(const Replayer& replayer);
  void WriteHops(const Replayer& replayer, const std::string& comment);
  void WriteLeaving(const Replayer& replayer, const Packet& frame, std::uint32_t recorded_size);

  const std::string folder_;
  io::AddressNames names_;
  GatewayHops hops_;
  std::vector<observe::GatewayPassage> passages_;  // of the packet at hand
  std::uint32_t first_gateway_ = 0;                // number of its interface in fabric_
  Output fabric_;
  std::map<tables::PortId, Output> exits_;
  std::string error_;
};

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_OUTPUT_FOLDER_H_
