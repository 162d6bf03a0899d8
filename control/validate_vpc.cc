// Regions, CIDR blocks and subnets (vpc-semantics §1, §13).
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "control/address_ranges.h"
#include "control/validate_sections.h"

namespace taploom::control {
namespace {

using wire::IpPrefix;

// Reports a block with host bits. AWS would silently make it the canonical one; a file should say
// what it means.
bool CheckHostBits(const Located<Cidr>& cidr, Findings& findings) {
  if (!cidr.value.has_host_bits()) return true;
  findings.Add(cidr.at, "{} has host bits; the block is {}", cidr.value.ToString(),
               cidr.value.prefix().ToString());
  return false;
}

void CheckRegion(const Name& region, Findings& findings) {
  if (!IsRegionName(region.value)) {
    findings.Add(region.at, "\"{}\" is no region such as ap-northeast-2", region.value);
  }
}

// Ranges that no VPC can have.
void CheckUsableRange(const Located<Cidr>& cidr, Findings& findings) {
  static const std::array kNever = {
      PrefixLiteral("0.0.0.0/8"),   PrefixLiteral("127.0.0.0/8"), PrefixLiteral("169.254.0.0/16"),
      PrefixLiteral("224.0.0.0/4"), PrefixLiteral("240.0.0.0/4"),
  };
  for (const IpPrefix& range : kNever) {
    if (range.Overlaps(cidr.value.prefix())) {
      findings.Add(cidr.at, "{} lies in {}, which no VPC may use", cidr.value.ToString(),
                   range.ToString());
      return;
    }
  }
}

// A secondary block must not come from a range that AWS keeps apart from that of the primary.
void CheckSecondaryRange(const IpPrefix& primary, const Located<Cidr>& secondary,
                         Findings& findings) {
  static const IpPrefix ten = PrefixLiteral("10.0.0.0/8"),
                        seventeen = PrefixLiteral("172.16.0.0/12"),
                        nineteen = PrefixLiteral("192.168.0.0/16"),
                        benchmark = PrefixLiteral("198.19.0.0/16"),
                        default_vpc = PrefixLiteral("172.31.0.0/16");
  std::vector<IpPrefix> forbidden;
  if (ten.Contains(primary)) {
    forbidden = {seventeen, nineteen, benchmark};
  } else if (seventeen.Contains(primary)) {
    forbidden = {ten, nineteen, default_vpc, benchmark};
  } else if (nineteen.Contains(primary)) {
    forbidden = {ten, seventeen, benchmark};
  } else if (benchmark.Contains(primary)) {
    forbidden = {ten, seventeen, nineteen};
  } else {
    forbidden = {ten, seventeen, nineteen, benchmark};
  }
  for (const IpPrefix& range : forbidden) {
    if (range.Overlaps(secondary.value.prefix())) {
      findings.Add(secondary.at,
                   "{} lies in {}, which AWS does not add to a VPC whose first block is {}",
                   secondary.value.ToString(), range.ToString(), primary.ToString());
      return;
    }
  }
}

// A narrower rule: once a block lies in 10.0.0.0/15, none from 10.0.0.0/16 can be added.
void CheckFirstTenBlock(const std::vector<Located<Cidr>>& blocks, std::size_t index,
                        Findings& findings) {
  static const IpPrefix first = PrefixLiteral("10.0.0.0/16"), both = PrefixLiteral("10.0.0.0/15");
  if (!first.Contains(blocks[index].value.prefix())) return;
  for (std::size_t earlier = 0; earlier < index; ++earlier) {
    const IpPrefix other = blocks[earlier].value.prefix();
    if (both.Contains(other) && !other.Overlaps(blocks[index].value.prefix())) {
      findings.Add(blocks[index].at,
                   "{} lies in {}, which AWS does not add to a VPC that has a block in {}",
                   blocks[index].value.ToString(), first.ToString(), both.ToString());
      return;
    }
  }
}

void CheckNoOverlap(const std::vector<Located<Cidr>>& blocks, std::size_t index,
                    Findings& findings) {
  for (std::size_t earlier = 0; earlier < index; ++earlier) {
    if (blocks[earlier].value.prefix().Overlaps(blocks[index].value.prefix())) {
      findings.Add(blocks[index].at, "{} overlaps {} of the same VPC",
                   blocks[index].value.ToString(), blocks[earlier].value.ToString());
      return;
    }
  }
}

void CheckIpv4Blocks(const Vpc& vpc, Findings& findings) {
  for (std::size_t i = 0; i < vpc.cidrs.size(); ++i) {
    const Located<Cidr>& cidr = vpc.cidrs[i];
    if (!CheckHostBits(cidr, findings)) continue;
    if (cidr.value.length < 16 || cidr.value.length > 28) {
      findings.Add(cidr.at, "{}: a VPC's IPv4 block is /16 to /28", cidr.value.ToString());
      continue;
    }
    CheckUsableRange(cidr, findings);
    CheckNoOverlap(vpc.cidrs, i, findings);
    if (i > 0) CheckSecondaryRange(vpc.cidrs[0].value.prefix(), cidr, findings);
    CheckFirstTenBlock(vpc.cidrs, i, findings);
  }
}

void CheckIpv6Blocks(const Vpc& vpc, Findings& findings) {
  static const IpPrefix unique_local = PrefixLiteral("fc00::/7"),
                        amazon = PrefixLiteral("fd00:ec2::/32");
  for (std::size_t i = 0; i < vpc.ipv6_cidrs.size(); ++i) {
    const Located<Cidr>& cidr = vpc.ipv6_cidrs[i];
    if (!CheckHostBits(cidr, findings)) continue;
    if (cidr.value.length < 44 || cidr.value.length > 60 || cidr.value.length % 4 != 0) {
      findings.Add(cidr.at, "{}: a VPC's IPv6 block is /44 to /60 in steps of 4 (Amazon's are /56)",
                   cidr.value.ToString());
      continue;
    }
    if ((!IsPublic(cidr.value.address) && !unique_local.Contains(cidr.value.address)) ||
        amazon.Overlaps(cidr.value.prefix())) {
      findings.Add(cidr.at, "{} is no unicast range that a VPC may use", cidr.value.ToString());
    }
    CheckNoOverlap(vpc.ipv6_cidrs, i, findings);
  }
}

std::string JoinBlocks(const std::vector<Located<Cidr>>& blocks) {
  std::vector<std::string> texts;
  for (const Located<Cidr>& block : blocks) texts.push_back(block.value.ToString());
  return fmt::format("{}", fmt::join(texts, ", "));
}

bool LiesInside(const std::vector<Located<Cidr>>& blocks, const Cidr& cidr) {
  return std::any_of(blocks.begin(), blocks.end(), [&](const Located<Cidr>& block) {
    return block.value.prefix().Contains(cidr.prefix());
  });
}

void CheckSubnetBlock(const Vpc& vpc, const std::vector<Located<Cidr>>& vpc_blocks,
                      std::optional<Located<Cidr>> Subnet::*block, std::size_t index,
                      Findings& findings) {
  const Subnet& subnet = vpc.subnets[index];
  const Located<Cidr>& cidr = *(subnet.*block);
  if (!CheckHostBits(cidr, findings)) return;
  const int length = cidr.value.length;
  if (cidr.value.family() == wire::Family::kIpv4 && (length < 16 || length > 28)) {
    findings.Add(cidr.at, "{}: a subnet's IPv4 block is /16 to /28", cidr.value.ToString());
    return;
  }
  if (cidr.value.family() == wire::Family::kIpv6 &&
      (length < 44 || length > 64 || length % 4 != 0)) {
    findings.Add(cidr.at, "{}: a subnet's IPv6 block is /44 to /64 in steps of 4",
                 cidr.value.ToString());
    return;
  }
  if (!vpc_blocks.empty() && !LiesInside(vpc_blocks, cidr.value)) {
    findings.Add(cidr.at, "{} is outside vpc \"{}\" ({})", cidr.value.ToString(), vpc.name.value,
                 JoinBlocks(vpc_blocks));
    return;
  }
  for (std::size_t earlier = 0; earlier < index; ++earlier) {
    const std::optional<Located<Cidr>>& other = vpc.subnets[earlier].*block;
    if (other && other->value.prefix().Overlaps(cidr.value.prefix())) {
      findings.Add(cidr.at, "{} overlaps subnet \"{}\" ({})", cidr.value.ToString(),
                   vpc.subnets[earlier].name.value, other->value.ToString());
      return;
    }
  }
}

void CheckZone(const Topology& topology, const Vpc& vpc, const Subnet& subnet, Findings& findings) {
  const std::string region = RegionOf(topology, vpc);
  if (!subnet.az || !IsRegionName(region) || topology.unreadable.contains("region")) return;
  const std::vector<std::string> zones = AvailabilityZones(region);
  if (std::find(zones.begin(), zones.end(), subnet.az->value) != zones.end()) return;
  findings.Add(subnet.az->at, "\"{}\" is no availability zone of {}; it has {}", subnet.az->value,
               region, fmt::join(zones, ", "));
}

void CheckSubnet(const Topology& topology, const Vpc& vpc, std::size_t index, Findings& findings) {
  const Subnet& subnet = vpc.subnets[index];
  if (subnet.cidr) CheckSubnetBlock(vpc, vpc.cidrs, &Subnet::cidr, index, findings);
  if (subnet.ipv6_cidr) {
    if (vpc.ipv6_cidrs.empty() && !topology.unreadable.contains("ipv6_cidr")) {
      findings.Add(subnet.ipv6_cidr->at, "vpc \"{}\" has no ipv6_cidr for this block to lie in",
                   vpc.name.value);
    } else {
      CheckSubnetBlock(vpc, vpc.ipv6_cidrs, &Subnet::ipv6_cidr, index, findings);
    }
  }
  CheckZone(topology, vpc, subnet, findings);
  if (subnet.route_table && subnet.route_table->value != kMainName) {
    Resolve(topology, vpc, &Vpc::route_tables, "route table", "route_tables", *subnet.route_table,
            findings);
  }
  if (subnet.acl && subnet.acl->value != kDefaultName) {
    Resolve(topology, vpc, &Vpc::network_acls, "network ACL", "network_acls", *subnet.acl,
            findings);
  }
}

// IPv6 blocks are globally unique: no two VPCs share one. IPv4 blocks may be the same.
void CheckIpv6Unique(const Topology& topology, Findings& findings) {
  std::vector<std::pair<IpPrefix, const Vpc*>> seen;
  for (const Vpc& vpc : topology.vpcs) {
    for (const Located<Cidr>& cidr : vpc.ipv6_cidrs) {
      for (const auto& [prefix, owner] : seen) {
        if (owner != &vpc && prefix.Overlaps(cidr.value.prefix())) {
          findings.Add(cidr.at, "{} overlaps {} of vpc \"{}\"; IPv6 blocks are unique",
                       cidr.value.ToString(), prefix.ToString(), owner->name.value);
          break;
        }
      }
      seen.emplace_back(cidr.value.prefix(), &vpc);
    }
  }
}

}  // namespace

void CheckVpcs(const Topology& topology, Findings& findings) {
  if (topology.region) CheckRegion(*topology.region, findings);
  for (const Vpc& vpc : topology.vpcs) {
    if (vpc.region) CheckRegion(*vpc.region, findings);
    CheckIpv4Blocks(vpc, findings);
    CheckIpv6Blocks(vpc, findings);
    for (std::size_t i = 0; i < vpc.subnets.size(); ++i) CheckSubnet(topology, vpc, i, findings);
  }
  CheckIpv6Unique(topology, findings);
}

}  // namespace taploom::control
