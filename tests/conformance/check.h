// Conformance checks: one statement of AWS's documentation or of an RFC, and packets that show it.
//
//   FOLLOWS(SecurityGroups, SG_07, kTracking, "An allowed request's reply leaves without a rule.")
//   {
//     EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306")), "db: tcp …");
//     …
//   }
//
// The identifier names the section and the statement and is printed as SG-07. `scripts/conformance`
// reads these macros and writes docs/conformance.md; it also checks that what PROVED_BY names
// exists, so a statement cannot lose its proof unnoticed.
#ifndef TAPLOOM_TESTS_CONFORMANCE_CHECK_H_
#define TAPLOOM_TESTS_CONFORMANCE_CHECK_H_

#include <gtest/gtest.h>

#include <string>

#define TAPLOOM_STATED(page, text)                        \
  static_assert(sizeof(page) > 1 && sizeof(text) > 1,     \
                "a check states what it holds and where " \
                "from")

// taploom does what the statement says; the body shows it.
#define FOLLOWS(fixture, id, page, statement) \
  TAPLOOM_STATED(page, statement);            \
  TEST_F(fixture, id)

// taploom does something else, which the body shows, for the reason given.
#define DEVIATES(fixture, id, page, statement, reason) \
  TAPLOOM_STATED(page, statement);                     \
  TAPLOOM_STATED(page, reason);                        \
  TEST_F(fixture, id)

// taploom has no such thing; the body shows that validate refuses it by name.
#define NOT_MODELLED(fixture, id, page, statement) \
  TAPLOOM_STATED(page, statement);                 \
  TEST_F(fixture, id)

// Shown by a test that stands elsewhere: "Suite.Test", "broken/FILE.yaml" of tests/cli, or
// "scenario/test_FILE.py:test_name".
#define PROVED_BY(id, test, page, statement) \
  TAPLOOM_STATED(page, statement);           \
  static_assert(sizeof(test) > 1, "names a test")

// Nothing that a packet or a topology could meet: prices, time of arrival of a log, a cloud's
// capacity.
#define OUTSIDE(id, page, statement, reason) \
  TAPLOOM_STATED(page, statement);           \
  TAPLOOM_STATED(page, reason)

namespace taploom::test {

// What became of a frame, as FabricFixture::Send tells it, without the packet: who received it
// ("db"), "drop NO_ROUTE", or the whole of a reply.
inline std::string Fate(const std::string& sent) {
  if (sent.starts_with("drop ") || sent.starts_with("reply")) return sent;
  return sent.substr(0, sent.find(": "));
}

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_CONFORMANCE_CHECK_H_
