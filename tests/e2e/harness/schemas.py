"""Validation of objects against the schemas and CEL rules of everything that would receive them."""

import json
import os
import tempfile
from pathlib import Path

from .control_plane import PACKAGE
from .tools import Failure

KSERVE_CRDS = "MODELPLANE_E2E_CRDS"


class Schemas:
    """Our XRDs and input, Crossplane's, provider-kubernetes' and KEDA's CRDs, and KServe's in each version there is."""

    def __init__(self, tools):
        self.tools = tools
        self.kserve = {f"KServe {version}": folder / "crds" for version, folder in tools.kserve.items()}
        if folder := os.environ.get(KSERVE_CRDS):
            self.kserve[f"{KSERVE_CRDS}={folder}"] = Path(folder)

    def check(self, objects):
        """Fails on whatever an API server would refuse or drop, manifests inside Objects included."""
        objects = [*objects, *filter(None, map(manifest, objects))]
        problems = []
        for version, folder in self.kserve.items():
            crds = sorted(folder.glob("*llminferenceservices*.yaml"))
            if not crds:
                raise Failure(f"{folder} has no CRD of LLMInferenceService")
            problems += [f"{problem} (LLMInferenceService as in {version})" for problem in self._problems(crds, objects)]
        if problems:
            raise Failure("\n".join(problems))

    def _problems(self, crds, objects):
        with tempfile.TemporaryDirectory() as folder:
            resources = Path(folder) / "resources.yaml"
            resources.write_text("\n---\n".join(map(json.dumps, objects)), encoding="utf-8")
            # Not the whole package: with its crossplane.yaml the CLI would download what it depends on.
            definitions = [*sorted(PACKAGE.glob("*/definition.yaml")), PACKAGE.parent / "function" / "input"]
            extensions = ",".join(map(str, [*definitions, self.tools.crds, *crds]))
            done = self.tools.run(
                "crossplane", "resource", "validate", extensions, resources, "--crossplane-image=",
                f"--cache-dir={folder}/cache", "--output=json",
            )
        try:
            resources = json.loads(done.stdout)["resources"]
        except ValueError:
            raise Failure(f"cannot validate: {done.stderr.strip()}") from None
        for resource in resources:
            if resource["status"] != "valid":
                errors = [error["message"] for error in resource.get("errors", [])]
                name = "/".join(filter(None, [resource.get("namespace"), resource["name"]]))
                yield f"{resource['kind']} {name}: {'; '.join(errors) or resource['status']}"


def manifest(thing):
    """What an Object of provider-kubernetes holds: no schema of the control plane covers it."""
    if thing["kind"] == "Object" and thing["apiVersion"].startswith("kubernetes.m.crossplane.io/"):
        return thing["spec"]["forProvider"]["manifest"]
    return None


def serving_objects(objects):
    """The LLMInferenceServices among composed resources, wherever they run."""
    held = [manifest(thing) or thing for thing in objects]
    return [thing for thing in held if thing["kind"] == "LLMInferenceService"]
