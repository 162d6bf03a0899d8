// Random tables of prefixes, in the shapes that tables have and in those that trouble a trie.
#ifndef TAPLOOM_TESTS_REFERENCE_TABLE_SHAPES_H_
#define TAPLOOM_TESTS_REFERENCE_TABLE_SHAPES_H_

#include <vector>

#include "dataplane/tables/lpm.h"
#include "dataplane/wire/ip_address.h"
#include "tests/reference/random_source.h"

namespace taploom::reference {

enum class TableShape {
  kScattered,        // up to 20 prefixes of any length, that nest and touch
  kNested,           // prefixes of most lengths, /0 and host routes among them, around one address
  kHosts,            // single addresses inside one prefix: the members of a security group
  kInsideOnePrefix,  // hundreds of prefixes inside one: the routes of a VPC; without a default
                     // every other time
  kNeighbours,       // every prefix of one length there is in a block, with few values
  kInternet,         // tens of thousands, lengths and runs of neighbours as in a BGP table
};
constexpr TableShape kSmallShapes[] = {TableShape::kScattered, TableShape::kNested,
                                       TableShape::kHosts, TableShape::kInsideOnePrefix,
                                       TableShape::kNeighbours};

std::vector<tables::Lpm::Entry> RandomTableOf(TableShape shape, wire::Family family,
                                              RandomSource& random);

}  // namespace taploom::reference

#endif  // TAPLOOM_TESTS_REFERENCE_TABLE_SHAPES_H_
