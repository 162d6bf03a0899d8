// What somebody may have meant by a word that is not in the list.
#ifndef TAPLOOM_CONTROL_DID_YOU_MEAN_H_
#define TAPLOOM_CONTROL_DID_YOU_MEAN_H_

#include <string>
#include <string_view>
#include <vector>

namespace taploom::control {

// The candidate with the fewest edits (insert, delete, replace, swap of neighbours) from `word`;
// empty when even the nearest is more than a third of the word away or there are very many.
std::string Nearest(std::string_view word, const std::vector<std::string>& candidates);

// "; did you mean \"subnets\"?", or the empty string.
std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_DID_YOU_MEAN_H_
