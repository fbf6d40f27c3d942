"""What a kubelet does to a container before it starts, and an engine that tells what it was started with."""

import os
import subprocess
from pathlib import Path

from .tools import Failure

# What a kubelet finds under a fieldRef.
FIELDS = {"status.podIP": "10.0.0.7"}

FAKE_ENGINE = """#!/bin/bash
if [ "$1" = --version ]; then echo 0.19.0; exit; fi
printf '%s\\0' "$@" > "${0%/*}/argv"
"""


def expand(text, env):
    """`$(VAR)` becomes the variable's value where there is one, `$$` a `$`; bytes to bytes, as in Kubernetes' expansion package."""
    out, at = bytearray(), 0
    while at < len(text):
        following = text[at + 1 : at + 2]
        if text[at : at + 1] != b"$" or not following:
            out += text[at : at + 1]
            at += 1
        elif following == b"$":
            out += b"$"
            at += 2
        elif following == b"(" and (close := text.find(b")", at)) >= 0:
            out += env.get(text[at + 2 : close], text[at : close + 1])
            at = close + 1
        else:
            # Of anything else Go makes a rune of one byte, and writes that in UTF-8.
            out += b"$" + following.decode("latin-1").encode()
            at += 2
    return bytes(out)


def environment(variables, fields=None):
    """The variables of a container, each value expanded with those before it; `fields` is what is found under a fieldRef."""
    fields = fields or FIELDS
    env = {}
    for variable in variables or []:
        value = variable.get("value", "")
        if source := variable.get("valueFrom"):
            value = fields[source["fieldRef"]["fieldPath"]]
        env[variable["name"].encode()] = expand(value.encode(), env)
    return env


def engine_argv(engine, folder):
    """Starts a container's command with a `vllm` on its PATH that does nothing but note its arguments, and returns them."""
    folder = Path(folder)
    program, noted = folder / "vllm", folder / "argv"
    program.write_text(FAKE_ENGINE, encoding="utf-8")
    program.chmod(0o755)
    noted.unlink(missing_ok=True)
    env = environment(engine["env"])
    words = [*(engine["command"] or []), *(engine["args"] or [])]
    path = f"{folder}:/usr/bin:/bin".encode()
    done = subprocess.run(
        [expand(word.encode(), env) for word in words],
        env={**env, b"PATH": path, b"HOME": b"/home/engine"}, cwd=folder, capture_output=True,
    )
    if not noted.exists():
        raise Failure(f"the engine was not started: {os.fsdecode(done.stdout + done.stderr)[-2000:]}")
    return noted.read_bytes().split(b"\0")[:-1]
