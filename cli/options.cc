#include "cli/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>

#include "control/did_you_mean.h"

namespace taploom::cli {
namespace {

namespace po = boost::program_options;

po::options_description Describe(const VerbSpec& verb) {
  po::options_description description;
  auto add = description.add_options();
  add("help,h", "");
  for (const OptionSpec& option : verb.options) {
    std::string name(option.name);
    if (option.letter != 0) name += fmt::format(",{}", option.letter);
    if (option.value.empty()) {
      add(name.c_str(), "");
    } else {
      add(name.c_str(), po::value<std::vector<std::string>>()->composing(), "");
    }
  }
  return description;
}

// What follows "--", and for a verb that takes a command also what follows its words: `exec web-1
// ls -l` needs no "--".
void SplitCommand(const VerbSpec& verb, std::vector<std::string>& words,
                  std::vector<std::string>& command) {
  if (!verb.takes_command) return;
  std::size_t positional = 0;
  for (auto word = words.begin(); word != words.end(); ++word) {
    const bool dashes = *word == "--";
    if (dashes || (!word->starts_with("-") && positional == verb.most_words)) {
      command.assign(dashes ? word + 1 : word, words.end());
      words.erase(word, words.end());
      return;
    }
    if (!word->starts_with("-")) {
      ++positional;
    } else if (word->find('=') == std::string::npos) {
      const auto option =
          std::find_if(verb.options.begin(), verb.options.end(), [&](const auto& o) {
            return *word == fmt::format("--{}", o.name) || *word == fmt::format("-{}", o.letter);
          });
      const bool has_value = option != verb.options.end() && !option->value.empty();
      if (has_value && word + 1 != words.end()) ++word;
    }
  }
}

std::string UnknownOption(const VerbSpec& verb, const std::string& typed) {
  std::vector<std::string> names = {"--help"};
  for (const OptionSpec& option : verb.options) names.push_back(fmt::format("--{}", option.name));
  return fmt::format("{} has no option {}{}", verb.name, typed, control::DidYouMean(typed, names));
}

void ParseVerb(const VerbSpec& verb, std::vector<std::string> words, ParsedCommand& result) {
  SplitCommand(verb, words, result.arguments.command);
  try {
    const po::options_description description = Describe(verb);
    const auto style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    const po::parsed_options parsed =
        po::command_line_parser(words).options(description).style(style).run();
    for (const auto& option : parsed.options) {
      if (option.position_key >= 0 || option.string_key.empty()) {
        result.arguments.words.insert(result.arguments.words.end(), option.value.begin(),
                                      option.value.end());
      } else if (option.string_key == "help") {
        result.help = true;
      } else {
        auto& values = result.arguments.values[option.string_key];
        values.push_back(option.value.empty() ? "" : option.value.front());
      }
    }
  } catch (const po::unknown_option& error) {
    result.error = UnknownOption(verb, error.get_option_name());
  } catch (const po::error& error) {
    result.error = fmt::format("{}: {}", verb.name, error.what());
  }
  if (result.help || !result.error.empty()) return;

  const std::size_t count = result.arguments.words.size();
  if (count < verb.least_words) {
    result.error = fmt::format("{} needs {}", verb.name, verb.words);
  } else if (count > verb.most_words) {
    result.error =
        fmt::format("{} does not take \"{}\"", verb.name, result.arguments.words[verb.most_words]);
  } else if (verb.takes_command && result.arguments.command.empty()) {
    result.error = fmt::format("{} needs a command", verb.name);
  }
}

}  // namespace

ParsedCommand ParseCommandLine(const std::vector<std::string>& words) {
  ParsedCommand result;
  if (words.empty()) {
    result.error = "which verb?";
    return result;
  }
  const std::string& first = words.front();
  if (first == "--help" || first == "-h") {
    result.help = true;
    return result;
  }
  result.verb = FindVerb(first == "--version" ? "version" : first);
  if (result.verb == nullptr) {
    result.error = fmt::format("no verb \"{}\"{}", first, control::DidYouMean(first, VerbNames()));
    return result;
  }
  ParseVerb(*result.verb, {words.begin() + 1, words.end()}, result);
  return result;
}

}  // namespace taploom::cli
