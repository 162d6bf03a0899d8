// `flows` reads the connections page by page, so that neither the fabric nor this program holds
// more than it shows.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <vector>

#include "cli/commands.h"
#include "cli/render.h"
#include "cli/select_fabric.h"
#include "cli/talk.h"
#include "control/quantity.h"
#include "control/runtime/flow_filter.h"

namespace taploom::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kDefaultTop = 40;

struct SortKey {
  std::string_view name;
  std::uint64_t (*value)(const ordered_json& row);
};
std::uint64_t Number(const ordered_json& row, const char* key) {
  return row.at(key).get<std::uint64_t>();
}
// Largest first.
constexpr SortKey kSortKeys[] = {
    {"bytes", [](const ordered_json& r) { return Number(r, "bytes") + Number(r, "reply_bytes"); }},
    {"packets",
     [](const ordered_json& r) { return Number(r, "packets") + Number(r, "reply_packets"); }},
    {"age", [](const ordered_json& r) { return Number(r, "age_ms"); }},
    {"idle", [](const ordered_json& r) { return Number(r, "idle_ms"); }}};

// The largest `count` rows seen so far.
class Top {
 public:
  Top(const SortKey& key, std::size_t count) : key_(key), count_(count) {}

  void Add(ordered_json row) {
    const std::uint64_t value = key_.value(row);
    if (rows_.size() == count_) {
      if (rows_.top().value >= value) return;
      rows_.pop();
    }
    rows_.push({value, std::move(row)});
  }
  std::vector<ordered_json> Take() {
    std::vector<ordered_json> rows;
    for (; !rows_.empty(); rows_.pop()) rows.push_back(rows_.top().row);
    std::reverse(rows.begin(), rows.end());
    return rows;
  }

 private:
  struct Entry {
    std::uint64_t value;
    ordered_json row;
    bool operator<(const Entry& other) const { return value > other.value; }
  };
  const SortKey& key_;
  const std::size_t count_;
  std::priority_queue<Entry> rows_;
};

std::string DurationText(std::uint64_t milliseconds) {
  const std::uint64_t seconds = milliseconds / 1000;
  if (seconds < 10) return fmt::format("{}.{}s", seconds, milliseconds % 1000 / 100);
  if (seconds < 600) return fmt::format("{}s", seconds);
  if (seconds < 36'000) return fmt::format("{}m", seconds / 60);
  return fmt::format("{}h", seconds / 3600);
}

using control::BytesText;

// The row for people: what is the same at both ends is not said twice.
ordered_json ForPeople(const ordered_json& row) {
  const auto text = [&row](const char* key) { return row.at(key).get<std::string>(); };
  std::string seen_as;
  if (text("translated_source") != text("source")) seen_as = text("translated_source");
  if (text("translated_destination") != text("destination"))
    seen_as += fmt::format("{}-> {}", seen_as.empty() ? "" : " ", text("translated_destination"));
  std::string rules = text("egress_rule");
  if (!text("ingress_rule").empty())
    rules += fmt::format("{}{}", rules.empty() ? "" : " ", text("ingress_rule"));
  const std::uint64_t idle = Number(row, "idle_ms"), timeout = Number(row, "timeout_ms");
  return {{"protocol", text("protocol")},
          {"from", text("from")},
          {"to", text("to")},
          {"source", text("source")},
          {"destination", text("destination")},
          {"seen_as", seen_as},
          {"nat", text("nat")},
          {"state", text("state")},
          {"age", DurationText(Number(row, "age_ms"))},
          {"idle", DurationText(idle)},
          {"expires_in", DurationText(timeout > idle ? timeout - idle : 0)},
          {"sent", BytesText(Number(row, "bytes"))},
          {"received", BytesText(Number(row, "reply_bytes"))},
          {"rules", rules}};
}

// What connections can be counted by.
constexpr std::string_view kGroupKeys[] = {"from",  "to",  "source",      "destination", "protocol",
                                           "state", "nat", "egress_rule", "ingress_rule"};

// "10.0.2.50:40000" and "[2001:db8::1]:443" without the port: connections differ by it.
std::string WithoutPort(const std::string& end) { return end.substr(0, end.rfind(':')); }

// How many connections have the same value of a key.
class Groups {
 public:
  explicit Groups(std::string key) : key_(std::move(key)) {}

  void Add(const ordered_json& row) {
    std::string value = row.at(key_).get<std::string>();
    if (key_ == "source") value = WithoutPort(value);
    Group& group = groups_[value];
    ++group.connections;
    group.sent += Number(row, "bytes");
    group.received += Number(row, "reply_bytes");
  }
  // Those with most connections first.
  ordered_json Rows(std::size_t count, Format format) const {
    std::vector<std::pair<std::string, Group>> sorted(groups_.begin(), groups_.end());
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
      return a.second.connections > b.second.connections;
    });
    if (sorted.size() > count) sorted.resize(count);
    ordered_json rows = ordered_json::array();
    for (const auto& [value, group] : sorted) {
      ordered_json row = {{key_, value}, {"connections", group.connections}};
      if (format == Format::kTable) {
        row["sent"] = BytesText(group.sent);
        row["received"] = BytesText(group.received);
      } else {
        row["bytes"] = group.sent;
        row["reply_bytes"] = group.received;
      }
      rows.push_back(std::move(row));
    }
    return rows;
  }
  std::size_t size() const { return groups_.size(); }

 private:
  struct Group {
    std::uint64_t connections = 0, sent = 0, received = 0;
  };
  const std::string key_;
  std::map<std::string, Group> groups_;
};

// Rows as they come: an array whose elements are printed one by one.
class Stream {
 public:
  explicit Stream(Format format) : format_(format) {
    if (format_ == Format::kJson) fmt::print("[");
  }
  void Add(const std::vector<ordered_json>& rows) {
    if (rows.empty()) return;
    if (format_ == Format::kTable) {
      ordered_json page = ordered_json::array();
      for (const ordered_json& row : rows) page.push_back(ForPeople(row));
      fmt::print("{}", Render(page, format_));
    } else {
      for (const ordered_json& row : rows)
        fmt::print("{}\n  {}", std::exchange(is_first_, false) ? "" : ",", row.dump());
    }
    count_ += rows.size();
  }
  std::size_t End() {
    if (format_ == Format::kJson) fmt::print("{}]\n", is_first_ ? "" : "\n");
    return count_;
  }

 private:
  const Format format_;
  bool is_first_ = true;
  std::size_t count_ = 0;
};

// What was asked for, checked before any fabric is looked for.
struct FlowsRequest {
  Format format = Format::kTable;
  const SortKey* sort = nullptr;
  std::size_t count = kDefaultTop;
  std::string by;  // empty: connections, not groups of them
  std::vector<std::pair<std::string, std::string>> filter;
  bool all = false, kills = false;
};

absl::StatusOr<FlowsRequest> FlowsRequestOf(const Arguments& arguments) {
  FlowsRequest request{
      .by = arguments.Value("by"), .all = arguments.Has("all"), .kills = arguments.Has("kill")};
  const auto format = ParseFormat(arguments.Value("output"));
  if (!format) return absl::InvalidArgumentError("-o takes table or json");
  request.format = *format;
  const std::string sort = arguments.Has("sort") ? arguments.Value("sort") : "bytes";
  request.sort = std::find_if(std::begin(kSortKeys), std::end(kSortKeys),
                              [&](const SortKey& each) { return each.name == sort; });
  if (request.sort == std::end(kSortKeys))
    return absl::InvalidArgumentError("--sort takes bytes, packets, age or idle");
  if (arguments.Has("top")) {
    const std::string digits = arguments.Value("top");
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), request.count);
    if (error != std::errc() || end != digits.data() + digits.size() || request.count == 0)
      return absl::InvalidArgumentError(
          fmt::format("--top takes a number above 0, not \"{}\"", digits));
  }
  if (arguments.Has("by") &&
      std::find(std::begin(kGroupKeys), std::end(kGroupKeys), request.by) == std::end(kGroupKeys))
    return absl::InvalidArgumentError(
        fmt::format("--by takes {}; not \"{}\"", fmt::join(kGroupKeys, ", "), request.by));
  for (const runtime::FlowFilterField& field : runtime::FlowFilterFields()) {
    if (arguments.Has(field.name))
      request.filter.emplace_back(field.name, arguments.Value(field.name));
  }
  if (request.kills && (arguments.Has("by") || arguments.Has("top") || arguments.Has("sort")))
    return absl::InvalidArgumentError("--kill takes filters; no --by, --top or --sort");
  if (request.kills && request.filter.empty() && !request.all)
    return absl::InvalidArgumentError(
        "--kill needs a filter, such as --from NAME; or --all for every connection");
  return request;
}

// Every page, until one is refused; returns the last answer.
using PageAsker = std::function<api::Reply(std::uint32_t place)>;
using PageTaker = std::function<void(std::vector<ordered_json> rows, const ordered_json& body)>;
api::Reply ForEachPage(const PageAsker& ask, const PageTaker& take) {
  std::uint32_t place = 0;
  api::Reply reply;
  do {
    reply = ask(place);
    if (!reply.ok()) return reply;
    take(reply.body["rows"].get<std::vector<ordered_json>>(), reply.body);
    place = reply.body["next_place"].get<std::uint32_t>();
  } while (place != 0);
  return reply;
}

api::Reply ReadFlows(const api::ApiClient& fabric, const FlowsRequest& request,
                     const PageTaker& take) {
  return ForEachPage(
      [&](std::uint32_t place) {
        auto parameters = request.filter;
        parameters.emplace_back("place", std::to_string(place));
        return fabric.GetPage("flows", parameters);
      },
      take);
}

int KillFlows(const api::ApiClient& fabric, const FlowsRequest& request) {
  std::uint64_t forgotten = 0;
  Stream stream(request.format);
  const api::Reply reply = ForEachPage(
      [&](std::uint32_t place) {
        ordered_json body = {{"place", place}};
        for (const auto& [key, value] : request.filter) body[key] = value;
        return fabric.Post("forget-flows", body);
      },
      [&](std::vector<ordered_json> rows, const ordered_json& body) {
        stream.Add(rows);
        forgotten += body["forgotten"].get<std::uint64_t>();
      });
  const std::size_t found = stream.End();
  if (!reply.ok()) return Fail(reply);
  Say(fmt::format("{} connections are forgotten; what comes of them is decided anew", forgotten));
  if (forgotten < found) Say(fmt::format("{} ended by themselves", found - forgotten));
  return kDone;
}

int CountFlows(const api::ApiClient& fabric, const FlowsRequest& request) {
  Groups groups(request.by);
  const api::Reply reply =
      ReadFlows(fabric, request, [&](const std::vector<ordered_json>& rows, const ordered_json&) {
        for (const ordered_json& row : rows) groups.Add(row);
      });
  if (!reply.ok()) return Fail(reply);
  const std::size_t count = request.all ? groups.size() : request.count;
  fmt::print("{}", Render(groups.Rows(count, request.format), request.format));
  if (groups.size() > count) Say(fmt::format("{} of {}; --all shows all", count, groups.size()));
  return kDone;
}

int ShowFlows(const api::ApiClient& fabric, const FlowsRequest& request) {
  Top top(*request.sort, request.count);
  std::optional<Stream> stream;
  if (request.all) stream.emplace(request.format);
  std::size_t matching = 0;
  const api::Reply reply =
      ReadFlows(fabric, request, [&](std::vector<ordered_json> rows, const ordered_json&) {
        matching += rows.size();
        if (stream) return stream->Add(rows);
        for (ordered_json& row : rows) top.Add(std::move(row));
      });
  if (!reply.ok()) return Fail(reply);
  if (!stream) {
    stream.emplace(request.format);
    stream->Add(top.Take());
  }
  const std::size_t shown = stream->End();
  if (matching == 0) Say("no such connection");
  if (shown < matching)
    Say(fmt::format("{} of {} connections, the first by {}; --all shows every one", shown, matching,
                    request.sort->name));
  return kDone;
}

}  // namespace

int Flows(const Arguments& arguments) {
  const auto request = FlowsRequestOf(arguments);
  if (!request.ok()) return Fail(request.status());
  const auto paths = SelectFabric(arguments.Value("name"));
  if (!paths.ok()) return Fail(paths.status());
  const api::ApiClient fabric = ClientOf(*paths);
  if (request->kills) return KillFlows(fabric, *request);
  return request->by.empty() ? ShowFlows(fabric, *request) : CountFlows(fabric, *request);
}

}  // namespace taploom::cli
