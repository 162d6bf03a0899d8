// ControlSocket: the framing of control_messages.proto, from the dataplane's side.
#ifndef TAPLOOM_DATAPLANE_DAEMON_CONTROL_SOCKET_H_
#define TAPLOOM_DATAPLANE_DAEMON_CONTROL_SOCKET_H_

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/config/control_messages.pb.h"
#include "dataplane/config/worker_limit.h"
#include "dataplane/io/unique_fd.h"

namespace taploom::daemon {

// The byte stream can no longer be understood: the other side is not control, or broken. what() is
// a sentence.
class ProtocolError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct ControlMessage {
  config::ToDataplane request;
  std::vector<io::UniqueFd> descriptors;  // what came along with it, if anything
};

// Used by one thread.
class ControlSocket {
 public:
  static constexpr std::size_t kMostDescriptors = config::kMostWorkers;  // of one message
  // A FabricConfig of 100,000 rules is about 10 MiB.
  static constexpr std::size_t kMaxMessageSize = std::size_t{256} << 20;

  explicit ControlSocket(io::UniqueFd socket) : socket_(std::move(socket)) {}

  // Waits for the next message. False when control has closed the connection between two messages.
  // Throws ProtocolError when a message is cut short, too long, not a ToDataplane or carries more
  // than kMostDescriptors, or when the socket fails.
  bool Receive(ControlMessage& message);

  // False when control is gone.
  bool Send(const config::FromDataplane& reply);

 private:
  bool ReceiveSize(std::size_t& size, std::vector<io::UniqueFd>& descriptors);
  void ReceivePayload(std::size_t size, std::string& payload);

  io::UniqueFd socket_;
};

}  // namespace taploom::daemon

#endif  // TAPLOOM_DATAPLANE_DAEMON_CONTROL_SOCKET_H_
