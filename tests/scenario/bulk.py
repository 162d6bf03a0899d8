"""A gibibyte that nobody could guess, and whether it arrived as it was sent."""

import concurrent.futures
import hashlib
import sys

from taploom_fabric import EXAMPLES

sys.path.insert(0, str(EXAMPLES / "three-tier"))
import pattern  # noqa: E402

GIB = 1 << 30


def _sent():
    digest = hashlib.sha256()
    for block in pattern.blocks(GIB):
        digest.update(block)
    return digest.hexdigest()


def digests(node, server, *curl_options):
    """SHA-256 of the gibibyte that `server` ("http://1.2.3.4") sends, and of what `node` receives."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        sent = pool.submit(_sent)
        options = " ".join(curl_options)
        received = node.run(
            "bash", "-o", "pipefail", "-c",
            f"curl --silent --show-error --fail {options} {server}/bytes/{GIB} | sha256sum",
            timeout=180,
        ).stdout  # fmt: skip
        return sent.result(), received.split()[0]
