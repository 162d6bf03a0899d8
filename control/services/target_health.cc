#include "control/services/target_health.h"

#include <fmt/format.h>

#include <initializer_list>
#include <map>
#include <utility>

#include "control/services/haproxy_config.h"
#include "control/services/haproxy_socket.h"

namespace taploom::control {
namespace {

using Row = std::vector<std::string>;

// One line of RFC 4180 CSV: fields may be quoted, and a quote inside is doubled. haproxy never
// breaks a line in a field.
Row SplitCsvLine(std::string_view line) {
  Row fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"') {
      if (quoted && i + 1 < line.size() && line[i + 1] == '"') {
        fields.back() += '"';
        ++i;
      } else {
        quoted = !quoted;
      }
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

// The columns we read, found by name: haproxy adds columns from version to version.
struct Columns {
  std::size_t proxy = 0, server = 0, status = 0, check_status = 0, check_code = 0;
};

absl::StatusOr<Columns> FindColumns(std::string_view header) {
  if (!header.starts_with("# ")) {
    return absl::InvalidArgumentError(
        fmt::format("haproxy answered \"{}\" instead of statistics", header.substr(0, 80)));
  }
  std::map<std::string, std::size_t> index;
  const Row names = SplitCsvLine(header.substr(2));
  for (std::size_t i = 0; i < names.size(); ++i) index.emplace(names[i], i);
  Columns columns;
  for (const auto& [name, column] : std::initializer_list<std::pair<const char*, std::size_t*>>{
           {"pxname", &columns.proxy},
           {"svname", &columns.server},
           {"status", &columns.status},
           {"check_status", &columns.check_status},
           {"check_code", &columns.check_code}}) {
    const auto found = index.find(name);
    if (found == index.end()) {
      return absl::InvalidArgumentError(
          fmt::format("haproxy's statistics have no column \"{}\"", name));
    }
    *column = found->second;
  }
  return columns;
}

// `check_status` is one of haproxy's check results (management guide §9.1, field 36), without the
// "* " of a running check.
void ExplainFailure(std::string_view check_status, const std::string& check_code,
                    TargetHealth* health) {
  if (check_status == "L7STS") {
    health->reason = "Target.ResponseCodeMismatch";
    health->description = fmt::format("Health checks failed with these codes: [{}]", check_code);
  } else if (check_status.ends_with("TOUT")) {  // L4TOUT, L6TOUT, L7TOUT
    health->reason = "Target.Timeout";
    health->description = "Request timed out";
  } else {
    health->reason = "Target.FailedHealthChecks";
    health->description = "Health checks failed";
  }
}

// `status` is "UP", "DOWN", "UP 1/2" while it is failing, "DOWN 1/5" while it recovers, "DRAIN" or
// "MAINT…".
void FillState(std::string_view status, std::string_view check_status,
               const std::string& check_code, TargetHealth* health) {
  if (check_status.starts_with("* ")) check_status.remove_prefix(2);
  // A server that is new starts at "UP 1/n"; one that has its state from before a reload is "UP" or
  // "DOWN" at once.
  const bool before_first_check =
      check_status.empty() || check_status == "INI" || check_status == "UNK";
  if (status.starts_with("DRAIN") || status.starts_with("MAINT")) {
    health->state = TargetState::kDraining;
    health->reason = "Target.DeregistrationInProgress";
    health->description = "Target deregistration is in progress";
  } else if (before_first_check && status.starts_with("UP ")) {
    health->state = TargetState::kInitial;
    health->reason = "Elb.InitialHealthChecking";
    health->description = "Initial health checks in progress";
  } else if (status.starts_with("UP")) {
    health->state = TargetState::kHealthy;
  } else {
    health->state = TargetState::kUnhealthy;
    ExplainFailure(check_status, check_code, health);
  }
}

}  // namespace

std::string_view ToString(TargetState state) {
  switch (state) {
    case TargetState::kInitial:
      return "initial";
    case TargetState::kHealthy:
      return "healthy";
    case TargetState::kUnhealthy:
      return "unhealthy";
    case TargetState::kDraining:
      return "draining";
  }
  return "";
}

absl::StatusOr<std::vector<TargetHealth>> ParseTargetHealth(std::string_view show_stat_csv) {
  absl::StatusOr<Columns> columns = absl::InvalidArgumentError("haproxy's statistics are empty");
  std::vector<TargetHealth> rows;
  for (bool header = true; !show_stat_csv.empty(); header = false) {
    const std::size_t end = show_stat_csv.find('\n');
    const std::string_view line = show_stat_csv.substr(0, end);
    show_stat_csv.remove_prefix(end == std::string_view::npos ? show_stat_csv.size() : end + 1);
    if (header) {
      columns = FindColumns(line);
      if (!columns.ok()) return columns.status();
      continue;
    }
    if (line.empty()) continue;
    const Row fields = SplitCsvLine(line);
    const auto field = [&](std::size_t column) {
      return column < fields.size() ? fields[column] : std::string();
    };
    const auto group = ParseBackendName(field(columns->proxy));
    const auto server = ParseServerName(field(columns->server));
    if (!group || !server) continue;
    TargetHealth& health = rows.emplace_back();
    health.target_group = *group;
    health.target = server->target;
    health.port = server->port;
    FillState(field(columns->status), field(columns->check_status), field(columns->check_code),
              &health);
  }
  if (!columns.ok()) return columns.status();
  return rows;
}

absl::StatusOr<std::vector<TargetHealth>> ReadTargetHealth(const std::string& stats_socket) {
  const absl::StatusOr<std::string> answer = AskHaproxy(stats_socket, "show stat");
  if (!answer.ok()) return answer.status();
  return ParseTargetHealth(*answer);
}

}  // namespace taploom::control
