"""The real engine and the real routing sidecar, as `build-engines` leaves them."""

import re
import subprocess
from pathlib import Path

from .tools import E2E, Failure

PINS = E2E / "engines"
NEWEST = "0.32.0"
SIDECAR = re.compile(r"github\.com/llm-d/llm-d-inference-scheduler (v\S+)")


def releases():
    """The releases of vLLM that there are pins for."""
    return sorted(path.stem for path in PINS.glob("*.txt"))


def order(version):
    """What sorts versions by age."""
    return [int(part) for part in version.split(".")]


class Engines:
    """Where vLLM and the sidecar are, and which they are."""

    def __init__(self, version, engine, sidecar):
        self.version, self.engine, self.sidecar = version, Path(engine), Path(sidecar) / "pd-sidecar"
        self.sidecar_version = SIDECAR.search((PINS / "sidecar" / "go.mod").read_text(encoding="utf-8"))[1]

    @classmethod
    def build(cls, version):
        """Installs what is missing."""
        done = subprocess.run([E2E / "build-engines", version], stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise Failure("cannot install the engines")
        return cls(version, *done.stdout.split())
