"""Two machines behind a NAT gateway and one outside: the topology of tests that follow packets across translation."""

ELASTIC, OUTSIDE, INSIDE, NEIGHBOR = "203.0.113.10", "5.6.7.8", "10.0.2.50", "10.0.2.51"


def behind_nat(name, groups, inside, neighbor=None, outside=""):
    """`groups`: the security groups, as YAML. `inside` and `neighbor`: the rest of these instances, `outside` of the host."""
    return f"""
name: {name}
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets:
      public: {{cidr: 10.0.1.0/24, route_table: public}}
      private: {{cidr: 10.0.2.0/24, route_table: private}}
    nat_gateways:
      nat: {{subnet: public, elastic_ip: {ELASTIC}}}
    route_tables:
      public: {{routes: [{{to: 0.0.0.0/0, via: igw}}]}}
      private: {{routes: [{{to: 0.0.0.0/0, via: nat}}]}}
    security_groups: {groups}
instances:
  inside: {{subnet: private, private_ip: {INSIDE}, {inside}}}
  neighbor: {{subnet: private, private_ip: {NEIGHBOR}, {neighbor or inside}}}
internet:
  hosts:
    outside: {{address: {OUTSIDE}{", " + outside if outside else ""}}}
"""
