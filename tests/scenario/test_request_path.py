"""The guide's request: client -> IGW -> load balancer -> Nginx -> application -> database, with the addresses at every hop."""
import concurrent.futures
import re
import unittest

from taploom_fabric import RUN_DIR, THREE_TIER, Fabric, endpoints, host_of, pattern_digest, wait_for

CLIENT, ALB_PUBLIC, ALB_PRIVATE = "1.2.3.4", "203.0.113.20", "10.0.1.100"
WEB, DB = "10.0.2.50", "10.0.3.200"
GIGABYTE = 1 << 30


class RequestPath(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fabric = cls.enterClassContext(Fabric(THREE_TIER))
        cls.fabric.wait_until_healthy()
        cls.authority = str(RUN_DIR / cls.fabric.name / "ca.pem")

    def fetch(self, path, *options, timeout=30):
        return self.fabric.run("client", "curl", "-sS", "--cacert", self.authority, *options,
                               f"https://mydomain.com{path}", timeout=timeout)

    def test_every_hop_sees_the_addresses_that_aws_would_show(self):
        captures = {name: self.fabric.capture(name, "tcp") for name in ("client", "front/public-a", "web-1", "db-1")}
        loopback = self.fabric.capture("web-1", "tcp port 8080", device="lo")
        page = self.fetch("/")
        self.assertEqual(0, page.returncode, page.stderr)
        wait_for(lambda: loopback.packets(), "the application's hop on localhost")
        seen = {name: endpoints(capture.stop()) for name, capture in captures.items()}
        on_loopback = endpoints(loopback.stop())

        def pairs(name, port):
            return {(host_of(source), host_of(destination)) for source, destination in seen[name]
                    if source.endswith(f".{port}") or destination.endswith(f".{port}")}

        def both_ways(one, other):
            return {(one, other), (other, one)}

        def hosts(name):
            return {host_of(end) for pair in seen[name] for end in pair}

        # 1. The client knows nobody but the load balancer's public address.
        self.assertEqual(both_ways(CLIENT, ALB_PUBLIC), pairs("client", 443))
        self.assertEqual({CLIENT, ALB_PUBLIC}, hosts("client"))
        # 2. The load balancer's node sees the client, and its own private address.
        self.assertEqual(both_ways(CLIENT, ALB_PRIVATE), pairs("front/public-a", 443))
        # 3. Nginx sees the load balancer, and never the client.
        self.assertEqual(both_ways(ALB_PRIVATE, WEB), pairs("web-1", 80))
        self.assertNotIn(CLIENT, hosts("web-1"))
        # 4. The application's hop never leaves the instance.
        self.assertEqual({("127.0.0.1", "127.0.0.1")}, {(host_of(a), host_of(b)) for a, b in on_loopback})
        self.assertEqual(set(), pairs("web-1", 8080))
        # 5. The database sees the instance and nobody else.
        self.assertEqual(both_ways(WEB, DB), pairs("db-1", 3306))
        self.assertEqual({WEB, DB}, hosts("db-1"))

    def test_the_page_shows_the_row_just_written_and_the_clients_address(self):
        first = int(re.search(r"Row (\d+)", self.fetch("/").stdout).group(1))
        page = self.fetch("/").stdout
        self.assertEqual(first + 1, int(re.search(r"Row (\d+)", page).group(1)))
        self.assertIn(f"X-Forwarded-For: {CLIENT}", page)

    def test_http_is_redirected(self):
        result = self.fabric.run("client", "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}",
                                 "http://mydomain.com/where?to=go")
        self.assertEqual("301 https://mydomain.com:443/where?to=go".replace(":443", ""),
                         result.stdout.replace(":443", ""))

    def test_the_certificate_is_trusted_by_its_authority_only(self):
        result = self.fabric.run("client", "curl", "-sS", "https://mydomain.com/")
        self.assertEqual(60, result.returncode)  # curl's "peer certificate cannot be authenticated"

    def test_replies_pass_without_a_rule_and_the_other_direction_is_dropped(self):
        rules = [rule for rule in self.fabric.get("rules") if rule["name"] == "db"]
        self.assertEqual(["ingress"], [rule["direction"] for rule in rules])
        self.assertEqual(0, self.fetch("/").returncode)  # it answers all the same
        before = self.fabric.drops("db-1").get("SG_EGRESS_DENIED", 0)
        self.assertIsNone(self.fabric.ask("db-1", WEB, 80))
        self.assertGreater(self.fabric.drops("db-1")["SG_EGRESS_DENIED"], before)

    def test_the_load_balancer_cannot_reach_the_database(self):
        before = self.fabric.drops("front/public-a").get("SG_INGRESS_DENIED", 0)
        self.assertIsNone(self.fabric.ask("front/public-a", DB, 3306))
        self.assertGreater(self.fabric.drops("front/public-a")["SG_INGRESS_DENIED"], before)
        self.assertFalse(self.fabric.explain("front/public-a", "db-1:3306"))

    def test_closed_ports_of_the_load_balancer_are_silent(self):
        capture = self.fabric.capture("client", f"host {ALB_PUBLIC}")
        self.assertIsNone(self.fabric.ask("client", ALB_PUBLIC, 8080))
        self.assertEqual({CLIENT}, {host_of(source) for source, _ in endpoints(capture.stop())})

    def test_sixty_four_connections_at_once(self):
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            results = list(pool.map(lambda _: self.fetch("/"), range(64)))
        self.assertEqual([0] * 64, [result.returncode for result in results])
        rows = {re.search(r"Row (\d+)", result.stdout).group(1) for result in results}
        self.assertEqual(64, len(rows))

    def test_a_gigabyte_arrives_with_the_right_digest(self):
        result = self.fabric.run("client", "sh", "-c", f"curl -sS --cacert {self.authority} "
                                 f"https://mydomain.com/bytes/{GIGABYTE} | sha256sum", timeout=240)
        self.assertEqual(pattern_digest(GIGABYTE), result.stdout.split()[0])

    def test_an_unhealthy_target_is_shown_and_recovers(self):
        self.fabric.run("web-1", "sh", "-c", "kill -STOP $(cat \"$TAPLOOM_STATE_DIR\"/nginx.pid)", check=True)
        wait_for(lambda: self.fabric.get("targets")[0]["state"] == "unhealthy", "the target is unhealthy")
        self.fabric.run("web-1", "sh", "-c", "kill -CONT $(cat \"$TAPLOOM_STATE_DIR\"/nginx.pid)", check=True)
        self.fabric.wait_until_healthy()


if __name__ == "__main__":
    unittest.main()
