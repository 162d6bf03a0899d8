#!/usr/bin/env python3
"""docs/questions.md says what the program says, and the fixes it prints are fixes.

`test_questions.py --write` puts the program's present answers into the page; look at the difference before you commit it.
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
    11: ["NO_ROUTE_TO_DESTINATION"],
    12: ["ENI_SOURCE_DEST_CHECK_RESTRICTION"],
    13: ["DNS_NAME_NOT_FOUND", None],
    15: ["NO_ROUTE_TO_DESTINATION"],
}
NOT_FIXED_BY_A_RULE = {("05-security-group-reference", "203.0.113.20:5432"), ("13-names", "api.example.org:443")}


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
            into[key] = [each for each in there if each.get("to") not in added and each not in value] + value
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
    PAGE.write_text(BLOCK.sub(lambda block: f"```console\n{rendered(block[1])}```", PAGE.read_text()))


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        unittest.main(verbosity=2)
