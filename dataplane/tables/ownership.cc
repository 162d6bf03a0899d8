#include "dataplane/tables/ownership.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <numeric>

#include "dataplane/tables/snapshot.h"

namespace taploom::tables {
namespace {

constexpr std::uint64_t kA = 0xa0761d6478bd642full, kB = 0xe7037ed1a0b428dbull;

// Multiply and fold (the construction of wyhash). Without a seed: every worker must come to the
// same, and whoever aims at one worker gains nothing but its slowness.
std::uint64_t Mix(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t HashOf(const wire::IpAddress& address) {
  const std::uint8_t* const bytes = address.mapped().data();
  return Mix(wire::Load<std::uint64_t>(bytes) ^ kA, wire::Load<std::uint64_t>(bytes + 8) ^ kB);
}

// The same in either order.
std::uint64_t HashOfPair(std::uint64_t one, std::uint64_t other) {
  return Mix((one + other) ^ kB, (one ^ other) ^ kA);
}

std::uint32_t WorkerOf(std::uint64_t hash, std::uint32_t workers) {
  return static_cast<std::uint32_t>((hash >> 32) * workers >> 32);
}

bool IsInBlockOfVpc(const Snapshot& snapshot, const wire::IpAddress& address) {
  return std::any_of(snapshot.vpcs.begin(), snapshot.vpcs.end(),
                     [&](const Vpc& vpc) { return vpc.Contains(address); });
}

bool HasAmbiguousAddress(const Snapshot& snapshot) {
  const auto is_ambiguous = [&](const auto& entry) {
    return IsInBlockOfVpc(snapshot, entry.first);
  };
  const auto is_host_and_bound = [&](const auto& entry) {
    return snapshot.public_bindings.contains(entry.first);
  };
  const auto& hosts = snapshot.internet_host_by_address;
  const auto& bindings = snapshot.public_bindings;
  return std::any_of(hosts.begin(), hosts.end(), is_ambiguous) ||
         std::any_of(hosts.begin(), hosts.end(), is_host_and_bound) ||
         std::any_of(bindings.begin(), bindings.end(), is_ambiguous);
}

// Whether packets to some address of `block` follow `route` and no longer one.
bool LeadsInto(const RouteTable& table, const Route& route, const wire::IpPrefix& block) {
  if (!route.destination.Overlaps(block)) return false;
  return std::none_of(table.routes.begin(), table.routes.end(), [&](const Route& other) {
    return other.destination.length > route.destination.length && other.destination.Contains(block);
  });
}

bool TranslatesWithinVpc(const Snapshot& snapshot) {
  for (const RouteTable& table : snapshot.route_tables) {
    for (const Route& route : table.routes) {
      if (route.target != RouteTargetKind::kNatGateway) continue;
      for (const wire::IpPrefix& block : snapshot[table.vpc].cidrs) {
        if (LeadsInto(table, route, block)) return true;
      }
    }
  }
  return false;
}

// By VPC: the lowest index of those that count as one with it.
std::vector<std::uint32_t> GroupsOf(const std::vector<Vpc>& vpcs) {
  std::vector<std::uint32_t> groups(vpcs.size());
  std::iota(groups.begin(), groups.end(), 0u);
  const auto join = [&](std::uint32_t from, std::uint32_t into) {
    std::replace(groups.begin(), groups.end(), std::max(from, into), std::min(from, into));
  };
  // In the order of their blocks' addresses, what overlaps stands side by side.
  struct Block {
    wire::IpPrefix cidr;
    std::uint32_t vpc;
  };
  std::vector<Block> blocks;
  for (std::uint32_t i = 0; i < vpcs.size(); ++i) {
    for (const wire::IpPrefix& cidr : vpcs[i].cidrs) blocks.push_back({cidr, i});
  }
  std::sort(blocks.begin(), blocks.end(),
            [](const Block& a, const Block& b) { return a.cidr < b.cidr; });
  std::size_t widest = 0;
  for (std::size_t i = 1; i < blocks.size(); ++i) {
    if (blocks[widest].cidr.Contains(blocks[i].cidr)) {
      if (groups[blocks[widest].vpc] != groups[blocks[i].vpc])
        join(groups[blocks[widest].vpc], groups[blocks[i].vpc]);
    } else {
      widest = i;
    }
  }
  return groups;
}

}  // namespace

Ownership Ownership::Of(const Snapshot& snapshot) {
  Ownership ownership;
  const std::vector<std::uint32_t> groups = GroupsOf(snapshot.vpcs);
  const auto is_within_group = [&](const VpcPeering& peering) {
    return groups[peering.requester.value] == groups[peering.accepter.value];
  };
  ownership.is_of_first_worker_ =
      HasAmbiguousAddress(snapshot) || TranslatesWithinVpc(snapshot) ||
      std::any_of(snapshot.vpc_peerings.begin(), snapshot.vpc_peerings.end(), is_within_group);
  if (ownership.is_of_first_worker_) return ownership;

  std::map<std::uint32_t, std::uint32_t> position_by_group;
  std::vector<Lpm::Entry> entries;
  for (std::size_t i = 0; i < snapshot.vpcs.size(); ++i) {
    const auto next = static_cast<std::uint32_t>(ownership.group_hashes_.size());
    const auto [position, is_new] = position_by_group.emplace(groups[i], next);
    // By an address, which stays the same when the VPCs before it come and go.
    if (is_new) ownership.group_hashes_.push_back(HashOf(snapshot.vpcs[i].cidrs.front().address));
    for (const wire::IpPrefix& cidr : snapshot.vpcs[i].cidrs)
      entries.push_back({cidr, position->second});
  }
  ownership.vpc_blocks_ = Lpm(entries);
  return ownership;
}

std::uint32_t Ownership::OwnerOf(const Snapshot& snapshot, const wire::IpAddress& one,
                                 const wire::IpAddress& other, std::uint32_t workers) const {
  constexpr std::uint32_t kFirst = 0;
  if (is_of_first_worker_) return kFirst;
  const bool one_is_public = snapshot.public_bindings.contains(one);
  const bool other_is_public = snapshot.public_bindings.contains(other);
  const std::uint32_t group = one_is_public ? Lpm::kNotFound : vpc_blocks_.Find(one);
  const std::uint32_t other_group = other_is_public ? Lpm::kNotFound : vpc_blocks_.Find(other);
  const bool one_is_outside = !one_is_public && group == Lpm::kNotFound;
  const bool other_is_outside = !other_is_public && other_group == Lpm::kNotFound;
  if (one_is_outside != other_is_outside)
    return WorkerOf(Mix(HashOf(one_is_outside ? one : other) ^ kB, kA), workers);
  if (one_is_public || other_is_public) return kFirst;
  if (group == other_group || !one.is_v4())
    return WorkerOf(HashOfPair(HashOf(one), HashOf(other)), workers);
  return WorkerOf(HashOfPair(group_hashes_[group], group_hashes_[other_group]), workers);
}

}  // namespace taploom::tables
