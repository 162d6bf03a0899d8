#include "control/netns/resolver_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "control/process/host_error.h"
#include "control/process/unique_fd.h"

namespace taploom::netns {
namespace {

absl::Status WriteInPlace(const std::string& path, const std::string& text) {
  const process::UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file.valid()) return process::HostError(fmt::format("write {}", path), errno);
  if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return process::HostError(fmt::format("write {}", path), errno);
  }
  return absl::OkStatus();
}

}  // namespace

std::string ResolverFolder(std::string_view namespace_name) {
  return fmt::format("{}/{}", kResolverFolder, namespace_name);
}

std::string ResolvConfText(const control::NamespacePlan& plan) {
  std::string text;
  if (!plan.search_domain.empty()) text += fmt::format("search {}\n", plan.search_domain);
  for (const wire::IpAddress& server : plan.nameservers) {
    text += fmt::format("nameserver {}\n", server.ToString());
  }
  // A namespace with no resolver answers "not found" at once instead of asking the host's.
  if (plan.nameservers.empty()) text += "options attempts:1 timeout:1\n";
  return text;
}

std::string HostsText(const control::NamespacePlan& plan) {
  std::string text = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
  for (const control::HostsEntry& entry : plan.hosts) {
    text += fmt::format("{} {}\n", entry.address.ToString(), fmt::join(entry.names, " "));
  }
  return text;
}

absl::Status WriteResolverFiles(const std::string& folder, const control::NamespacePlan& plan) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return process::HostError(fmt::format("create {}", folder), error.value());
  if (const absl::Status status = WriteInPlace(folder + "/resolv.conf", ResolvConfText(plan));
      !status.ok()) {
    return status;
  }
  return WriteInPlace(folder + "/hosts", HostsText(plan));
}

std::vector<process::CoveredFile> CoveredBy(const std::string& folder) {
  return {{folder + "/resolv.conf", "/etc/resolv.conf"}, {folder + "/hosts", "/etc/hosts"}};
}

}  // namespace taploom::netns
