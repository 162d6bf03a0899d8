// `rules unused`: what could be taken away without anybody noticing, as far as traffic has shown.
#include <fmt/format.h>

#include <set>
#include <sstream>

#include "cli/commands.h"
#include "cli/render.h"
#include "cli/select_fabric.h"
#include "cli/talk.h"

namespace taploom::cli {
namespace {

using nlohmann::ordered_json;

std::string TextOf(const ordered_json& row, const char* key) {
  return row.at(key).get<std::string>();
}

// "VPC/GROUP" of every group that some interface carries.
std::set<std::string> GroupsInUse(const ordered_json& enis) {
  std::set<std::string> groups;
  for (const ordered_json& eni : enis) {
    std::istringstream names(TextOf(eni, "security_groups"));
    for (std::string name; std::getline(names, name, ',');)
      groups.insert(TextOf(eni, "vpc") + "/" + name);
  }
  return groups;
}

ordered_json UnusedOf(const ordered_json& rules, const std::set<std::string>& in_use) {
  ordered_json unused = ordered_json::array();
  for (ordered_json row : rules) {
    if (row.at("hits").get<std::uint64_t>() != 0) continue;
    row.erase("hits");
    const bool is_carried = in_use.contains(TextOf(row, "vpc") + "/" + TextOf(row, "name"));
    row["why"] = is_carried ? "admitted nothing" : "its group is on no interface";
    unused.push_back(std::move(row));
  }
  return unused;
}

}  // namespace

int Rules(const Arguments& arguments) {
  const auto format = ParseFormat(arguments.Value("output"));
  if (!format) return Fail(kBadInput, "-o takes table or json");
  if (arguments.Word(0) != "unused")
    return Fail(kBadInput, fmt::format("rules takes \"unused\", not \"{}\"; `taploom get rules "
                                       "--hits` shows all",
                                       arguments.Word(0)));
  const auto paths = SelectFabric(arguments.Value("name"));
  if (!paths.ok()) return Fail(paths.status());
  const api::ApiClient fabric = ClientOf(*paths);
  const api::Reply rules = fabric.Get("counted-rules");
  if (!rules.ok()) return Fail(rules);
  const api::Reply enis = fabric.Get("enis");
  if (!enis.ok()) return Fail(enis);
  const ordered_json unused = UnusedOf(rules.body["rules"], GroupsInUse(enis.body));
  fmt::print("{}", Render(unused, *format));
  Say(fmt::format("{} of {} rules have admitted no connection since the dataplane began",
                  unused.size(), rules.body["rules"].size()));
  const auto uncounted = rules.body["uncounted"].get<std::uint64_t>();
  if (uncounted != 0)
    Say(
        fmt::format("{} admissions could not be counted, the table of rules being full: some of "
                    "these may be in use",
                    uncounted));
  return kDone;
}

}  // namespace taploom::cli
