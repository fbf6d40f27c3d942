"""A Kubernetes API server: etcd, kube-apiserver and the few controllers without which objects would not live as in a cluster."""

import contextlib
import secrets
from pathlib import Path

from .kubernetes_client import Client, reference
from .processes import free_ports, listens, running

# Nothing else is there, unless asked for: no Deployment does anything, no pod runs.
CONTROLLERS = [
    "clusterrole-aggregation-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "resourcequota-controller",
    "serviceaccount-controller",
    # Writes tokens into Secrets that ask for one.
    "serviceaccount-token-controller",
]


@contextlib.contextmanager
def started(programs, folder, address="127.0.0.1", controllers=()):
    """Runs an API server at an address, and more controllers than are always there, for as long as the block runs, and gives a client of an
    administrator. Files and logs are in `folder`."""
    programs, folder = Path(programs), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    etcd_port, peer_port, port = free_ports(3)
    token = secrets.token_urlsafe()
    tokens = folder / "tokens.csv"
    tokens.write_text(f"{token},admin,admin,system:masters\n", encoding="utf-8")
    with contextlib.ExitStack() as stack:
        def run(program, arguments, ready):
            stack.enter_context(running([programs / program, *arguments], folder / f"{program}.log", ready))

        run("etcd", _etcd(folder / "etcd", etcd_port, peer_port), lambda: listens(etcd_port))
        run("kube-apiserver", _api_server(folder / "certificates", tokens, etcd_port, address, port), lambda: listens(port, address))
        # The server has made its certificate by now.
        client = Client(f"https://{address}:{port}", folder / "certificates" / "apiserver.crt", token)
        kubeconfig, key = client.kubeconfig(folder / "admin.kubeconfig"), folder / "certificates" / "apiserver.key"
        arguments = _controllers(kubeconfig, key, [*CONTROLLERS, *controllers])
        run("kube-controller-manager", arguments, lambda: client.ready() and client.find(reference("v1", "ServiceAccount", "default", "default")))
        yield client


def _etcd(data, port, peer_port):
    url, peer_url = (f"http://127.0.0.1:{each}" for each in [port, peer_port])
    return [
        f"--data-dir={data}", f"--listen-client-urls={url}", f"--advertise-client-urls={url}", f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}", f"--initial-cluster=default={peer_url}", "--unsafe-no-fsync", "--log-level=warn",
    ]


def _api_server(certificates, tokens, etcd_port, address, port):
    # With the key of its own certificate it signs ServiceAccounts' tokens, too: one key less to make.
    key = certificates / "apiserver.key"
    return [
        f"--etcd-servers=http://127.0.0.1:{etcd_port}", f"--bind-address={address}", f"--advertise-address={address}",
        f"--secure-port={port}", f"--cert-dir={certificates}", "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.0.0.0/24", "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}",
        f"--token-auth-file={tokens}", "--authorization-mode=RBAC", "--allow-privileged=true",
    ]


def _controllers(kubeconfig, key, controllers):
    return [
        f"--kubeconfig={kubeconfig}", f"--controllers={','.join(controllers)}", f"--service-account-private-key-file={key}",
        # Of kinds that are new; by default it takes five minutes.
        "--resource-quota-sync-period=5s", "--secure-port=0", "--leader-elect=false",
    ]
