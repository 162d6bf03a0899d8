// Lab: a topology file, walked down the whole road (parse, validate, lower, compile), and packets
// sent through what comes out.
#ifndef TAPLOOM_TESTS_CONFORMANCE_LAB_H_
#define TAPLOOM_TESTS_CONFORMANCE_LAB_H_

#include <string>
#include <vector>

#include "control/fault.h"
#include "control/plan.h"
#include "tests/support/fabric_fixture.h"

namespace taploom::test {

// One finding per line, without its place; "" for a topology that is valid.
std::string RefusalOf(const std::string& topology);

class Lab : public FabricFixture {
 protected:
  // Publishes a topology as `up` or `apply` would; a finding fails the test. `name: lab` and the
  // region are put in front.
  void Apply(const std::string& topology);
  // As `taploom fault KIND NAME --down` and `--up`: "az" or "nat".
  void Fail(const std::string& kind, const std::string& name);
  void Restore(const std::string& kind, const std::string& name);
  // What validate says; "" when it accepts.
  std::string Refusal(const std::string& topology) const;

  // What `taploom explain` prints.
  std::string Explained(const std::string& source, const std::string& destination) const;
  // "10.0.0.0/16 local", one per route of a table.
  std::vector<std::string> RoutesOf(const std::string& table) const;
  // The primary private address that was chosen or written.
  std::string AddressOf(const std::string& eni) const;
  const control::FabricPlan& plan() const { return plan_; }

 private:
  std::string topology_;
  control::Allocations allocations_;
  control::Faults faults_;
  control::FabricPlan plan_;
};

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_CONFORMANCE_LAB_H_
