#ifndef TAPLOOM_CONTROL_PROCESS_FIND_PROGRAM_H_
#define TAPLOOM_CONTROL_PROCESS_FIND_PROGRAM_H_

#include <string>
#include <string_view>

namespace taploom::process {

// The first executable called `program` in the folders of PATH, then in those of `more_folders`
// (separated by colons as well); empty when there is none.
std::string FindProgram(std::string_view program, std::string_view more_folders = "");

}  // namespace taploom::process

#endif  // TAPLOOM_CONTROL_PROCESS_FIND_PROGRAM_H_
