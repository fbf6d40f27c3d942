"""Container images: as `crossplane xpkg build` saves one, and as a registry serves it. Every digest on the way is checked."""

import gzip
import hashlib
import io
import json
import tarfile
import urllib.error
import urllib.request
from dataclasses import dataclass, field

from .tools import Failure

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFESTS = [
    INDEX, "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
]


@dataclass
class Image:
    """An image's config, its layers as uncompressed tars, and for each layer what its manifest says of it."""

    config: dict
    layers: list
    annotations: list = field(default_factory=list)


def saved(path):
    """The image in a file as `docker save` writes it."""
    with tarfile.open(path) as tar:
        read = {member.name: tar.extractfile(member).read() for member in tar.getmembers()}
    (manifest,) = json.loads(read["manifest.json"])
    return _checked(Image(json.loads(read[manifest["Config"]]), [gunzipped(read[layer]) for layer in manifest["Layers"]]))


def pulled(address, repository, reference, architecture):
    """The image that a registry serves for an architecture, and the architectures that there are."""
    manifest = json.loads(_manifest(address, repository, reference))
    architectures = {}
    if manifest.get("mediaType") in MANIFESTS[:2]:
        architectures = {entry["platform"]["architecture"]: entry["digest"] for entry in manifest["manifests"]}
        if architecture not in architectures:
            raise Failure(f"{repository}:{reference} is for {sorted(architectures)}, not for {architecture}")
        manifest = json.loads(_manifest(address, repository, architectures[architecture]))
    config = json.loads(_blob(address, repository, manifest["config"]))
    layers = [gunzipped(_blob(address, repository, layer)) for layer in manifest["layers"]]
    annotations = [layer.get("annotations", {}) for layer in manifest["layers"]]
    return _checked(Image(config, layers, annotations)), sorted(architectures)


def files(image):
    """What the image's file system holds: for each path its tar entry and content, as the last layer leaves it."""
    found = {}
    for layer in image.layers:
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            for member in tar.getmembers():
                name = member.name.lstrip("./")
                if not member.isfile() or name.rpartition("/")[2].startswith(".wh."):
                    raise Failure(f"an image of plain files holds {member.name}")
                found[name] = (member, tar.extractfile(member).read())
    return found


def unpack(image, folder):
    """Lays an image's files out in a folder, as a container would have them."""
    for name, (member, content) in files(image).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(member.mode)


def gunzipped(content):
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def _checked(image):
    digests = [_digest(layer) for layer in image.layers]
    if digests != image.config["rootfs"]["diff_ids"]:
        raise Failure(f"the layers are {digests}, the config says {image.config['rootfs']['diff_ids']}")
    return image


def _manifest(address, repository, reference):
    content, digest = _get(address, f"{repository}/manifests/{reference}", {"Accept": ", ".join(MANIFESTS)})
    expected = reference if reference.startswith("sha256:") else digest
    if _digest(content) != expected:
        raise Failure(f"{repository}@{expected} has the digest {_digest(content)}")
    return content


def _blob(address, repository, described):
    content, _ = _get(address, f"{repository}/blobs/{described['digest']}", {})
    if (_digest(content), len(content)) != (described["digest"], described["size"]):
        raise Failure(f"{repository}@{described['digest']}, {described['size']} bytes, has {len(content)} with the digest {_digest(content)}")
    return content


def _get(address, path, headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://{address}/v2/{path}", headers=headers), timeout=60) as response:
            return response.read(), response.headers["Docker-Content-Digest"]
    except urllib.error.HTTPError as error:
        raise Failure(f"the registry answers {error.code} for {path}: {error.read().decode(errors='replace')}") from None


def _digest(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
