"""A real Prometheus: what it is asked, and the alerts in package/monitoring that it loads."""

import contextlib
import json
import re
import subprocess
import urllib.parse

from .inference import OPENER
from .processes import running
from .tools import E2E, PROJECT, Failure

RULES = PROJECT / "package" / "monitoring" / "disaggregation.yaml"
PORT = 9090


def rules(tools):
    """What the shipped PrometheusRule says, as Prometheus reads it from a file."""
    (found,) = tools.read_yaml(RULES)
    return found["spec"]


def programs():
    """Where Prometheus and promtool are; built if they are not."""
    done = subprocess.run([E2E / "build-engines", "prometheus"], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failure("cannot build Prometheus")
    return done.stdout.strip()


def explained(program, *paths):
    """The queries that `explain` prints for people to paste: each stands under a comment of its own."""
    done = subprocess.run([program, "explain", *paths], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"explain: {done.stderr.strip()}")
    lines = [line.strip() for line in done.stdout.splitlines()]
    return [query for comment, query in zip(lines, lines[1:]) if comment.startswith("# ")]


def targets(pods):
    """A service's engines, with the labels that a pod has where pods are discovered."""
    objects = {"decode": pods.decode["metadata"], "prefill": pods.prefill["metadata"]}
    return [(url.removeprefix("http://"), {"namespace": objects[phase]["namespace"], "pod": objects[phase]["name"]})
            for phase, url in pods.urls.items()]


class Prometheus:
    """One that runs, and what it answers."""

    def query(self, expression):
        """The series that it finds now, each as its labels and its value."""
        result = self._get("query", query=expression)["result"]
        return [(each["metric"], float(each["value"][1])) for each in result]

    def value(self, expression):
        """The one value that it finds now; None if there is none."""
        found = self.query(expression)
        if len(found) > 1:
            raise Failure(f"{expression} finds {found}, not one value")
        return found[0][1] if found else None

    def firing(self):
        """The names of the alerts that fire, each with what it is about."""
        alerts = self._get("alerts")["alerts"]
        return sorted((each["labels"]["alertname"], each["labels"]["namespace"], each["labels"]["service"])
                      for each in alerts if each["state"] == "firing")

    def _get(self, what, **parameters):
        url = f"http://127.0.0.1:{PORT}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        with OPENER.open(url, timeout=5) as answer:
            return json.loads(answer.read())["data"]


@contextlib.contextmanager
def prometheus(folder, scraped, loaded):
    """Runs Prometheus for as long as the block runs: it looks at `scraped`, addresses with their labels, every second, and goes by rules, whose
    alerts it does not wait minutes for."""
    folder.mkdir(parents=True, exist_ok=True)
    groups = json.dumps(loaded, indent=1)
    (folder / "rules.yaml").write_text(re.sub(r'"for": "\d+m"', '"for": "2s"', groups), encoding="utf-8")
    jobs = [{"targets": [address], "labels": labels} for address, labels in scraped]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [{"job_name": "engines", "static_configs": jobs}],
    }
    (folder / "prometheus.yaml").write_text(json.dumps(config, indent=1), encoding="utf-8")
    command = [
        f"{programs()}/prometheus", f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{PORT}",
    ]
    with running(command, folder / "prometheus.log", _ready):
        yield Prometheus()


def _ready():
    with contextlib.suppress(OSError), OPENER.open(f"http://127.0.0.1:{PORT}/-/ready", timeout=5) as answer:
        return answer.status == 200
    return False
