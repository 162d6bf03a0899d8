#!/usr/bin/python3
"""What `capture` records of the three-tier example gets, replayed, the verdicts that the living fabric gave."""

import collections
import pathlib
import tempfile

from recording import capture, replayed_verdicts
from taploom_fabric import EXAMPLES, FabricTest, main
from waiting import wait_for

HEALTHY_WITHIN_SECONDS = 60  # MariaDB makes its tables first, and a failed health check is repeated after 5 s
PORTS = {"client", "front/public-a", "web-1", "db-1", "api"}
DATABASE, WEB = "10.0.3.200", "10.0.2.50"


class ReplayDemo(FabricTest):
    label = "demo"
    topology = EXAMPLES / "three-tier" / "topology.yaml"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client, cls.balancer, cls.web, cls.database = map(
            cls.fabric.node, ("client", "front/public-a", "web-1", "db-1")
        )
        wait_for(lambda: [row["state"] for row in cls.fabric.get("targets")] == ["healthy"], "web-1 is healthy",
                 HEALTHY_WITHIN_SECONDS)  # fmt: skip

    def run_the_demo(self):
        """The story's requests, and those that must not pass."""
        for _ in range(3):
            self.client.run("curl", "--silent", "--fail", "--cacert", self.fabric.ca, "--output", "/dev/null",
                            "https://mydomain.com/")  # fmt: skip
        self.client.run("curl", "--silent", "--output", "/dev/null", "http://mydomain.com/")
        self.web.run("curl", "--silent", "--output", "/dev/null", "http://api.example.com/")
        self.web.ping("5.6.7.8")
        for node, address in ((self.client, WEB), (self.balancer, DATABASE), (self.database, WEB), (self.client, "203.0.113.10")):
            node.run("curl", "--silent", "--max-time", "1", f"http://{address}/", expect=None)

    def test_every_packet_gets_the_verdict_that_it_got(self):
        folder = tempfile.TemporaryDirectory(prefix="taploom-demo-")
        self.addCleanup(folder.cleanup)
        with capture(self.fabric, pathlib.Path(folder.name) / "demo.pcapng") as recording:
            self.run_the_demo()
        self.assertIn(" 0 lost", recording.said)
        lived = recording.verdicts(PORTS)
        replayed = replayed_verdicts(recording.path, self.fabric.file)
        self.assertEqual(len(lived), len(replayed))
        different = [(number, *pair) for number, pair in enumerate(zip(lived, replayed), 1) if pair[0] != pair[1]]
        self.assertEqual([], different[:8])
        reasons = collections.Counter(dropped for _, dropped, _ in lived)
        self.assertGreater(reasons[None], 150)
        self.assertLessEqual({"NO_INTERNET_DESTINATION", "SG_INGRESS_DENIED", "SG_EGRESS_DENIED", "NAT_UNSOLICITED_INBOUND"},
                             set(reasons))  # fmt: skip
        self.assertEqual([], recording.bad_frames())


if __name__ == "__main__":
    main()
