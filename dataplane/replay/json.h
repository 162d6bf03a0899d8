// What a line of verdicts is written in.
#ifndef TAPLOOM_DATAPLANE_REPLAY_JSON_H_
#define TAPLOOM_DATAPLANE_REPLAY_JSON_H_

#include <string>
#include <string_view>

namespace taploom::replay {

// Appends `text` as a JSON string.
void AppendJson(std::string& out, std::string_view text);

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_JSON_H_
