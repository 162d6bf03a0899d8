#include "control/runtime/journal.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "control/process/host_error.h"

namespace taploom::runtime {
namespace {

using nlohmann::json;
using process::ProcessIdentity;

json ToJson(const ProcessIdentity& process) {
  return {{"pid", process.pid}, {"start_time", process.start_time}};
}

ProcessIdentity ProcessFrom(const json& value) {
  return {value.at("pid").get<pid_t>(), value.at("start_time").get<std::uint64_t>()};
}

json ToJson(const JournalEntries& entries) {
  json value = {{"namespaces", entries.namespaces},
                {"files", entries.files},
                {"folders", entries.folders},
                {"processes", json::array()},
                {"mounts", json::array()}};
  for (const ProcessIdentity& process : entries.processes) {
    value["processes"].push_back(ToJson(process));
  }
  for (const ForeignMount& mount : entries.mounts) {
    value["mounts"].push_back(
        {{"process", ToJson(mount.process)}, {"source", mount.source}, {"target", mount.target}});
  }
  return value;
}

JournalEntries EntriesFrom(const json& value) {
  JournalEntries entries;
  value.at("namespaces").get_to(entries.namespaces);
  value.at("files").get_to(entries.files);
  value.at("folders").get_to(entries.folders);
  for (const json& process : value.at("processes")) {
    entries.processes.push_back(ProcessFrom(process));
  }
  for (const json& mount : value.at("mounts")) {
    entries.mounts.push_back({.process = ProcessFrom(mount.at("process")),
                              .source = mount.at("source").get<std::string>(),
                              .target = mount.at("target").get<std::string>()});
  }
  return entries;
}

}  // namespace

void Merge(JournalEntries& entries, const JournalEntries& more) {
  entries.namespaces.insert(more.namespaces.begin(), more.namespaces.end());
  entries.files.insert(more.files.begin(), more.files.end());
  entries.folders.insert(more.folders.begin(), more.folders.end());
  entries.processes.insert(entries.processes.end(), more.processes.begin(), more.processes.end());
  entries.mounts.insert(entries.mounts.end(), more.mounts.begin(), more.mounts.end());
}

absl::Status Journal::Write(JournalEntries entries) {
  const std::string draft = path_ + ".new";
  std::ofstream file(draft, std::ios::trunc);
  file << ToJson(entries).dump(2) << '\n';
  file.close();
  if (!file || std::rename(draft.c_str(), path_.c_str()) != 0) {
    return process::HostError(fmt::format("write {}", path_), errno);
  }
  entries_ = std::move(entries);
  return absl::OkStatus();
}

absl::StatusOr<JournalEntries> Journal::Read(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(fmt::format("no journal at {}", path));
  try {
    return EntriesFrom(json::parse(file));
  } catch (const json::exception& error) {
    return absl::DataLossError(
        fmt::format("the journal {} cannot be read: {}", path, error.what()));
  }
}

}  // namespace taploom::runtime
