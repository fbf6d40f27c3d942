"""Who the control plane is on the cluster of an environment: the account, role and policy of package/install/remote-cluster."""

import base64

from .kubernetes_client import APPLY, ApiError, Client, reference
from .tools import PROJECT
from .waiting import wait_until

FOLDER = PROJECT / "package" / "install" / "remote-cluster"
# Who it is to the API server, and the policy that holds it to what is composed.
USER, POLICY = "system:serviceaccount:modelplane-system:control-plane", "control-plane.modelplane.ai"
# As provider-kubernetes calls itself to server-side apply.
FIELD_MANAGER = "provider-kubernetes/it"


def installed(tools, client):
    """Makes the account, and gives a client of it: by the token that Kubernetes has written for it. Its policy is in force by then."""
    client.apply_all(tools.read_yaml(FOLDER / "modelplane.yaml"))
    secret = reference("v1", "Secret", "control-plane", "modelplane-system")
    written = client.wait_for(secret, lambda found: "token" in found.get("data", {}), "has a token")
    account = Client(client.server, client.ca, base64.b64decode(written["data"]["token"]).decode())
    # Bound here for a moment, or the role would refuse it before the policy does.
    serves(tools, client, "in-force")
    secret = reference("v1", "Secret", "not-a-token", "in-force")

    def in_force():
        try:
            account.create(secret, dry_run=True)
        except ApiError as refused:
            return POLICY in refused.message
        return False

    wait_until(in_force, f"{POLICY} is in force", 30)
    client.delete(reference("v1", "Namespace", "in-force"))
    return account


def serves(tools, client, namespace):
    """Makes a namespace one that the account serves, as ml-team-a.yaml does for a team's."""
    text = (FOLDER / "ml-team-a.yaml").read_text(encoding="utf-8")
    client.apply_all(tools.parse_yaml(text.replace("ml-team-a", namespace)))
    return namespace


def synced(account, thing):
    """What provider-kubernetes (1.2.1, internal/controller/namespaced/object/syncer.go) asks for to have an object as it should be: it reads
    it and, where it is there, has a server-side apply tried, and does that where the object is to be made or changed."""
    found = account.find(thing)
    if found is not None and _same(found, _apply(account, thing, dry_run=True)):
        return found
    return _apply(account, thing)


def _apply(account, thing, dry_run=False):
    query = {"fieldManager": FIELD_MANAGER, "force": "true", **({"dryRun": "All"} if dry_run else {})}
    return account.request("PATCH", account.path(thing), thing, APPLY, query)


def _same(found, tried):
    """But for who says so."""
    said = [{**thing, "metadata": {key: value for key, value in thing["metadata"].items() if key != "managedFields"}} for thing in [found, tried]]
    return said[0] == said[1]
