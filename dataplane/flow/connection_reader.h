// ConnectionReader: the connections, as anybody may read them while the worker goes on.
//
// The table's arena is a memfd, and a reader has a mapping of its own for reading only: it asks the
// worker nothing and cannot disturb it. Each place has a version that its writer makes odd while a
// connection is being made there and even when it is complete; a copy counts only when the version
// was even and the same before and after. So a reader never sees half a connection, or halves of
// two. The fields that every packet writes (last_seen, packets, bytes, state) change without
// notice: each is read whole, and two of them may be of moments some nanoseconds apart.
#ifndef TAPLOOM_DATAPLANE_FLOW_CONNECTION_READER_H_
#define TAPLOOM_DATAPLANE_FLOW_CONNECTION_READER_H_

#include <cstdint>
#include <optional>

#include "dataplane/flow/connection.h"

namespace taploom::flow {

// Any number of threads may read.
class ConnectionReader {
 public:
  // Maps the arena of `capacity` connections behind `descriptor` (ConnectionTable::
  // memory_descriptor), which may be closed afterwards. Throws std::bad_alloc.
  ConnectionReader(int descriptor, std::uint32_t capacity);
  ConnectionReader(const ConnectionReader&) = delete;
  ConnectionReader& operator=(const ConnectionReader&) = delete;
  ~ConnectionReader();

  // Shows copies of the live connections, with their places, from the `first` place on, at most
  // `count` places, until `visit` says false; returns the place to go on at. A connection that
  // begins or ends meanwhile may be shown or not; one that lives all the time is shown.
  template <typename Visitor>
  std::uint32_t Visit(std::uint32_t first, std::uint32_t count, Visitor visit) const {
    for (; IsPlace(first) && count > 0; ++first, --count) {
      const std::optional<Connection> connection = Read(first);
      if (connection && !visit(*connection, first)) return first + 1;
    }
    return first;
  }
  // False from the first place on that no connection has had so far: there is no more.
  bool IsPlace(std::uint32_t place) const;

 private:
  std::optional<Connection> Read(std::uint32_t place) const;

  const Connection* arena_;
  const std::uint32_t capacity_;
};

}  // namespace taploom::flow

#endif  // TAPLOOM_DATAPLANE_FLOW_CONNECTION_READER_H_
