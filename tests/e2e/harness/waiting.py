"""Waiting for something to become true, and saying what there was instead when it does not."""

import time

from .tools import Failure

INTERVAL_SECONDS = 0.1


def wait_until(check, what, seconds=30, seen=lambda: ""):
    """Calls `check` until what it returns is true, and gives that back; a key that is not there yet is not there yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = check()
        except (KeyError, IndexError):
            found = None
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {seconds} s. {seen()}".strip())
        time.sleep(INTERVAL_SECONDS)
