#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/talk.h"
#include "control/runtime/rows.h"

namespace taploom::cli {

int Completion(const Arguments& arguments) {
  if (arguments.Word(0) != "bash") return Fail(kBadInput, "completion knows bash");
  std::string cases;
  for (const VerbSpec& verb : Verbs()) {
    std::vector<std::string> words = {"--help"};
    for (const OptionSpec& option : verb.options) words.push_back(fmt::format("--{}", option.name));
    if (verb.name == "get") {
      words.insert(words.end(), runtime::RowKinds().begin(), runtime::RowKinds().end());
    }
    cases += fmt::format("    {}) words=\"{}\" ;;\n", verb.name, fmt::join(words, " "));
  }
  fmt::print(
      "_taploom() {{\n"
      "  local words=\"{}\" word=\"${{COMP_WORDS[COMP_CWORD]}}\"\n"
      "  [ \"$COMP_CWORD\" -gt 1 ] && case \"${{COMP_WORDS[1]}}\" in\n{}  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\") $(compgen -f -- \"$word\"))\n"
      "}}\n"
      "complete -F _taploom taploom\n",
      fmt::join(VerbNames(), " "), cases);
  return kDone;
}

}  // namespace taploom::cli
