#include "cli/render.h"

#include <algorithm>
#include <cctype>
#include <vector>

namespace taploom::cli {
namespace {

using nlohmann::ordered_json;

std::string CellText(const ordered_json& value) {
  std::string text;
  if (value.is_string()) {
    text = value.get<std::string>();
  } else if (value.is_boolean()) {
    text = value.get<bool>() ? "yes" : "no";
  } else if (!value.is_null()) {
    text = value.dump();
  }
  return text.empty() ? "-" : text;
}

std::string Heading(std::string key) {
  for (char& c : key) {
    c = c == '_' ? ' ' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return key;
}

std::string Table(const ordered_json& rows) {
  if (rows.empty()) return "";
  std::vector<std::vector<std::string>> lines(1);
  for (const auto& [key, value] : rows.front().items()) lines.front().push_back(Heading(key));
  for (const ordered_json& row : rows) {
    lines.emplace_back();
    for (const auto& [key, value] : row.items()) lines.back().push_back(CellText(value));
  }
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      text += line[i];
      if (i + 1 < line.size()) text.append(widths[i] - line[i].size() + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace

std::optional<Format> ParseFormat(std::string_view word) {
  if (word.empty() || word == "table") return Format::kTable;
  if (word == "json") return Format::kJson;
  return std::nullopt;
}

std::string Render(const ordered_json& rows, Format format) {
  if (format == Format::kTable) return Table(rows);
  return rows.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace taploom::cli
