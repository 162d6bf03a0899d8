#include "dataplane/observe/packet_filter.h"

#include <array>

namespace taploom::observe {
namespace {

// An instruction's code is made of parts: its class, and per class a size and mode, an operation
// and an operand, or what is returned.
enum Class : std::uint16_t { kLd = 0, kLdx, kSt, kStx, kAlu, kJmp, kRet, kMisc };
enum Size : std::uint16_t { kWord = 0x00, kHalf = 0x08, kByte = 0x10 };
enum Mode : std::uint16_t {
  kImmediate = 0x00,
  kAbsolute = 0x20,
  kIndirect = 0x40,
  kMemory = 0x60,
  kLength = 0x80,
  kMsh = 0xa0,  // 4 * (byte & 15): the length of an IPv4 header
};
enum Operation : std::uint16_t {
  kAdd = 0x00,
  kSub = 0x10,
  kMul = 0x20,
  kDiv = 0x30,
  kOr = 0x40,
  kAnd = 0x50,
  kLsh = 0x60,
  kRsh = 0x70,
  kNeg = 0x80,
  kMod = 0x90,
  kXor = 0xa0,
};
enum Jump : std::uint16_t { kJa = 0x00, kJeq = 0x10, kJgt = 0x20, kJge = 0x30, kJset = 0x40 };
constexpr std::uint16_t kOperandX = 0x08, kReturnA = 0x10, kTxa = 0x80;
constexpr std::size_t kCells = 16;  // BPF_MEMWORDS

std::uint16_t ClassOf(const FilterInstruction& i) { return i.code & 0x07; }
std::uint16_t SizeOf(const FilterInstruction& i) { return i.code & 0x18; }
std::uint16_t ModeOf(const FilterInstruction& i) { return i.code & 0xe0; }
std::uint16_t OperationOf(const FilterInstruction& i) { return i.code & 0xf0; }
bool UsesX(const FilterInstruction& i) { return (i.code & kOperandX) != 0; }

bool IsLoad(const FilterInstruction& i) {
  const std::uint16_t mode = ModeOf(i), size = SizeOf(i);
  const bool is_x = ClassOf(i) == kLdx;
  switch (mode) {
    case kImmediate:
    case kLength:
      return size == kWord;
    case kMemory:
      return size == kWord && i.k < kCells;
    case kAbsolute:
    case kIndirect:
      return !is_x && size != (kHalf | kByte);
    case kMsh:
      return is_x && size == kByte;
    default:
      return false;
  }
}

bool IsArithmetic(const FilterInstruction& i) {
  const std::uint16_t operation = OperationOf(i);
  if (operation > kXor) return false;
  if (operation == kNeg) return !UsesX(i);
  const bool divides = operation == kDiv || operation == kMod;
  const bool shifts = operation == kLsh || operation == kRsh;
  return UsesX(i) || !((divides && i.k == 0) || (shifts && i.k > 31));
}

// `left`: instructions behind this one.
bool IsJump(const FilterInstruction& i, std::size_t left) {
  if (OperationOf(i) == kJa) return !UsesX(i) && i.k < left;
  return OperationOf(i) <= kJset && i.jump_true < left && i.jump_false < left;
}

bool IsSafe(const FilterInstruction& i, std::size_t left) {
  if (i.code > 0xff) return false;
  switch (ClassOf(i)) {
    case kLd:
    case kLdx:
      return IsLoad(i);
    case kSt:
    case kStx:
      return i.code == ClassOf(i) && i.k < kCells;
    case kAlu:
      return IsArithmetic(i);
    case kJmp:
      return IsJump(i, left);
    case kRet:
      return i.code == kRet || i.code == (kRet | kReturnA);
    default:
      return i.code == kMisc || i.code == (kMisc | kTxa);
  }
}

// Network byte order; false when the bytes are not there.
bool Load(std::span<const std::uint8_t> bytes, std::uint64_t offset, std::uint16_t size,
          std::uint32_t& value) {
  const std::size_t count = size == kWord ? 4 : size == kHalf ? 2 : 1;
  if (offset + count > bytes.size()) return false;
  value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | bytes[offset + i];
  return true;
}

// False when it divides by zero, which ends the program.
bool Calculate(std::uint16_t operation, std::uint32_t operand, std::uint32_t& a) {
  switch (operation) {
    case kAdd:
      a += operand;
      return true;
    case kSub:
      a -= operand;
      return true;
    case kMul:
      a *= operand;
      return true;
    case kDiv:
      if (operand != 0) a /= operand;
      return operand != 0;
    case kMod:
      if (operand != 0) a %= operand;
      return operand != 0;
    case kOr:
      a |= operand;
      return true;
    case kAnd:
      a &= operand;
      return true;
    case kXor:
      a ^= operand;
      return true;
    case kLsh:
      a = operand < 32 ? a << operand : 0;
      return true;
    case kRsh:
      a = operand < 32 ? a >> operand : 0;
      return true;
    default:
      a = 0 - a;  // kNeg
      return true;
  }
}

bool Compare(std::uint16_t operation, std::uint32_t a, std::uint32_t operand) {
  switch (operation) {
    case kJeq:
      return a == operand;
    case kJgt:
      return a > operand;
    case kJge:
      return a >= operand;
    default:
      return (a & operand) != 0;  // kJset
  }
}

}  // namespace

std::optional<PacketFilter> PacketFilter::Make(std::span<const FilterInstruction> program) {
  if (program.size() > kMostInstructions) return std::nullopt;
  for (std::size_t i = 0; i < program.size(); ++i) {
    if (!IsSafe(program[i], program.size() - i - 1)) return std::nullopt;
  }
  if (!program.empty() && ClassOf(program.back()) != kRet) return std::nullopt;
  return PacketFilter(program);
}

bool PacketFilter::Matches(std::span<const std::uint8_t> bytes, std::uint32_t frame_size) const {
  std::uint32_t a = 0, x = 0;
  std::array<std::uint32_t, kCells> cells{};
  for (std::size_t at = 0; at < program_.size(); ++at) {
    const FilterInstruction& i = program_[at];
    const std::uint32_t operand = UsesX(i) ? x : i.k;
    switch (ClassOf(i)) {
      case kLd:
      case kLdx: {
        std::uint32_t& target = ClassOf(i) == kLd ? a : x;
        const std::uint64_t base = ModeOf(i) == kIndirect ? std::uint64_t{x} : 0;
        switch (ModeOf(i)) {
          case kImmediate:
            target = i.k;
            break;
          case kLength:
            target = frame_size;
            break;
          case kMemory:
            target = cells[i.k];
            break;
          case kMsh:
            if (!Load(bytes, i.k, kByte, target)) return false;
            target = (target & 0x0f) * 4;
            break;
          default:
            if (!Load(bytes, base + i.k, SizeOf(i), target)) return false;
        }
        break;
      }
      case kSt:
        cells[i.k] = a;
        break;
      case kStx:
        cells[i.k] = x;
        break;
      case kAlu:
        if (!Calculate(OperationOf(i), operand, a)) return false;
        break;
      case kJmp:
        if (OperationOf(i) == kJa) {
          at += i.k;
        } else {
          at += Compare(OperationOf(i), a, operand) ? i.jump_true : i.jump_false;
        }
        break;
      case kRet:
        return (i.code == kRet ? i.k : a) != 0;
      default:
        (i.code == kMisc ? x : a) = i.code == kMisc ? a : x;  // TAX, TXA
    }
  }
  return true;  // an empty program
}

}  // namespace taploom::observe
