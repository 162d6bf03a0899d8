#ifndef TAPLOOM_CONTROL_PROCESS_SIBLING_H_
#define TAPLOOM_CONTROL_PROCESS_SIBLING_H_

#include <string>
#include <string_view>

namespace taploom::process {

// The path of another executable of taploom: they are installed, and built, side by side.
std::string SiblingExecutable(std::string_view name);

}  // namespace taploom::process

#endif  // TAPLOOM_CONTROL_PROCESS_SIBLING_H_
