// PacketFilter: which packets are meant, as a program of the classic BPF machine (McCanne,
// Jacobson: "The BSD Packet Filter", 1993).
//
// libpcap compiles "tcp port 443" into such a program and is not let into the dataplane; running
// it takes little. A program that does anything a filter has no need of is refused when it is
// made, so that running it cannot fail: jumps lead forwards and stay inside, memory cells exist,
// the last instruction returns. A load beyond the packet ends the program with "no", as in the
// kernel.
#ifndef TAPLOOM_DATAPLANE_OBSERVE_PACKET_FILTER_H_
#define TAPLOOM_DATAPLANE_OBSERVE_PACKET_FILTER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace taploom::observe {

// struct bpf_insn of <pcap/bpf.h>, sock_filter of <linux/filter.h>.
struct FilterInstruction {
  std::uint16_t code = 0;
  std::uint8_t jump_true = 0, jump_false = 0;
  std::uint32_t k = 0;
};
static_assert(sizeof(FilterInstruction) == 8, "the layout of struct bpf_insn");

class PacketFilter {
 public:
  static constexpr std::size_t kMostInstructions = 4096;  // the kernel's BPF_MAXINSNS

  // nullopt when the program is not one that can be run safely. An empty one matches everything.
  static std::optional<PacketFilter> Make(std::span<const FilterInstruction> program);

  // `bytes`: the beginning of a frame of `frame_size` bytes, headers included. O(instructions).
  bool Matches(std::span<const std::uint8_t> bytes, std::uint32_t frame_size) const;

 private:
  explicit PacketFilter(std::span<const FilterInstruction> program)
      : program_(program.begin(), program.end()) {}

  std::vector<FilterInstruction> program_;
};

}  // namespace taploom::observe

#endif  // TAPLOOM_DATAPLANE_OBSERVE_PACKET_FILTER_H_
