// PortTable: the ports of one worker, by number.
#ifndef TAPLOOM_DATAPLANE_WORKER_PORT_TABLE_H_
#define TAPLOOM_DATAPLANE_WORKER_PORT_TABLE_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/io/port.h"

namespace taploom::worker {

struct PortSlot {
  std::uint16_t id = 0;
  std::unique_ptr<io::Port> port;
  std::size_t burst_size = 0;      // how many frames to ask for next time (see worker.cc)
  bool sends_superframes = false;  // one was among those that came last
};

class PortTable {
 public:
  // nullptr when there is no such port. The slot stays where it is until it is taken.
  PortSlot* Find(std::uint16_t id) const { return id < slots_.size() ? slots_[id].get() : nullptr; }

  // REQUIRES: Find(id) == nullptr.
  PortSlot& Add(std::uint16_t id, std::unique_ptr<io::Port> port) {
    if (id >= slots_.size()) slots_.resize(id + std::size_t{1});
    slots_[id] = std::make_unique<PortSlot>();
    slots_[id]->id = id;
    slots_[id]->port = std::move(port);
    return *slots_[id];
  }

  // REQUIRES: Find(id) != nullptr.
  std::unique_ptr<PortSlot> Take(std::uint16_t id) { return std::move(slots_[id]); }

 private:
  std::vector<std::unique_ptr<PortSlot>> slots_;
};

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_PORT_TABLE_H_
