#include "control/netns/resolver_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "control/process/unique_fd.h"
#include "tests/support/temp_folder.h"

namespace taploom::netns {
namespace {

wire::IpAddress Ip(const char* text) { return *wire::IpAddress::Parse(text); }

TEST(ResolvConf, NamesServersAndSearchDomain) {
  control::NamespacePlan plan;
  plan.nameservers = {Ip("10.0.0.2"), Ip("fd00:ec2::253")};
  plan.search_domain = "ap-northeast-2.compute.internal";
  EXPECT_EQ(
      ResolvConfText(plan),
      "search ap-northeast-2.compute.internal\nnameserver 10.0.0.2\nnameserver fd00:ec2::253\n");
}

TEST(ResolvConf, WithoutAServerQuestionsFailAtOnce) {
  EXPECT_EQ(ResolvConfText({}), "options attempts:1 timeout:1\n");
}

TEST(Hosts, HasLocalhostThenThePlansNames) {
  control::NamespacePlan plan;
  plan.hosts = {{Ip("203.0.113.20"), {"mydomain.com", "front"}}, {Ip("2001:db8::5"), {"web-1"}}};
  EXPECT_EQ(HostsText(plan),
            "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"
            "203.0.113.20 mydomain.com front\n2001:db8::5 web-1\n");
}

TEST(ResolverFiles, ARewriteIsSeenThroughAnOpenFile) {
  const test::TempFolder temp;
  const std::string folder = (temp / "etc").string();
  control::NamespacePlan plan;
  ASSERT_TRUE(WriteResolverFiles(folder, plan).ok());
  // A bind mount holds on to the file as a descriptor does.
  const process::UniqueFd open_before(open((folder + "/hosts").c_str(), O_RDONLY | O_CLOEXEC));
  plan.hosts = {{Ip("10.0.0.9"), {"late"}}};
  ASSERT_TRUE(WriteResolverFiles(folder, plan).ok());
  char text[200] = {};
  ASSERT_GT(read(open_before.get(), text, sizeof text - 1), 0);
  EXPECT_EQ(std::string(text), HostsText(plan));
}

}  // namespace
}  // namespace taploom::netns
