#!/usr/bin/python3
"""A long, reproducible stream of bytes, to check that what arrives is what was sent.

Every megabyte starts with its own number, so that a block lost, doubled or out of order changes the digest.

    pattern.py 1073741824 | sha256sum
"""

import random
import sys

BLOCK_SIZE = 1 << 20
_NOISE = random.Random("taploom").randbytes(BLOCK_SIZE - 8)


def blocks(size):
    """Yields pieces that together are the first `size` bytes of the stream."""
    for number in range((size + BLOCK_SIZE - 1) // BLOCK_SIZE):
        block = number.to_bytes(8, "big") + _NOISE
        yield block[: size - number * BLOCK_SIZE]


if __name__ == "__main__":
    for piece in blocks(int(sys.argv[1])):
        sys.stdout.buffer.write(piece)
