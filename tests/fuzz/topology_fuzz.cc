// Any text is either refused with a finding, or becomes a configuration that compiles.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "control/lower.h"
#include "control/validate.h"
#include "dataplane/tables/compile.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace taploom;  // NOLINT(google-build-using-namespace): one function
  const control::LoadResult loaded =
      control::LoadTopology({reinterpret_cast<const char*>(data), size});
  if (!loaded.valid) {
    if (loaded.findings.empty()) std::abort();
    return 0;
  }
  control::Allocations allocations;
  control::FabricPlan plan = control::Lower(*loaded.valid, allocations);
  plan.config.set_generation(1);
  if (!tables::Compile(plan.config).snapshot) std::abort();
  return 0;
}
