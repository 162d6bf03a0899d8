// What both parts of the twin look at: protocols, TCP's flags, and objects by their id.
#ifndef TAPLOOM_TESTS_PACKET_TWIN_TWIN_WORDS_H_
#define TAPLOOM_TESTS_PACKET_TWIN_TWIN_WORDS_H_

#include <cstdint>
#include <string>

namespace taploom::test {

constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17;

inline bool Has(const std::string& letters, char letter) {
  return letters.find(letter) != std::string::npos;
}

template <typename Objects>
const auto& ById(const Objects& objects, const std::string& id) {
  for (const auto& object : objects) {
    if (object.id() == id) return object;
  }
  return objects[0];
}

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_PACKET_TWIN_TWIN_WORDS_H_
