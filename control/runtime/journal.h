// Journal: what a fabric has made outside of its folder, written down before it is made.
//
// Whoever finds the journal of a fabric whose control is gone can take everything away again
// (cleanup.h). Entries may name things that do not exist, because the crash came between the
// writing and the making; never the other way round.
#ifndef TAPLOOM_CONTROL_RUNTIME_JOURNAL_H_
#define TAPLOOM_CONTROL_RUNTIME_JOURNAL_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/process/process_identity.h"

namespace taploom::runtime {

// A file bound over another inside the mount namespace of an attached container.
struct ForeignMount {
  process::ProcessIdentity process;  // one that lives in that mount namespace
  std::string source;                // the host's file
  std::string target;                // "/etc/resolv.conf"

  friend bool operator==(const ForeignMount&, const ForeignMount&) = default;
};

struct JournalEntries {
  std::set<std::string> namespaces;  // names in /run/netns
  std::set<std::string> files;
  std::set<std::string> folders;                    // taken away only when empty
  std::vector<process::ProcessIdentity> processes;  // outside of those namespaces: the dataplane
  std::vector<ForeignMount> mounts;

  friend bool operator==(const JournalEntries&, const JournalEntries&) = default;
};

// Everything of `more` added to `entries`.
void Merge(JournalEntries& entries, const JournalEntries& more);

// Not thread-safe.
class Journal {
 public:
  explicit Journal(std::string path) : path_(std::move(path)) {}

  const JournalEntries& entries() const { return entries_; }
  // Replaces the entries and the file, in one step for every reader.
  absl::Status Write(JournalEntries entries);

  // kNotFound when there is none; kDataLoss when it cannot be read.
  static absl::StatusOr<JournalEntries> Read(const std::string& path);

 private:
  std::string path_;
  JournalEntries entries_;
};

}  // namespace taploom::runtime

#endif  // TAPLOOM_CONTROL_RUNTIME_JOURNAL_H_
