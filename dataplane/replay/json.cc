#include "dataplane/replay/json.h"

#include <fmt/format.h>

#include <algorithm>

namespace taploom::replay {

void AppendJson(std::string& out, std::string_view text) {
  const auto needs_escape = [](char c) {
    return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
  };
  out += '"';
  while (true) {
    const auto end = std::find_if(text.begin(), text.end(), needs_escape);
    out.append(text.begin(), end);
    if (end == text.end()) break;
    out += static_cast<unsigned char>(*end) < 0x20
               ? fmt::format("\\u{:04x}", static_cast<unsigned char>(*end))
               : std::string{'\\', *end};
    text.remove_prefix(static_cast<std::size_t>(end - text.begin()) + 1);
  }
  out += '"';
}

}  // namespace taploom::replay
