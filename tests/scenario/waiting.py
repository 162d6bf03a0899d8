"""Waiting for a state of the world that nobody announces."""

import time

# How long something that works may take on a slow machine. Never waited for when it does work.
PATIENCE_SECONDS = 20


def wait_for(condition, what, seconds=PATIENCE_SECONDS):
    """Asks `condition` until its answer is true, and returns it. AssertionError naming `what` when it never is."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(pause)
        pause = min(2 * pause, 0.1)
    return answer
