// What `capture` asks of a fabric: who hangs on which port, and to hand a ring to the dataplane.
#include <fcntl.h>
#include <sys/stat.h>

#include <chrono>

#include "control/process/host_error.h"
#include "control/process/unique_fd.h"
#include "control/runtime/fabric.h"

namespace taploom::runtime {
namespace {

using nlohmann::ordered_json;

std::string AddressText(const std::string& bytes) {
  const auto address = wire::IpAddress::FromBytes(bytes);
  return address ? address->ToString() : "";
}

ordered_json InterfacesOf(const config::FabricConfig& config) {
  std::map<std::string, std::string> subnets;
  for (const config::Subnet& subnet : config.subnets()) subnets[subnet.id()] = subnet.name();
  ordered_json interfaces = ordered_json::array();
  for (const config::Eni& eni : config.enis()) {
    if (eni.port() == 0) continue;
    interfaces.push_back({{"port", eni.port()},
                          {"name", eni.name()},
                          {"id", eni.id()},
                          {"description", eni.id() + " in subnet " + subnets[eni.subnet_id()]}});
  }
  for (const config::InternetHost& host : config.internet_hosts()) {
    interfaces.push_back({{"port", host.port()},
                          {"name", host.name()},
                          {"id", host.id()},
                          {"description", host.id() + " on the internet"}});
  }
  return interfaces;
}

ordered_json NamesOf(const config::FabricConfig& config) {
  ordered_json names = ordered_json::array();
  const auto add = [&](const std::string& address, const std::string& name) {
    if (!address.empty()) names.push_back({{"address", AddressText(address)}, {"name", name}});
  };
  for (const config::Eni& eni : config.enis()) {
    for (const config::EniAddress& address : eni.addresses()) {
      add(address.private_address(), eni.name());
      add(address.public_address(), eni.name());
    }
  }
  for (const config::InternetHost& host : config.internet_hosts()) {
    for (const std::string& address : host.addresses()) add(address, host.name());
  }
  return names;
}

std::chrono::nanoseconds ClockOffset() {
  const auto since_epoch = [](auto time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch());
  };
  return since_epoch(std::chrono::system_clock::now()) -
         since_epoch(std::chrono::steady_clock::now());
}

}  // namespace

Row Fabric::CaptureInterfaces() {
  const std::lock_guard lock(mutex_);
  return {{"interfaces", InterfacesOf(plan_.config)},
          {"names", NamesOf(plan_.config)},
          {"workers", workers_}};
}

absl::Status Fabric::StartCapture(const std::string& ring_path) {
  const std::lock_guard lock(mutex_);
  const process::UniqueFd ring(open(ring_path.c_str(), O_RDWR | O_CLOEXEC));
  if (!ring.valid()) return process::HostError("open " + ring_path, errno);
  struct stat status {};
  const int seals = fcntl(ring.get(), F_GET_SEALS);
  const bool is_sealed = seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
  if (fstat(ring.get(), &status) != 0 || !is_sealed) {
    return absl::InvalidArgumentError(
        ring_path +
        " is no memory that is sealed against shrinking: it could take the dataplane down");
  }
  return dataplane_.link().StartCapture(ring.get(), static_cast<std::uint64_t>(status.st_size),
                                        ClockOffset());
}

absl::Status Fabric::StopCapture() {
  const std::lock_guard lock(mutex_);
  return dataplane_.link().StopCapture();
}

}  // namespace taploom::runtime
