// The table of verbs: parser, help and completion are made from it, so they cannot disagree.
#ifndef TAPLOOM_CLI_VERBS_H_
#define TAPLOOM_CLI_VERBS_H_

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace taploom::cli {

struct OptionSpec {
  std::string_view name;   // "name"
  char letter = 0;         // 'n' for -n; 0 = none
  std::string_view value;  // placeholder, "N"; empty for a switch
  std::string_view help;
};

// What the user typed, sorted by what it is.
struct Arguments {
  std::vector<std::string> words;  // in the order of VerbSpec::words
  std::map<std::string, std::vector<std::string>>
      values;                        // by option name; a switch has one empty value
  std::vector<std::string> command;  // for a verb that takes one

  bool Has(const std::string& option) const { return values.contains(option); }
  // The last value given; empty when there is none.
  std::string Value(const std::string& option) const;
  std::vector<std::string> Values(const std::string& option) const;
  std::string Word(std::size_t index) const { return index < words.size() ? words[index] : ""; }
};

struct VerbSpec {
  std::string_view name;
  std::string_view words = {};  // usage of the positional words, "KIND [NAME]"
  std::size_t least_words = 0, most_words = 0;
  bool takes_command = false;  // everything after "--" (or after the words) is a command
  std::vector<OptionSpec> options = {};
  std::string_view summary;            // one line
  std::string (*details)() = nullptr;  // further help, made when asked for
  std::string_view example;            // one line that runs
  int (*run)(const Arguments&);
};

std::span<const VerbSpec> Verbs();
const VerbSpec* FindVerb(std::string_view name);
std::vector<std::string> VerbNames();

std::string HelpText();
std::string HelpText(const VerbSpec& verb);

}  // namespace taploom::cli

#endif  // TAPLOOM_CLI_VERBS_H_
