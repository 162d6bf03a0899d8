#!/usr/bin/python3
"""A fabric whose dataplane forwards with two workers: real programs do not notice, and whoever looks sees one fabric."""

import concurrent.futures
import json
import pathlib
import tempfile

import recording as recordings
from taploom_fabric import FabricTest, main, taploom
from waiting import wait_for

ELASTIC, OUTSIDE, INSIDE = "203.0.113.10", "5.6.7.8", "10.0.2.50"
INSIDE_V6, OUTSIDE_V6 = "2001:db8:1:2::50", "2001:db8:ffff::8"
STREAMS = 8

SERVES = 'run: ["exec iperf3 --server --port 5201", "exec iperf3 --server --port 5202", "exec python3 -m http.server 80"]'
TOPOLOGY = f"""
name: workers
vpcs:
  main:
    cidr: 10.0.0.0/16
    ipv6_cidr: 2001:db8:1::/56
    internet_gateway: igw
    egress_only_internet_gateway: eigw
    subnets:
      public: {{cidr: 10.0.1.0/24, route_table: public}}
      private: {{cidr: 10.0.2.0/24, ipv6_cidr: "2001:db8:1:2::/64", route_table: private}}
    nat_gateways:
      nat: {{subnet: public, elastic_ip: {ELASTIC}}}
    route_tables:
      public: {{routes: [{{to: 0.0.0.0/0, via: igw}}]}}
      private: {{routes: [{{to: 0.0.0.0/0, via: nat}}, {{to: "::/0", via: eigw}}]}}
    security_groups:
      quiet: {{egress: [{{protocol: all, to: [0.0.0.0/0, "::/0"]}}]}}
      served:
        ingress: [{{protocol: all, from: 10.0.0.0/16}}]
instances:
  inside: {{subnet: private, private_ip: {INSIDE}, ipv6: "{INSIDE_V6}", security_groups: [quiet]}}
  second: {{subnet: private, private_ip: 10.0.2.51, security_groups: [quiet]}}
  server: {{subnet: private, private_ip: 10.0.2.60, security_groups: [served], {SERVES}}}
internet:
  hosts:
    outside: {{address: [{OUTSIDE}, "{OUTSIDE_V6}"], {SERVES}}}
    other: {{address: 5.6.7.9, {SERVES}}}
    north: {{address: 5.6.8.8}}
    south: {{address: 5.6.8.9}}
"""


class Workers(FabricTest):
    label = "workers"
    topology = TOPOLOGY
    workers = 2

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.inside, cls.second, cls.server, cls.outside, cls.other = map(
            cls.fabric.node, ("inside", "second", "server", "outside", "other")
        )
        for node in (cls.server, cls.outside, cls.other):
            wait_for(lambda node=node: node.run("curl", "--silent", "http://127.0.0.1/", expect=None).returncode == 0,
                     f"{node.name} serves")  # fmt: skip
        folder = tempfile.TemporaryDirectory(prefix="taploom-workers-")
        cls.addClassCleanup(folder.cleanup)
        cls.files = pathlib.Path(folder.name)

    def iperf(self, node, address, *options, port=5201):
        """What iperf3's end says of its streams: bytes sent and received."""
        result = node.run("iperf3", "--client", address, "--port", str(port), "--time", "2", "--parallel", str(STREAMS),
                          "--json", *options, timeout=60)  # fmt: skip
        end = json.loads(result.stdout)["end"]
        return end["sum_sent"]["bytes"], end["sum_received"]["bytes"]

    def test_the_fabric_says_how_many_workers_it_has(self):
        self.assertEqual(2, self.fabric.summary()["workers"])

    def test_a_number_of_workers_that_makes_no_sense_is_refused(self):
        for count in ("0", "17", "two"):
            refused = taploom("up", self.fabric.file, "--workers", count, expect=2)
            self.assertEqual(f'taploom: --workers is "{count}", expected 1-16\n', refused.stderr)

    def test_parallel_streams_through_the_nat_gateway(self):
        sent, received = self.iperf(self.inside, OUTSIDE)
        self.assertGreater(received, 1 << 20)
        self.assertGreaterEqual(sent, received)

    def test_parallel_streams_the_other_way(self):
        self.assertGreater(self.iperf(self.inside, OUTSIDE, "--reverse")[1], 1 << 20)

    def test_parallel_streams_of_ipv6(self):
        self.assertGreater(self.iperf(self.inside, OUTSIDE_V6)[1], 1 << 20)

    def test_parallel_streams_within_the_vpc(self):
        self.assertGreater(self.iperf(self.second, "10.0.2.60")[1], 1 << 20)

    def test_several_pairs_at_once(self):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            runs = [pool.submit(self.iperf, self.inside, OUTSIDE),
                    pool.submit(self.iperf, self.second, "5.6.7.9"),
                    pool.submit(self.iperf, self.inside, "10.0.2.60", port=5202)]  # fmt: skip
            for run in runs:
                self.assertGreater(run.result()[1], 1 << 20)
        per_worker = [row["connections"] for row in self.fabric.get("workers")]
        self.assertEqual(2, len(per_worker))
        self.assertTrue(all(per_worker), f"each worker has connections: {per_worker}")

    def test_the_taps_learn_where_connections_belong(self):
        def counted():
            return sum(row["handed_over_packets"] for row in self.fabric.get("workers"))

        def received():
            return sum(row["received_packets"] for row in self.fabric.get("ports"))

        detours, packets = counted(), received()
        self.iperf(self.inside, OUTSIDE)
        detours, packets = counted() - detours, received() - packets
        self.assertGreater(packets, 500)
        self.assertLess(detours, packets / 10, f"{detours} of {packets} packets took the detour")

    def test_many_short_connections_each_are_answered(self):
        fetch = ("curl", "--silent", "--show-error", "--fail", "--max-time", "20", "--output", "/dev/null")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            results = [pool.submit(node.run, *fetch, f"http://{address}/") for _ in range(20)
                       for node in (self.inside, self.second) for address in (OUTSIDE, "5.6.7.9", "10.0.2.60")]  # fmt: skip
            for result in results:
                self.assertEqual(0, result.result().returncode)

    def test_flows_of_all_workers_are_listed_and_killed(self):
        def flows():
            rows = self.fabric.flows("--from", "inside")
            return {row["destination"] for row in rows if row["destination"].endswith(":7000")}

        with self.outside.tcp_server(7000), self.other.tcp_server(7000):
            with self.inside.connect(OUTSIDE, 7000) as first, self.inside.connect("5.6.7.9", 7000) as second:
                for connection in (first, second):
                    self.assertTrue(connection.recv(100))
                self.assertEqual({f"{OUTSIDE}:7000", "5.6.7.9:7000"}, flows())
                taploom("flows", "--kill", "--from", "inside", "--name", self.fabric.name)
                self.assertEqual(set(), flows())

    def test_a_capture_shows_one_fabric_in_the_order_of_time(self):
        fields = ("frame.packet_id", "frame.time_epoch", "frame.interface_name", "ip.dst")
        with recordings.capture(self.fabric, self.files / "all.pcapng") as recording:
            for address in (OUTSIDE, "5.6.7.9"):
                self.inside.run("curl", "--silent", "--output", "/dev/null", f"http://{address}/")
        frames = recording.frames(*fields, show="tcp")
        times = [frame[1] for frame in frames]
        self.assertEqual(sorted(times), times)
        syn = recording.frames(*fields, show="tcp.flags.syn == 1 && tcp.flags.ack == 0")
        by_id = {}
        for number, _, interface, address in syn:
            by_id.setdefault(number, []).append((interface, address))
        self.assertEqual(2, len(by_id), "each packet has one id, wherever it was seen")
        for hops in by_id.values():
            self.assertEqual(["inside", "nat", "nat", "igw", "igw"], [hop[0] for hop in hops[:5]])
        self.assertEqual([], recording.bad_frames())

    def test_a_drop_is_explained_whoever_dropped_it(self):
        for name, address in (("north", "5.6.8.8"), ("south", "5.6.8.9")):
            source = self.fabric.node(name)
            with self.subTest(address), self.fabric.dropping(source, "NAT_UNSOLICITED_INBOUND"):
                source.run("ping", "-c", "1", "-W", "1", ELASTIC, expect=None)
            drop = self.fabric.last_drops(source.name)[0]
            self.assertEqual(("NAT_UNSOLICITED_INBOUND", address), (drop["reason"], drop["packet"].split()[0]))

    def test_a_change_of_the_configuration_breaks_no_stream(self):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            stream = pool.submit(self.iperf, self.inside, OUTSIDE)
            for cidr in ("10.9.0.0/16", "10.8.0.0/16"):
                self.fabric.apply(self.fabric.write(TOPOLOGY.replace("from: 10.0.0.0/16", f"from: [10.0.0.0/16, {cidr}]")))
            self.assertGreater(stream.result()[1], 1 << 20)
        self.fabric.apply(self.fabric.write(TOPOLOGY))


if __name__ == "__main__":
    main()
