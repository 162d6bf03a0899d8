// `flows` reads the connections page by page, so that neither the fabric nor this program holds
// more than it shows.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <queue>
#include <vector>

#include "cli/commands.h"
#include "cli/render.h"
#include "cli/select_fabric.h"
#include "cli/talk.h"
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

std::string BytesText(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(kUnits); ++unit) value /= 1000;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

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

}  // namespace

int Flows(const Arguments& arguments) {
  const auto format = ParseFormat(arguments.Value("output"));
  if (!format) return Fail(kBadInput, "-o takes table or json");
  const std::string sort = arguments.Has("sort") ? arguments.Value("sort") : "bytes";
  const auto key = std::find_if(std::begin(kSortKeys), std::end(kSortKeys),
                                [&](const SortKey& each) { return each.name == sort; });
  if (key == std::end(kSortKeys))
    return Fail(kBadInput, "--sort takes bytes, packets, age or idle");
  std::size_t count = kDefaultTop;
  if (arguments.Has("top")) {
    const std::string digits = arguments.Value("top");
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    if (error != std::errc() || end != digits.data() + digits.size() || count == 0)
      return Fail(kBadInput, fmt::format("--top takes a number above 0, not \"{}\"", digits));
  }
  const auto paths = SelectFabric(arguments.Value("name"));
  if (!paths.ok()) return Fail(paths.status());

  std::vector<std::pair<std::string, std::string>> query;
  for (const runtime::FlowFilterField& field : runtime::FlowFilterFields()) {
    if (arguments.Has(field.name)) query.emplace_back(field.name, arguments.Value(field.name));
  }
  Top top(*key, count);
  std::optional<Stream> stream;
  std::size_t matching = 0;
  std::uint32_t place = 0;
  do {
    auto parameters = query;
    parameters.emplace_back("place", std::to_string(place));
    const api::Reply reply = ClientOf(*paths).GetPage("flows", parameters);
    if (!reply.ok()) return Fail(reply);
    const auto rows = reply.body["rows"].get<std::vector<ordered_json>>();
    matching += rows.size();
    if (arguments.Has("all")) {
      if (!stream) stream.emplace(*format);
      stream->Add(rows);
    } else {
      for (const ordered_json& row : rows) top.Add(row);
    }
    place = reply.body["next_place"].get<std::uint32_t>();
  } while (place != 0);

  if (!stream) {
    stream.emplace(*format);
    stream->Add(top.Take());
  }
  const std::size_t shown = stream->End();
  if (matching == 0) Say("no such connection");
  if (shown < matching)
    Say(fmt::format("{} of {} connections, the first by {}; --all shows every one", shown, matching,
                    sort));
  return kDone;
}

}  // namespace taploom::cli
