#!/usr/bin/env python3
"""docs/questions.md says what the program says, and the fixes it prints are fixes.

`test_questions.py --write` puts the program's present answers into the page, and writes the capture that one of them is
about; look at the difference before you commit it.
"""

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

import yaml

import captures

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs/questions.md"
TAPLOOM = str(pathlib.Path(os.environ.get("TAPLOOM_BIN_DIR", REPOSITORY / "build/release/bin")).resolve() / "taploom")
BLOCK = re.compile(r"```console\n(.*?)```", re.S)
MOST_FIXES = 4  # faults that one example may have, one behind the other

# What AWS's analyser calls the first fault of each question; its number in the page → codes.
CODES = {
    1: ["NO_ROUTE_TO_DESTINATION"],
    2: ["IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"],
    3: ["CANNOT_ROUTE", "BAD_STATE_ROUTE"],
    4: ["SUBNET_ACL_RESTRICTION"],
    5: ["ENI_SG_RULES_MISMATCH", "ENI_SG_RULES_MISMATCH", None],
    7: ["ELBV2_LISTENER_REQUIRES_TG_ACCEPT"],
    10: [None],
    11: ["NO_ROUTE_TO_DESTINATION", "NO_ROUTE_TO_DESTINATION", "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"],
    12: ["ENI_SOURCE_DEST_CHECK_RESTRICTION"],
    13: ["DNS_NAME_NOT_FOUND", None, "DNS_NAME_NOT_FOUND"],
    15: ["NO_ROUTE_TO_DESTINATION", "NO_ROUTE_TO_DESTINATION"],
    16: ["NO_ROUTE_TO_DESTINATION"],
}
NOT_FIXED_BY_A_RULE = {("05-security-group-reference", "203.0.113.20:5432"), ("13-names", "api.example.org:443"),
                       ("13-private-names", "orders.internal:80")}  # fmt: skip
NAT_GATEWAY_PORTS = 55_000  # of one address, towards one destination (vpc-semantics §4)
# Told with a running fabric: where the page names a test instead of showing a file's answer.
ON_A_FABRIC = {6: "test_says_that_nothing_listens", 8: "test_the_ports_of_a_nat_gateway_end_and_flows_says_who_holds_them",
               14: "test_a_tracked_connection_outlives_its_rule_and_says_which_it_was"}  # fmt: skip


def run(command):
    words = shlex.split(command)
    assert words[0] == "taploom", command
    return subprocess.run([TAPLOOM, *words[1:]], text=True, capture_output=True, cwd=REPOSITORY)


def commands(block):
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def rendered(block):
    """The block with what its commands print now."""
    texts = []
    for command in commands(block):
        result = run(command)
        assert result.returncode in (0, 1) and not result.stderr, f"{command}: {result.stderr}"
        texts.append(f"$ {command}\n{result.stdout}")
    return "\n".join(texts)


def sections():
    """(number, text) of each question on the page."""
    parts = re.split(r"^## (\d+)\.", PAGE.read_text(), flags=re.M)
    return list(zip(map(int, parts[1::2]), parts[2::2]))


def questions():
    """(number of the section, command) in the order of the page."""
    number = 0
    for line in PAGE.read_text().splitlines():
        if heading := re.match(r"## (\d+)\.", line):
            number = int(heading[1])
        if line.startswith("$ taploom explain"):
            yield number, line[2:]


def asked(command):
    """The file, SRC and DST of a command."""
    words = shlex.split(command)
    return REPOSITORY / words[words.index("-f") + 1], words[-2], words[-1]


def explain(topology, source, destination):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(topology, file, sort_keys=False)
        file.flush()
        result = subprocess.run([TAPLOOM, "explain", "-f", file.name, source, destination, "-o", "json"], text=True,
                                capture_output=True)
    assert result.returncode in (0, 1), f"{result.stderr}\n{yaml.safe_dump(topology)}"
    return json.loads(result.stdout)


def merge(into, what):
    """As the page of a fix says: maps merge, lists grow, a route takes the place of the one with its destination."""
    for key, value in what.items():
        there = into.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            merge(there, value)
        elif isinstance(value, list) and isinstance(there, list):
            added = {each["to"] for each in value if "via" in each}
            is_replaced = [isinstance(each, dict) and each.get("to") in added for each in there]
            into[key] = [each for each, gone in zip(there, is_replaced) if not gone and each not in value] + value
        else:
            into[key] = value


class Questions(unittest.TestCase):
    maxDiff = None

    def test_the_page_shows_what_the_program_prints(self):
        for block in BLOCK.findall(PAGE.read_text()):
            with self.subTest(commands(block)[0]):
                self.assertEqual(rendered(block), block)

    def test_each_question_has_its_explanation_code(self):
        found = {}
        for number, command in questions():
            answer = json.loads(run(command + " -o json").stdout)
            failures = [each["ExplanationCode"] for each in answer["Explanations"] if each["is_failure"]]
            self.assertEqual(answer["NetworkPathFound"], not failures, command)
            found.setdefault(number, []).append(failures[0] if failures else None)
        self.assertEqual(CODES, found)

    def test_every_question_has_an_example_that_a_test_runs(self):
        self.assertEqual(list(range(1, 17)), [number for number, _ in sections()])
        scenarios = ("test_explain.py", "test_nat_ports.py")
        stories = "".join((REPOSITORY / "tests/scenario" / each).read_text() for each in scenarios)
        for number, text in sections():
            with self.subTest(number):
                if number in ON_A_FABRIC:
                    self.assertIn(f"def {ON_A_FABRIC[number]}(", stories)
                else:
                    self.assertRegex(text, r"\$ taploom (explain|replay) ")

    def test_what_the_analyser_calls_reachable_is_not_when_the_reply_has_no_way(self):
        command = next(command for number, command in questions() if number == 16)
        answer = json.loads(run(command + " -o json").stdout)
        self.assertTrue(answer["forward"]["passes"], "one way is open, which is all that a static analysis sees")
        self.assertEqual("NO_ROUTE", answer["reply"]["drop"]["reason"])

    # --- questions that time or load asks: packets, and what becomes of them ---

    def verdicts(self, packets, topology):
        with tempfile.NamedTemporaryFile("wb", suffix=".pcap") as file:
            file.write(captures.pcap(packets))
            file.flush()
            result = subprocess.run([TAPLOOM, "replay", file.name, "-f", topology, "--verdicts", "-"], text=True,
                                    capture_output=True, cwd=REPOSITORY, check=True)  # fmt: skip
        return [json.loads(line) for line in result.stdout.splitlines()]

    def test_the_idle_connection_on_file_is_the_one_that_is_described(self):
        on_file = (REPOSITORY / "examples/questions/09-idle-behind-nat.pcap").read_bytes()
        self.assertEqual(captures.pcap(captures.idle_connection(351)), on_file)

    def test_a_nat_gateway_resets_who_comes_back_after_350_seconds_and_not_before(self):
        topology = "examples/questions/09-idle-behind-nat.yaml"
        late = self.verdicts(captures.idle_connection(351), topology)
        self.assertEqual(["forward", "forward", "forward", "answer"], [each["verdict"] for each in late])
        self.assertEqual("NAT_UNSOLICITED_INBOUND", late[-1]["drop"]["reason"])
        in_time = self.verdicts(captures.idle_connection(349), topology)
        self.assertEqual(["forward"] * 4, [each["verdict"] for each in in_time])

    def test_a_nat_gateway_has_55000_ports_towards_a_destination(self):
        packets = captures.one_syn_each(NAT_GATEWAY_PORTS + 1, "5.6.7.8")
        verdicts = self.verdicts(packets, "examples/questions/08-nat-ports.yaml")
        reasons = [each["drop"]["reason"] if each["verdict"] == "drop" else None for each in verdicts]
        self.assertEqual([None] * NAT_GATEWAY_PORTS + ["NAT_PORT_ALLOCATION"], reasons)

    def test_another_destination_has_ports_of_its_own(self):
        packets = captures.one_syn_each(NAT_GATEWAY_PORTS, "5.6.7.8") + captures.one_syn_each(1, "5.6.7.9")
        self.assertEqual("forward", self.verdicts(packets, "examples/questions/08-nat-ports.yaml")[-1]["verdict"])

    def test_the_fix_that_is_printed_lets_the_packet_pass(self):
        for _, command in questions():
            file, source, destination = asked(command)
            if (file.stem, destination) in NOT_FIXED_BY_A_RULE:
                continue
            with self.subTest(command):
                topology = yaml.safe_load(file.read_text())
                for _ in range(MOST_FIXES):
                    answer = explain(topology, source, destination)
                    if answer["passes"]:
                        break
                    fix = next(each["fix"] for each in answer["Explanations"] if each["is_failure"] and "fix" in each)
                    self.assertTrue(fix["aws"].startswith("aws ec2 "), fix)
                    self.assertTrue(fix["terraform"] and fix["summary"], fix)
                    merge(topology, yaml.safe_load(fix["topology"]))
                self.assertTrue(answer["passes"], answer["verdict"])

    def test_the_fix_for_path_mtu_discovery_silences_its_note(self):
        file, source, destination = asked(next(command for number, command in questions() if number == 10))
        topology = yaml.safe_load(file.read_text())
        note = explain(topology, source, destination)["Explanations"][0]
        self.assertEqual("PMTUD_BLACKHOLE", note["ExplanationCode"])
        merge(topology, yaml.safe_load(note["fix"]["topology"]))
        self.assertEqual([], explain(topology, source, destination)["Explanations"])

    def test_a_lost_group_reference_is_named(self):
        command = next(command for _, command in questions() if "203.0.113.20:5432" in command)
        codes = [each["ExplanationCode"] for each in json.loads(run(command + " -o json").stdout)["Explanations"]]
        self.assertIn("SG_REFERENCES_NOT_PRESERVED", codes)

    def test_components_have_the_shape_of_aws(self):
        command = next(command for number, command in questions() if number == 4)
        answer = json.loads(run(command + " -o json").stdout)
        forward, back = answer["ForwardPathComponents"], answer["ReturnPathComponents"]
        for path in (forward, back):
            self.assertEqual(list(range(1, len(path) + 1)), [each["SequenceNumber"] for each in path])
            for each in path:
                self.assertIn("Component", each)
                self.assertLessEqual({"DestinationAddresses", "Protocol", "SourceAddresses"}, each["InboundHeader"].keys())
        rule = next(each["AclRule"] for each in forward if each["Component"].get("Name") == "strict")
        self.assertEqual({"Cidr": "10.0.0.0/16", "Egress": False, "PortRange": {"From": 443, "To": 443},
                          "Protocol": "tcp", "RuleAction": "allow", "RuleNumber": 100}, rule)
        group = next(each["SecurityGroupRule"] for each in forward if each["Component"].get("Name") == "web")
        self.assertEqual(("10.0.0.0/16", "ingress"), (group["Cidr"], group["Direction"]))
        route = next(each["RouteTableRoute"] for each in forward if "RouteTableRoute" in each)
        self.assertEqual(("10.0.0.0/16", "local", "active"), (route["DestinationCidr"], route["GatewayId"], route["State"]))
        denied = answer["Explanations"][0]
        self.assertEqual("SUBNET_ACL_RESTRICTION", denied["ExplanationCode"])
        self.assertEqual(("deny", 32767, True), tuple(denied["AclRule"][key] for key in ("RuleAction", "RuleNumber", "Egress")))
        self.assertEqual(["port"], denied["near_miss"]["fails"])


def write():
    idle = REPOSITORY / "examples/questions/09-idle-behind-nat.pcap"
    idle.write_bytes(captures.pcap(captures.idle_connection(351)))
    PAGE.write_text(BLOCK.sub(lambda block: f"```console\n{rendered(block[1])}```", PAGE.read_text()))


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        unittest.main(verbosity=2)
