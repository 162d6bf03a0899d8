"""Entering a network namespace by its path."""

import contextlib
import ctypes
import os

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _enter(descriptor):
    # os.setns() is Python 3.12's; Debian 12 has 3.11.
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"setns: {os.strerror(ctypes.get_errno())}")


@contextlib.contextmanager
def inside(netns):
    """This thread is in the namespace at the path `netns`; sockets and processes made meanwhile stay there."""
    with open("/proc/thread-self/ns/net", "rb") as home, open(netns, "rb") as there:
        _enter(there.fileno())
        try:
            yield
        finally:
            _enter(home.fileno())
