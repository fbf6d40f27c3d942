"""A control plane in which Crossplane's own engine reconciles: `crossplane composition render` with the objects around it."""

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .tools import PROJECT, Failure

GROUP = "modelplane.ai/"
PACKAGE = PROJECT / "package" / "configuration"
RESOURCE_NAME = "crossplane.io/composition-resource-name"
# A deployment is placed by what environments have in their status: those first.
ORDER = ["InferenceEnvironment", "ClusterModel", "Model", "ModelDeployment"]


def title(thing):
    """How an object is called in messages and golden files."""
    metadata = thing["metadata"]
    name = "/".join(filter(None, [metadata.get("namespace"), metadata.get("name")]))
    return f"{thing['kind']} {name}"


def resource_name(composed):
    """Under which key of the desired state a composed resource was."""
    return composed["metadata"]["annotations"][RESOURCE_NAME]


@dataclass
class Rendered:
    """What one reconcile came to: the text that was printed, and the same as objects."""

    text: str
    status: dict
    composed: list
    results: list


class Api:
    """Our own XRDs and Compositions, by kind."""

    def __init__(self, tools):
        self.definitions, self.compositions = {}, {}
        for path in sorted(PACKAGE.glob("*/*.yaml")):
            for document in tools.read_yaml(path):
                if document["kind"] == "CompositeResourceDefinition":
                    self.definitions[document["spec"]["names"]["kind"]] = path
                if document["kind"] == "Composition":
                    self.compositions[document["spec"]["compositeTypeRef"]["kind"]] = path


class ControlPlane:
    """Objects as they are stored, in the order in which they were applied. A reconcile changes the status of one of them, and adds what it composed."""

    def __init__(self, tools, api, functions, address, objects):
        self.tools, self.api, self.functions, self.address = tools, api, functions, address
        self.objects = list(objects)

    def composites(self):
        """The objects that the function is about, in the order of a control plane that settles."""
        found = [thing for thing in self.objects if thing["apiVersion"].startswith(GROUP)]
        unknown = [title(thing) for thing in found if thing["kind"] not in ORDER]
        if unknown:
            raise Failure(f"no such kind: {', '.join(unknown)}")
        return sorted(found, key=lambda thing: (ORDER.index(thing["kind"]), title(thing)))

    def render(self, composite, observed=(), backwards=False):
        """What a reconcile would do; `backwards` hands over the other objects in reversed order."""
        kind = composite["kind"]
        # Not the object itself, nor what is observed of it: as stored it would take the place of what is handed over.
        given = {title(composite), *map(title, observed)}
        others = [thing for thing in self.objects[:: -1 if backwards else 1] if title(thing) not in given]
        if kind not in self.api.definitions or kind not in self.api.compositions:
            raise Failure(f"{PACKAGE.relative_to(PROJECT)} has no XRD or no Composition for {kind}")
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            arguments = [
                _write(work / "xr.yaml", composite),
                self.api.compositions[kind],
                self.functions,
                f"--xrd={self.api.definitions[kind]}",
                f"--required-resources={_write_all(work / 'required', others)}",
                f"--crossplane-binary={self.tools.folder / 'bin' / 'crossplane-core'}",
                "--function-annotations=render.crossplane.io/runtime=Development",
                f"--function-annotations=render.crossplane.io/runtime-development-target={self.address}",
                "--include-function-results",
                "--timeout=60s",
            ]
            if observed:
                arguments.append(f"--observed-resources={_write_all(work / 'observed', observed)}")
            done = self.tools.run("crossplane", "composition", "render", *arguments)
        if done.returncode != 0:
            raise Failure(f"{title(composite)} does not render: {done.stderr.strip()}")
        printed, *others = self.tools.parse_yaml(done.stdout)
        results = [thing for thing in others if thing["apiVersion"].startswith("render.crossplane.io/")]
        composed = [thing for thing in others if thing not in results]
        return Rendered(_ordered(_named(done.stdout, composed)), printed.get("status", {}), composed, results)

    def reconcile(self, composite, observed=()):
        """Renders an object and stores its new status and what was composed for it."""
        rendered = self.render(composite, observed)
        composite["status"] = rendered.status
        self.objects += rendered.composed
        return rendered


def _named(text, composed):
    """Crossplane makes up the end of names that it gives: the resource's key stands there instead, and no list of them."""
    text = re.sub(r"  crossplane:\n    resourceRefs:\n(?:    [- ].*\n)+", "", text, count=1)
    for thing in composed:
        if "generateName" in (metadata := thing["metadata"]):
            text = text.replace(metadata["name"], metadata["generateName"] + resource_name(thing))
    return text


def _ordered(text):
    """The documents as they were printed, but results sorted: Crossplane's own come in any order."""
    documents = text.split("---\n")
    results = [document for document in documents if document.startswith("apiVersion: render.crossplane.io/")]
    others = [document for document in documents if document not in results]
    return "---\n".join([*others, *sorted(results)])


def _write(path, thing):
    path.write_text(json.dumps(thing), encoding="utf-8")
    return path


def _write_all(folder, things):
    folder.mkdir()
    for index, thing in enumerate(things):
        _write(folder / f"{index:03}.yaml", thing)
    return folder
