// The VPC's resolver (vpc-semantics §0 E2, §7): base+2 of the VPC and 169.254.169.253, before and
// beside every filter.
#include <vector>

#include "dataplane/config/fabric_config.pb.h"
#include "dataplane/tables/compile.h"
#include "tests/packet/shop.h"
#include "tests/support/dns_message.h"

namespace taploom::test {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr auto kA = kDnsA, kNs = kDnsNs, kAaaa = kDnsAaaa;
constexpr auto& Query = DnsQuery;

class Dns : public Shop {
 protected:
  Dns() {
    // The names that control would write; the builder knows none.
    config::FabricConfig config = fabric.config();
    const auto add = [](auto* records, const char* name, std::vector<std::string> addresses) {
      auto* record = records->Add();
      record->set_name(name);
      for (const std::string& text : addresses) {
        const wire::IpAddress address = *wire::IpAddress::Parse(text);
        const auto bytes = address.bytes();
        record->add_addresses(std::string(bytes.begin(), bytes.end()));
      }
    };
    add(config.mutable_vpcs(0)->mutable_names(), "app", {"10.0.1.10"});
    add(config.mutable_vpcs(0)->mutable_names(), "shop.example.com",
        {"203.0.113.20", "203.0.113.21", "2001:db8::20"});
    add(config.mutable_internet_names(), "shop.example.com", {"203.0.113.20"});
    config.set_generation(1000);
    const tables::CompileResult compiled = tables::Compile(config);
    EXPECT_EQ("", compiled.error);
    bench().Publish(compiled.snapshot);
  }

  std::string Ask(const std::string& sender, const std::string& from, const std::string& resolver,
                  const Bytes& query) {
    const std::string outcome = Send(sender, Udp(from + ":4000", resolver + ":53").Payload(query));
    const std::string expected = "reply: udp " + resolver + ":53 > " + from + ":4000";
    return outcome == expected ? DnsAnswerText(query, PayloadOf(last().frame)) : outcome;
  }
};

TEST_F(Dns, AnswersAtBasePlusTwoAndAtTheLinkLocalAddress) {
  EXPECT_EQ("0: 10.0.1.10", Ask("web", "10.0.0.10", "10.0.0.2", Query("app", kA)));
  EXPECT_EQ("0: 10.0.1.10", Ask("web", "10.0.0.10", "169.254.169.253", Query("app", kA)));
}

TEST_F(Dns, GivesEveryAddressOfTheFamilyAskedFor) {
  EXPECT_EQ("0: 203.0.113.20 203.0.113.21",
            Ask("web", "10.0.0.10", "10.0.0.2", Query("shop.example.com", kA)));
  EXPECT_EQ("0: 2001:db8::20",
            Ask("web", "10.0.0.10", "10.0.0.2", Query("shop.example.com", kAaaa)));
}

TEST_F(Dns, IgnoresCase) {
  EXPECT_EQ("0: 10.0.1.10", Ask("web", "10.0.0.10", "10.0.0.2", Query("APP", kA)));
}

TEST_F(Dns, KnownNameWithoutThatTypeIsAnEmptyAnswer) {
  EXPECT_EQ("0:", Ask("web", "10.0.0.10", "10.0.0.2", Query("app", kAaaa)));
  EXPECT_EQ("0:", Ask("web", "10.0.0.10", "10.0.0.2", Query("app", kNs)));
}

TEST_F(Dns, UnknownNameIsNxdomain) {
  EXPECT_EQ("3:", Ask("web", "10.0.0.10", "10.0.0.2", Query("nobody.example.com", kA)));
}

TEST_F(Dns, NoFilterStandsInTheWay) {
  // db's group lets nothing out, and its subnet's ACL nothing through (§15 case 9).
  fabric.Acl("data", {"100 in deny all 0.0.0.0/0", "100 out deny all 0.0.0.0/0"});
  EXPECT_EQ("0: 10.0.1.10", Ask("db", "10.0.2.10", "10.0.0.2", Query("app", kA)));
}

TEST_F(Dns, InternetHostsAskTheirRouterAndKnowPublicNamesOnly) {
  EXPECT_EQ("0: 203.0.113.20",
            Ask("visitor", "198.51.100.8", "169.254.1.1", Query("shop.example.com", kA)));
  EXPECT_EQ("3:", Ask("visitor", "198.51.100.8", "169.254.1.1", Query("app", kA)));
}

TEST_F(Dns, NothingButAQueryIsAnswered) {
  EXPECT_EQ("drop MALFORMED", Ask("web", "10.0.0.10", "10.0.0.2", {1, 2, 3}));
  Bytes answer = Query("app", kA);
  answer[2] |= 0x80;
  EXPECT_EQ("drop MALFORMED", Ask("web", "10.0.0.10", "10.0.0.2", answer));
}

TEST_F(Dns, BrokenQuestionIsAFormatError) {
  Bytes pointer = {0x12, 0x34, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 0x0c, 0, 1, 0, 1};
  Send("web", Udp("10.0.0.10:4000", "10.0.0.2:53").Payload(pointer));
  const Bytes answer = PayloadOf(last().frame);
  ASSERT_EQ(12u, answer.size());
  EXPECT_EQ(1, answer[3] & 0xf);
  EXPECT_EQ(0, answer[5]);  // no question is echoed that could not be read
}

TEST_F(Dns, AnswersAThousandAndTwentyFourASecondAndNoMore) {
  const Bytes query = Query("app", kA);
  for (int i = 0; i < 1024; ++i)
    ASSERT_EQ("0: 10.0.1.10", Ask("web", "10.0.0.10", "10.0.0.2", query));
  EXPECT_EQ("drop LINK_LOCAL_ALLOWANCE_EXCEEDED", Ask("web", "10.0.0.10", "10.0.0.2", query));
  EXPECT_EQ("0: 10.0.1.10",
            Ask("db", "10.0.2.10", "10.0.0.2", query));  // another interface has its own allowance
  Wait(std::chrono::seconds(1));
  EXPECT_EQ("0: 10.0.1.10", Ask("web", "10.0.0.10", "10.0.0.2", query));
}

}  // namespace
}  // namespace taploom::test
