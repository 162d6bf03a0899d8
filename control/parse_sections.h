// The parts of Parse(), one per kind of thing the file describes. Private to the parser.
#ifndef TAPLOOM_CONTROL_PARSE_SECTIONS_H_
#define TAPLOOM_CONTROL_PARSE_SECTIONS_H_

#include "control/field_reader.h"
#include "control/topology.h"
#include "control/yaml_reader.h"

namespace taploom::control {

Vpc ParseVpc(ParseContext&, const Name& name, const YamlNode&);          // parse_vpc.cc
Peering ParsePeering(ParseContext&, const Name& name, const YamlNode&);  // parse_vpc.cc
SecurityGroup ParseSecurityGroup(ParseContext&, const Name& name,
                                 const YamlNode&);                             // parse_rules.cc
NetworkAcl ParseNetworkAcl(ParseContext&, const Name& name, const YamlNode&);  // parse_rules.cc
LoadBalancer ParseLoadBalancer(ParseContext&, const Name& name,
                               const YamlNode&);                           // parse_load_balancer.cc
Instance ParseInstance(ParseContext&, const Name& name, const YamlNode&);  // parse_instance.cc
InternetHost ParseInternetHost(ParseContext&, const Name& name,
                               const YamlNode&);  // parse_instance.cc

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_PARSE_SECTIONS_H_
