// ApiServer: HTTP/JSON over the fabric's Unix socket.
//
//   GET  /v1/fabric            one object: name, state, …
//   GET  /v1/KIND[?name=NAME]  an array of flat objects; KIND as in rows.h
//   GET  /v1/page/flows?place=N[&from=…]  {"rows", "next_place"}: connections page by page,
//   filtered
//                              as in flow_filter.h; begin at 0, go on until next_place is 0
//   POST /v1/apply             {"topology": text, "file", "folder", "dry_run"}
//   POST /v1/attach            {"subnet", "netns" | "pid", "name", "ip", "ipv6",
//                               "security_groups": […], "device"}
//   POST /v1/detach            {"name"}
//   POST /v1/explain           {"source", "destination"} → {"passes", "answer", "text", "brief"}
//   POST /v1/graph             {"format": "svg" | "mermaid" | "dot"} → {"text"}
//   POST /v1/last-drop         {"name"} → as explain
//   GET  /v1/capture           {"interfaces": [{port, name, id, description}],
//                               "names": [{address, name}]}
//   POST /v1/capture           {"ring": path} to begin, {"stop": true} to end
//   GET  /v1/config            the serialized config::FabricConfig that runs
//   POST /v1/inject            {"pid", "descriptor"}: one end of a socket pair of the asking
//   process
//                              (dataplane/worker/injection_format.h)
//   POST /v1/down              {} → 202: about to go; the end of the process says that it is gone
//
// apply, attach and detach answer {"changes": [line, …], "notes": [sentence, …]}. An error is
// {"error": sentence, "findings": [line, …]} with 400, 404 or 409 (the request is wrong), 403 or
// 503 (the host cannot) or 504 (no answer in time). A name travels as a query parameter because
// names have slashes.
#ifndef TAPLOOM_CONTROL_API_SERVER_H_
#define TAPLOOM_CONTROL_API_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "control/runtime/fabric.h"

namespace taploom::api {

class ApiServer {
 public:
  // `shut_down` is called, from a thread of the server, for POST /v1/down.
  ApiServer(runtime::Fabric& fabric, std::function<void()> shut_down);
  ~ApiServer();  // stops answering

  // Binds the socket, readable for its owner only, and answers in threads of its own from now on.
  absl::Status Listen(const std::string& socket_path);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace taploom::api

#endif  // TAPLOOM_CONTROL_API_SERVER_H_
