#include "dataplane/replay/line_text.h"

#include <gtest/gtest.h>

#include <string>

namespace taploom::replay {
namespace {

TEST(LineText, AppendsPiecesInTheirOrder) {
  std::string out = "begin ";
  LineText(out).Put("a").Put('b').PutNumber(-12).PutNumber(345);
  EXPECT_EQ(out, "begin ab-12345");
}

TEST(LineText, WritesAddressesAsTheyWriteThemselves) {
  for (const char* text : {"0.0.0.0", "1.20.255.100", "255.255.255.255", "2001:db8::1"}) {
    std::string out;
    LineText(out).Put(*wire::IpAddress::Parse(text)).Put(';');
    EXPECT_EQ(out, std::string(text) + ";");
  }
}

TEST(LineText, HasRoomForAnything) {
  const wire::IpAddress address = *wire::IpAddress::Parse("255.255.255.255");
  for (std::size_t size = 980; size < 1100; ++size) {
    const std::string text(size, 'x');
    std::string out;
    LineText(out).Put(text).Put(address).Put(text);
    EXPECT_EQ(out, text + "255.255.255.255" + text);
  }
}

TEST(LineText, OthersAppendBehindWhatWasPut) {
  std::string out;
  LineText line(out);
  line.Put("a");
  line.Flushed() += "b";
  line.Put("c");
  EXPECT_EQ(line.Flushed(), "abc");
}

}  // namespace
}  // namespace taploom::replay
