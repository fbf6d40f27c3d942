"""The real programs, as `build-tools` leaves them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

E2E = Path(__file__).resolve().parent.parent
PROJECT = E2E.parent.parent


class Failure(Exception):
    """A test failed; the message is for a person."""


def section(title):
    """Prints a heading."""
    print(f"\n== {title}", flush=True)


def passed(title, check):
    """Runs one check under a heading and says whether it passed."""
    section(title)
    try:
        check()
    except Failure as failure:
        print(f"FAILED: {failure}", flush=True)
        return False
    print("ok", flush=True)
    return True


class Tools:
    """Paths of programs and CRDs, of Crossplane's and KServe's files by version, and how to call the programs."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.crds = self.folder / "crds"
        self.cores = {path.name: path for path in sorted((self.folder / "core").iterdir())}
        self.kserve = {path.name: path for path in sorted((self.folder / "kserve").iterdir())}
        self.kserve_needs = self.folder / "kserve-needs"

    @classmethod
    def build(cls):
        """Builds what is missing. Without Go there is nothing to test with: that is fine on a laptop, never in CI."""
        if shutil.which("go") is None:
            print("skipped: these tests build Crossplane and KServe with Go, and there is no `go` on the PATH")
            sys.exit(1 if os.environ.get("CI") == "true" else 0)
        done = subprocess.run([E2E / "build-tools"], stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise Failure("cannot build the tools")
        return cls(done.stdout.strip())

    def run(self, program, *arguments, stdin=None):
        """Runs one of the programs to its end; what it prints is captured."""
        command = [self.folder / "bin" / program, *map(str, arguments)]
        return subprocess.run(command, input=stdin, capture_output=True, text=True)

    def read_yaml(self, *paths):
        """Every document of some YAML files."""
        return self._documents("yaml2json", *paths)

    def read_example(self, folder):
        """Every manifest that people apply of an example."""
        return self.read_yaml(*sorted(path for path in folder.glob("*.yaml") if path.name != "functions.yaml"))

    def parse_yaml(self, text):
        """Every document of a YAML text."""
        return self._documents("yaml2json", "-", stdin=text)

    def engines(self, services, version=None, presets=None):
        """What KServe (the oldest there is, unless told) makes of LLMInferenceServices: for each the engine of every phase, or an error."""
        version = version or next(iter(self.kserve))
        return self._documents(f"kserve-engines-{version}", presets or self.kserve[version] / "presets", stdin=json.dumps(services))

    def _documents(self, program, *arguments, stdin=None):
        done = self.run(program, *arguments, stdin=stdin)
        if done.returncode != 0:
            raise Failure(f"{program}: {done.stderr.strip()}")
        return json.loads(done.stdout)
