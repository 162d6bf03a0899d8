#include <rte_acl.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_lpm.h>
#include <rte_vect.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "tests/bench/yardsticks.h"

namespace taploom::bench {
namespace {

bool started = false;

// DPDK wants a name per object.
std::string NextName() {
  static int number = 0;
  return "taploom" + std::to_string(number++);
}

class Fib final : public RouteYardstick {
 public:
  explicit Fib(const std::vector<tables::Lpm::Entry>& entries) {
    rte_fib_conf config{};
    config.type = RTE_FIB_DIR24_8;
    config.default_nh = kNone >> 1;  // the lowest bit of an entry is DPDK's own
    config.max_routes = static_cast<int>(entries.size() + 16);
    config.dir24_8.nh_sz = RTE_FIB_DIR24_8_2B;
    config.dir24_8.num_tbl8 = kGroups;
    fib_ = rte_fib_create(NextName().c_str(), SOCKET_ID_ANY, &config);
    if (fib_ == nullptr) return;
    valid_ = true;
    for (const auto& [prefix, value] : entries)
      valid_ &= rte_fib_add(fib_, prefix.address.v4_host_order(), prefix.length, value) == 0;
  }
  ~Fib() override { rte_fib_free(fib_); }
  bool valid() const { return valid_; }

  bool Select(bool vector) override {
    return rte_fib_select_lookup(fib_, vector ? RTE_FIB_LOOKUP_DIR24_8_VECTOR_AVX512
                                              : RTE_FIB_LOOKUP_DIR24_8_SCALAR_MACRO) == 0;
  }
  void Find(std::span<const std::uint32_t> addresses,
            std::span<std::uint64_t> values) const override {
    for (std::size_t i = 0; i < addresses.size(); i += kBulk) {
      const std::size_t count = std::min(kBulk, addresses.size() - i);
      rte_fib_lookup_bulk(fib_, const_cast<std::uint32_t*>(addresses.data() + i), values.data() + i,
                          static_cast<int>(count));
    }
  }
  // Tables of 2^24 and of kGroups × 256 entries, 2 bytes each.
  std::size_t memory_bytes() const override {
    return (std::size_t{1} << 24) * 2 + std::size_t{kGroups} * 256 * 2;
  }

 private:
  static constexpr std::size_t kBulk = 64;
  static constexpr std::uint32_t kGroups = 4096;
  rte_fib* fib_;
  bool valid_ = false;
};

class Lpm final : public RouteYardstick {
 public:
  explicit Lpm(const std::vector<tables::Lpm::Entry>& entries) {
    rte_lpm_config config{};
    config.max_rules = static_cast<std::uint32_t>(entries.size() + 16);
    config.number_tbl8s = kGroups;
    lpm_ = rte_lpm_create(NextName().c_str(), SOCKET_ID_ANY, &config);
    if (lpm_ == nullptr) return;
    for (const auto& [prefix, value] : entries) {
      // A default route is no rule of rte_lpm.
      if (prefix.length > 0)
        rte_lpm_add(lpm_, prefix.address.v4_host_order(), prefix.length, value);
    }
  }
  ~Lpm() override { rte_lpm_free(lpm_); }
  bool valid() const { return lpm_ != nullptr; }

  void Find(std::span<const std::uint32_t> addresses,
            std::span<std::uint64_t> values) const override {
    std::array<std::uint32_t, 64> found;
    for (std::size_t i = 0; i < addresses.size(); i += found.size()) {
      const std::size_t count = std::min(found.size(), addresses.size() - i);
      rte_lpm_lookup_bulk(lpm_, addresses.data() + i, found.data(), static_cast<unsigned>(count));
      for (std::size_t k = 0; k < count; ++k) {
        values[i + k] =
            (found[k] & RTE_LPM_LOOKUP_SUCCESS) != 0 ? found[k] & 0x00ffffffu : kNone >> 1;
      }
    }
  }
  std::size_t memory_bytes() const override {
    return (std::size_t{1} << 24) * 4 + std::size_t{kGroups} * 256 * 4;
  }

 private:
  static constexpr std::uint32_t kGroups = 4096;
  rte_lpm* lpm_;
};

class Fib6 final : public RouteYardstick {
 public:
  explicit Fib6(const std::vector<tables::Lpm::Entry>& entries) {
    rte_fib6_conf config{};
    config.type = RTE_FIB6_TRIE;
    config.default_nh = kNone >> 1;
    config.max_routes = static_cast<int>(entries.size() + 16);
    config.trie.nh_sz = RTE_FIB6_TRIE_4B;
    config.trie.num_tbl8 = kGroups;
    fib_ = rte_fib6_create(NextName().c_str(), SOCKET_ID_ANY, &config);
    if (fib_ == nullptr) return;
    valid_ = true;
    for (const auto& [prefix, value] : entries)
      valid_ &= rte_fib6_add(fib_, prefix.address.mapped().data(), prefix.length, value) == 0;
  }
  ~Fib6() override { rte_fib6_free(fib_); }
  bool valid() const { return valid_; }

  bool Select(bool vector) override {
    return rte_fib6_select_lookup(fib_, vector ? RTE_FIB6_LOOKUP_TRIE_VECTOR_AVX512
                                               : RTE_FIB6_LOOKUP_TRIE_SCALAR) == 0;
  }
  void FindV6(std::span<const wire::IpAddress> addresses,
              std::span<std::uint64_t> values) const override {
    static_assert(sizeof(wire::IpAddress) == RTE_FIB6_IPV6_ADDR_SIZE);
    using Bytes = std::uint8_t[RTE_FIB6_IPV6_ADDR_SIZE];
    const std::uint8_t* bytes = addresses.data()->mapped().data();
    for (std::size_t i = 0; i < addresses.size(); i += kBulk) {
      const std::size_t count = std::min(kBulk, addresses.size() - i);
      auto* chunk = reinterpret_cast<Bytes*>(const_cast<std::uint8_t*>(bytes + i * 16));
      rte_fib6_lookup_bulk(fib_, chunk, values.data() + i, static_cast<int>(count));
    }
  }
  std::size_t memory_bytes() const override {
    return (std::size_t{1} << 24) * 4 + std::size_t{kGroups} * 256 * 4;
  }

 private:
  static constexpr std::size_t kBulk = 64;
  static constexpr std::uint32_t kGroups = 1u << 19;
  rte_fib6* fib_;
  bool valid_ = false;
};

class Hash final : public HashYardstick {
 public:
  explicit Hash(std::span<const flow::FlowKey> keys) {
    const std::string name = NextName();
    rte_hash_parameters parameters{};
    parameters.name = name.c_str();
    parameters.entries = static_cast<std::uint32_t>(keys.size() * 5 / 4);
    parameters.key_len = sizeof(flow::FlowKey);
    parameters.hash_func = rte_hash_crc;
    parameters.socket_id = SOCKET_ID_ANY;
    hash_ = rte_hash_create(&parameters);
    if (hash_ == nullptr) return;
    for (const flow::FlowKey& key : keys) rte_hash_add_key(hash_, &key);
  }
  ~Hash() override { rte_hash_free(hash_); }
  bool valid() const { return hash_ != nullptr; }

  void Find(std::span<const flow::FlowKey> keys, std::span<std::int32_t> positions) const override {
    std::array<const void*, RTE_HASH_LOOKUP_BULK_MAX> pointers;
    for (std::size_t i = 0; i < keys.size(); i += pointers.size()) {
      const std::size_t count = std::min(pointers.size(), keys.size() - i);
      for (std::size_t k = 0; k < count; ++k) pointers[k] = &keys[i + k];
      rte_hash_lookup_bulk(hash_, pointers.data(), static_cast<std::uint32_t>(count),
                           positions.data() + i);
    }
  }

 private:
  rte_hash* hash_;
};

// rte_acl wants a field of one byte first, and then groups of four bytes: so a source port, which
// any value matches, beside the destination port.
struct AclInput {
  std::uint8_t protocol;
  std::uint8_t padding[3];
  std::uint32_t source;  // network order
  std::uint16_t source_port;
  std::uint16_t port;  // network order
};
RTE_ACL_RULE_DEF(AclRuleOfDpdk, 4);

class Acl final : public AclYardstick {
 public:
  explicit Acl(std::span<const AclRule> rules) {
    const std::string name = NextName();
    rte_acl_param parameters{};
    parameters.name = name.c_str();
    parameters.socket_id = SOCKET_ID_ANY;
    parameters.rule_size = RTE_ACL_RULE_SZ(4);
    parameters.max_rule_num = static_cast<std::uint32_t>(rules.size() + 1);
    context_ = rte_acl_create(&parameters);
    if (context_ == nullptr) return;
    for (std::size_t i = 0; i < rules.size(); ++i) {
      AclRuleOfDpdk rule{};
      rule.data.category_mask = 1;
      rule.data.priority = static_cast<std::int32_t>(rules.size() - i);
      rule.data.userdata = static_cast<std::uint32_t>(i + 1);
      rule.field[0].value.u8 = 6;
      rule.field[0].mask_range.u8 = 0xff;
      rule.field[1].value.u32 = rules[i].source;
      rule.field[1].mask_range.u32 = rules[i].source_length;
      rule.field[2].value.u16 = 0;
      rule.field[2].mask_range.u16 = 0xffff;
      rule.field[3].value.u16 = rules[i].first_port;
      rule.field[3].mask_range.u16 = rules[i].last_port;
      if (rte_acl_add_rules(context_, reinterpret_cast<const rte_acl_rule*>(&rule), 1) != 0) return;
    }
    rte_acl_config config{};
    config.num_categories = 1;
    config.num_fields = 4;
    config.defs[0] = {RTE_ACL_FIELD_TYPE_BITMASK, 1, 0, 0, offsetof(AclInput, protocol)};
    config.defs[1] = {RTE_ACL_FIELD_TYPE_MASK, 4, 1, 1, offsetof(AclInput, source)};
    config.defs[2] = {RTE_ACL_FIELD_TYPE_RANGE, 2, 2, 2, offsetof(AclInput, source_port)};
    config.defs[3] = {RTE_ACL_FIELD_TYPE_RANGE, 2, 3, 2, offsetof(AclInput, port)};
    valid_ = rte_acl_build(context_, &config) == 0;
  }
  ~Acl() override { rte_acl_free(context_); }
  bool valid() const { return valid_; }

  void Match(std::span<const AclQuery> queries, std::span<std::uint32_t> results) override {
    std::array<AclInput, 64> inputs{};
    std::array<const std::uint8_t*, 64> pointers;
    for (std::size_t i = 0; i < queries.size(); i += inputs.size()) {
      const std::size_t count = std::min(inputs.size(), queries.size() - i);
      for (std::size_t k = 0; k < count; ++k) {
        inputs[k].protocol = 6;
        inputs[k].source = wire::be32(queries[i + k].source).raw();
        inputs[k].port = wire::be16(queries[i + k].port).raw();
        pointers[k] = reinterpret_cast<const std::uint8_t*>(&inputs[k]);
      }
      rte_acl_classify(context_, pointers.data(), results.data() + i,
                       static_cast<std::uint32_t>(count), 1);
    }
  }

 private:
  rte_acl_ctx* context_;
  bool valid_ = false;
};

template <typename Interface, typename Made, typename... Arguments>
std::unique_ptr<Interface> Make(const Arguments&... arguments) {
  if (!started) return nullptr;
  auto made = std::make_unique<Made>(arguments...);
  if (!made->valid()) return nullptr;
  return made;
}

}  // namespace

bool StartDpdk(std::string& problem) {
  // In ordinary memory, without hugepages, devices or files; on the core we are on.
  std::array<std::string, 9> arguments = {"taploom_engine_bench",
                                          "--no-huge",
                                          "--no-pci",
                                          "--no-shconf",
                                          "--no-telemetry",
                                          "--log-level=*:critical",
                                          "--lcores=0@" + std::to_string(sched_getcpu()),
                                          "-m4096",
                                          "--force-max-simd-bitwidth=512"};
  std::array<char*, 9> pointers;
  for (std::size_t i = 0; i < arguments.size(); ++i) pointers[i] = arguments[i].data();
  started = rte_eal_init(static_cast<int>(pointers.size()), pointers.data()) >= 0;
  if (!started) problem = rte_strerror(rte_errno);
  return started;
}

std::unique_ptr<RouteYardstick> MakeFib(const std::vector<tables::Lpm::Entry>& entries) {
  return Make<RouteYardstick, Fib>(entries);
}
std::unique_ptr<RouteYardstick> MakeLpm(const std::vector<tables::Lpm::Entry>& entries) {
  return Make<RouteYardstick, Lpm>(entries);
}
std::unique_ptr<RouteYardstick> MakeFib6(const std::vector<tables::Lpm::Entry>& entries) {
  return Make<RouteYardstick, Fib6>(entries);
}
std::unique_ptr<HashYardstick> MakeHash(std::span<const flow::FlowKey> keys) {
  return Make<HashYardstick, Hash>(keys);
}
std::unique_ptr<AclYardstick> MakeAcl(std::span<const AclRule> rules) {
  return Make<AclYardstick, Acl>(rules);
}

}  // namespace taploom::bench
