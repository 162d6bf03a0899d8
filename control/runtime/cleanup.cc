#include "control/runtime/cleanup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <system_error>
#include <vector>

#include "control/netns/foreign_mount.h"
#include "control/netns/network_namespace.h"
#include "control/process/host_error.h"
#include "control/process/process_identity.h"
#include "control/process/terminate.h"
#include "control/process/unique_fd.h"

namespace taploom::runtime {
namespace {

using process::UniqueFd;

constexpr std::chrono::milliseconds kGrace{2000};

std::string NamespaceFolderMark() { return RunRoot() + "/.made-run-netns"; }

void Keep(absl::Status& first, const absl::Status& status) {
  if (first.ok()) first = status;
}

std::set<process::NamespaceId> IdsOf(const std::set<std::string>& names) {
  std::set<process::NamespaceId> ids;
  for (const std::string& name : names) {
    // A name that was journaled but never mounted is an empty file, which is no namespace.
    if (auto fd = netns::OpenNamespace(netns::NamespacePath(name)); fd.ok()) {
      ids.insert(process::IdOf(fd->get()));
    }
  }
  return ids;
}

}  // namespace

absl::Status UndoForeignMount(const ForeignMount& mount) {
  const UniqueFd process = process::OpenProcess(mount.process);
  if (!process.valid()) return absl::OkStatus();
  return netns::UncoverIn(process.get(), mount.source, mount.target);
}

absl::Status CleanUp(const JournalEntries& entries) {
  absl::Status first;
  Keep(first, process::TerminateProcessesIn(IdsOf(entries.namespaces), kGrace));
  Keep(first, process::TerminateProcesses(entries.processes, kGrace));
  for (const ForeignMount& mount : entries.mounts) Keep(first, UndoForeignMount(mount));
  for (const std::string& name : entries.namespaces) Keep(first, netns::RemoveNamespace(name));
  for (const std::string& file : entries.files) {
    if (unlink(file.c_str()) != 0 && errno != ENOENT) {
      Keep(first, process::HostError(fmt::format("remove {}", file), errno));
    }
  }
  // Longest first, so that a folder is empty when its turn comes.
  for (auto folder = entries.folders.rbegin(); folder != entries.folders.rend(); ++folder) {
    rmdir(folder->c_str());
  }
  return first;
}

void RememberNamespaceFolder() {
  UniqueFd(open(NamespaceFolderMark().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}

void RemoveFolders(const FabricPaths& paths) {
  std::error_code ignored;
  std::filesystem::remove_all(paths.folder, ignored);
  if (!KnownFabrics().empty()) return;
  if (std::filesystem::exists(NamespaceFolderMark(), ignored)) {
    netns::RemoveNamespaceFolderIfEmpty();
    unlink(NamespaceFolderMark().c_str());
  }
  rmdir(RunRoot().c_str());
}

bool IsRunning(const FabricPaths& paths) {
  const UniqueFd file(open(paths.pid_file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid() || flock(file.get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) {
    return false;
  }
  pid_t pid = 0;
  // Without a pid it has only just begun.
  return !(std::ifstream(paths.pid_file) >> pid) || !process::IsExiting(pid);
}

absl::StatusOr<UniqueFd> LockFabric(const FabricPaths& paths) {
  UniqueFd file(open(paths.pid_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file.valid()) return process::HostError(fmt::format("write {}", paths.pid_file), errno);
  bool locked = flock(file.get(), LOCK_EX | LOCK_NB) == 0;
  if (!locked && !IsRunning(paths)) locked = flock(file.get(), LOCK_EX) == 0;
  struct stat held {
  }, named{};
  // A fabric that was just going may have removed the file between the opening and the locking of
  // it.
  if (!locked || fstat(file.get(), &held) != 0 || stat(paths.pid_file.c_str(), &named) != 0 ||
      held.st_ino != named.st_ino) {
    return absl::AlreadyExistsError(fmt::format("fabric \"{}\" is running already", paths.fabric));
  }
  return file;
}

absl::Status CleanUpCrashed(const FabricPaths& paths) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(paths.folder, ignored)) {
    return absl::NotFoundError(fmt::format("no fabric \"{}\"", paths.fabric));
  }
  const absl::StatusOr<UniqueFd> lock = LockFabric(paths);
  if (!lock.ok()) return lock.status();
  const absl::StatusOr<JournalEntries> entries = Journal::Read(paths.journal);
  if (!entries.ok() && !absl::IsNotFound(entries.status())) return entries.status();
  if (entries.ok()) {
    if (const absl::Status status = CleanUp(*entries); !status.ok()) return status;
  }
  RemoveFolders(paths);
  return absl::OkStatus();
}

}  // namespace taploom::runtime
