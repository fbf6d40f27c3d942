"""A small client of the Kubernetes API. An object is named by itself: anything with apiVersion, kind and metadata will do."""

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request

from .control_plane import title
from .tools import Failure
from .waiting import wait_until

# Who we are to server-side apply.
FIELD_MANAGER = "modelplane-e2e"
APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"
REQUEST_SECONDS = 60


class ApiError(Failure):
    """The API server refused: `code`, `reason` and `message` as in its answer, `causes` as pairs of field and message."""

    def __init__(self, answer):
        self.code, self.reason, self.message = answer.get("code"), answer.get("reason", ""), answer.get("message", "")
        causes = (answer.get("details") or {}).get("causes") or []
        self.causes = [(cause.get("field", ""), cause.get("message", "")) for cause in causes]
        super().__init__(f"{self.code} {self.reason}: {self.message}")


def reference(api_version, kind, name, namespace=None):
    """The least that names an object."""
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def conditions(thing):
    """The conditions of an object, by type."""
    return {condition["type"]: condition for condition in thing.get("status", {}).get("conditions") or []}


class Client:
    """Requests with one identity to one API server."""

    def __init__(self, server, ca, token, headers=None):
        self.server, self.ca, self.token, self.headers = server, ca, token, headers or {}
        self.context = ssl.create_default_context(cafile=ca)
        self.kinds = {}

    def get(self, thing):
        """An object as it is stored."""
        return self.request("GET", self.path(thing))

    def find(self, thing):
        """An object as it is stored, or None."""
        try:
            return self.get(thing)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def list(self, api_version, kind, namespace=None):
        """All objects of a kind, in one namespace or everywhere."""
        found = self.request("GET", self.collection(api_version, kind, namespace))
        return [{"apiVersion": api_version, "kind": kind, **item} for item in found["items"]]

    def create(self, thing, dry_run=False):
        """Creates an object; a field that its schema does not have is an error."""
        query = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
        metadata = thing["metadata"]
        return self.request("POST", self.collection(thing["apiVersion"], thing["kind"], metadata.get("namespace")), thing, query=query)

    def replace(self, thing, dry_run=False):
        """Writes an object as a whole over what is stored."""
        return self.request("PUT", self.path(thing), thing, query={"dryRun": "All"} if dry_run else {})

    def apply(self, thing):
        """Server-side apply, taking over what others own."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true", "fieldValidation": "Strict"}
        return self.request("PATCH", self.path(thing), thing, APPLY, query)

    def apply_all(self, things):
        """Applies objects in their order; those that define kinds first, and until they do."""
        definitions = [thing for thing in things if thing["kind"] == "CustomResourceDefinition"]
        for definition in definitions:
            self.apply(definition)
        for definition in definitions:
            self.wait_for_conditions(definition, {"Established": "True"}, 60)
        return [self.apply(thing) for thing in things if thing not in definitions]

    def patch(self, thing, change):
        """Changes an object by a merge patch."""
        return self.request("PATCH", self.path(thing), change, MERGE)

    def patch_status(self, thing, status):
        """Writes into an object's status, as its controller would."""
        return self.request("PATCH", f"{self.path(thing)}/status", {"status": status}, MERGE)

    def delete(self, thing, propagation="Background"):
        """Deletes an object."""
        return self.request("DELETE", self.path(thing), {"propagationPolicy": propagation})

    def wait_for(self, thing, predicate, what, seconds=30):
        """Waits until an object is there and pleases, and gives it back."""
        last = None

        def look():
            nonlocal last
            last = self.find(thing)
            return last if last is not None and predicate(last) else None

        return wait_until(look, f"{title(thing)}: {what}", seconds, lambda: f"Last seen: {_digest(last)}")

    def wait_for_conditions(self, thing, wanted, seconds=30):
        """Waits until conditions have the status, or the pair of status and reason, that is wanted of each."""
        def pleases(found):
            have = conditions(found)
            return all(
                (have[kind]["status"], have[kind].get("reason")) == want if isinstance(want, tuple) else have[kind]["status"] == want
                for kind, want in wanted.items()
            )

        return self.wait_for(thing, pleases, f"has the conditions {wanted}", seconds)

    def wait_gone(self, thing, seconds=60):
        """Waits until an object is no more."""
        wait_until(lambda: self.find(thing) is None, f"{title(thing)} is gone", seconds, lambda: f"Last seen: {_digest(self.find(thing))}")

    def as_service_account(self, namespace, name):
        """The same API server for a ServiceAccount, which must exist."""
        path = self.path(reference("v1", "ServiceAccount", name, namespace))
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 24 * 3600}}
        return Client(self.server, self.ca, self.request("POST", f"{path}/token", asked)["status"]["token"])

    def as_user(self, name, group):
        """The same API server for somebody in a group, whom this identity impersonates."""
        return Client(self.server, self.ca, self.token, {"Impersonate-User": name, "Impersonate-Group": group})

    def kubeconfig(self, path):
        """Writes a kubeconfig with this identity, and gives its path."""
        cluster = {"server": self.server, "certificate-authority": str(self.ca)}
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "clusters": [{"name": "it", "cluster": cluster}],
            "users": [{"name": "it", "user": {"token": self.token}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        }
        path.write_text(json.dumps(config), encoding="utf-8")
        return path

    def path(self, thing):
        """Where an object is."""
        metadata = thing["metadata"]
        return f"{self.collection(thing['apiVersion'], thing['kind'], metadata.get('namespace'))}/{urllib.parse.quote(metadata['name'])}"

    def collection(self, api_version, kind, namespace=None):
        """Where all objects of a kind are."""
        root = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        plural = self._plural(root, api_version, kind)
        return f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"

    def _plural(self, root, api_version, kind):
        def discover():
            try:
                resources = self.request("GET", root)["resources"]
            except ApiError:
                return None
            self.kinds.update({(api_version, found["kind"]): found["name"] for found in resources if "/" not in found["name"]})
            return self.kinds.get((api_version, kind))

        # A kind is discovered a moment after its definition is established.
        return self.kinds.get((api_version, kind)) or wait_until(discover, f"the API server knows {api_version} {kind}", 10)

    def ready(self):
        """Whether the API server has started all that it consists of."""
        try:
            return self.request("GET", "/readyz") == "ok"
        except (ApiError, OSError):
            return False

    def request(self, method, path, body=None, content_type="application/json", query=None):
        """One request; the answer as an object (or a text, where it is one), a refusal as an ApiError."""
        url = self.server + path + (f"?{urllib.parse.urlencode(query)}" if query else "")
        request = urllib.request.Request(url, method=method, data=None if body is None else json.dumps(body).encode())
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Content-Type", content_type)
        for name, value in self.headers.items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_SECONDS, context=self.context) as answer:
                text = answer.read().decode()
                return json.loads(text) if answer.headers.get_content_type() == "application/json" else text
        except urllib.error.HTTPError as refused:
            raise ApiError(_status(refused)) from None


def _status(refused):
    """The Status that comes with a refusal; a proxy or a filter may send a plain text."""
    text = refused.read().decode(errors="replace")
    try:
        return json.loads(text)
    except ValueError:
        return {"code": refused.code, "message": text}


def _digest(thing):
    """What a person wants to see of an object that does not please."""
    if thing is None:
        return "not there"
    metadata = {key: value for key, value in thing["metadata"].items() if key in ("deletionTimestamp", "finalizers", "generation")}
    status = {key: value for key, value in (thing.get("status") or {}).items() if key != "conditions"}
    stated = {
        kind: ": ".join(filter(None, [f"{each['status']} {each.get('reason', '')}", each.get("message")])) for kind, each in conditions(thing).items()
    }
    return json.dumps({"metadata": metadata, "conditions": stated, "status": status}, ensure_ascii=False)
