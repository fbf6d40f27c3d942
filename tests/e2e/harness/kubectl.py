#!/usr/bin/env python3
"""A `kubectl` that can do what the README asks of it: apply manifests, create a namespace or a Secret."""

import argparse
import json
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness.kubernetes_client import Client, reference
from harness.tools import Failure, Tools


def main():
    parser = argparse.ArgumentParser(prog="kubectl")
    parser.add_argument("--context", help="which cluster; all are the same one here")
    commands = parser.add_subparsers(dest="command", required=True)
    apply = commands.add_parser("apply")
    apply.add_argument("-f", required=True, help="a file, or - for standard input")
    create = commands.add_parser("create")
    create.add_argument("what", nargs="+")
    create.add_argument("--namespace")
    create.add_argument("--from-literal", action="append", default=[])
    options = parser.parse_args()
    {"apply": apply_manifests, "create": create_object}[options.command](connect(), options)


def connect():
    """The API server of the kubeconfig that the environment names."""
    config = json.loads(Path(os.environ["KUBECONFIG"]).read_text(encoding="utf-8"))
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    return Client(cluster["server"], cluster["certificate-authority"], user["token"])


def apply_manifests(client, options):
    """Server-side apply; a kind that is only being installed is waited for."""
    tools = Tools(os.environ["MODELPLANE_E2E_TOOLS"])
    for thing in tools.parse_yaml(sys.stdin.read()) if options.f == "-" else tools.read_yaml(options.f):
        client.apply(thing)
        print(f"{thing['kind']} {thing['metadata']['name']} applied")


def create_object(client, options):
    """A namespace, or a Secret of literals."""
    literals = dict(literal.split("=", 1) for literal in options.from_literal)
    match options.what:
        case ["namespace", name]:
            client.create(reference("v1", "Namespace", name))
        case ["secret", "generic", name]:
            client.create({**reference("v1", "Secret", name, options.namespace), "stringData": literals})
        case what:
            raise Failure(f"cannot create {' '.join(what)}")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"kubectl: {failure}")
