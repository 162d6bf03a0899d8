// Rows of the API as a table for people or JSON for programs.
#ifndef TAPLOOM_CLI_RENDER_H_
#define TAPLOOM_CLI_RENDER_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace taploom::cli {

enum class Format { kTable, kJson };

// "table", "json" or nothing given (table); nullopt for any other word.
std::optional<Format> ParseFormat(std::string_view word);

// `rows` is an array of flat objects with the same keys. Table: a header, then one line per row,
// columns aligned, empty values as "-"; no row, no text. JSON: the array, indented. Ends in a
// newline.
std::string Render(const nlohmann::ordered_json& rows, Format format);

}  // namespace taploom::cli

#endif  // TAPLOOM_CLI_RENDER_H_
