// Stage: the steps a packet can meet, in the order it meets them. Traces and explanations print in
// this order.
#ifndef TAPLOOM_DATAPLANE_STAGE_H_
#define TAPLOOM_DATAPLANE_STAGE_H_

#include <cstddef>
#include <cstdint>

namespace taploom {

// One line per stage: identifier, and the words a person reads. Numbers of vpc-semantics §0 in the
// comment.
// clang-format off
#define TAPLOOM_STAGES(X)                                   \
  X(kParse, "parse")                                        \
  X(kZone, "availability zone")                             \
  X(kLinkLayer, "link layer")                  /* E1 */     \
  X(kLinkLocal, "link-local services")         /* E2 */     \
  X(kSourceCheck, "source check")              /* E3 */     \
  X(kSecurityGroupEgress, "security group egress") /* E4 */ \
  X(kNetworkAclOutbound, "network ACL outbound") /* E5 */   \
  X(kRoute, "route table")                     /* E6 */     \
  X(kNatGateway, "NAT gateway")                /* E7 */     \
  X(kInternetGateway, "internet gateway")                   \
  X(kEgressOnlyGateway, "egress-only gateway")              \
  X(kVpcPeering, "peering connection")                      \
  X(kGatewayEndpoint, "gateway endpoint")                   \
  X(kInternet, "internet")                                  \
  X(kMtu, "MTU")                                            \
  X(kNetworkAclInbound, "network ACL inbound")              \
  X(kSecurityGroupIngress, "security group ingress")        \
  X(kDestinationCheck, "destination check")                 \
  X(kConnection, "connection tracking")                     \
  X(kDeliver, "deliver")
// clang-format on

enum class Stage : std::uint8_t {
#define TAPLOOM_X(identifier, text) identifier,
  TAPLOOM_STAGES(TAPLOOM_X)
#undef TAPLOOM_X
};
inline constexpr std::size_t kStageCount = static_cast<std::size_t>(Stage::kDeliver) + 1;

constexpr const char* ToText(Stage stage) {
  constexpr const char* kTexts[] = {
#define TAPLOOM_X(identifier, text) text,
      TAPLOOM_STAGES(TAPLOOM_X)
#undef TAPLOOM_X
  };
  return kTexts[static_cast<std::uint8_t>(stage)];
}

}  // namespace taploom

#endif  // TAPLOOM_DATAPLANE_STAGE_H_
