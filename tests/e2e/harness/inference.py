"""Requests to engines as clients send them, and what engines count of them."""

import collections
import http.client
import json
import re
import urllib.error
import urllib.request

from . import prometheus

# Nothing in the environment says where to find what a test started itself.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SOURCE = re.compile(r'source="(\w+)"')

Answer = collections.namedtuple("Answer", "status body")


def post(url, body, headers=None, seconds=60):
    """Sends JSON, and gives back the status with what was answered; no answer at all is status 0 with the reason."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})
    try:
        with OPENER.open(request, timeout=seconds) as response:
            return Answer(response.status, json.loads(response.read()))
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read().decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, str(getattr(error, "reason", error)))


class Stream:
    """An answer that is read while it is made."""

    def __init__(self, url, body, headers=None, seconds=60):
        request = urllib.request.Request(url, json.dumps({**body, "stream": True}).encode(), {"Content-Type": "application/json", **(headers or {})})
        self.response = OPENER.open(request, timeout=seconds)
        self.first = self.response.readline()

    def rest(self):
        """Reads to the end: what a client is left with."""
        try:
            lines = self.response.read().decode(errors="replace").splitlines()
        except (OSError, http.client.HTTPException) as error:
            return f"broken off: {type(error).__name__}"
        return "complete" if "data: [DONE]" in lines else f"ended without [DONE]: {' '.join(lines)[-200:]}"


def healthy(url):
    """Whether something says that it is ready to serve."""
    try:
        with OPENER.open(f"{url}/health", timeout=5) as response:
            return response.status == 200
    except (OSError, http.client.HTTPException):
        return False


def metrics(url):
    """What an engine counted: by the metric's name, or by name and source where it has one; nothing of an engine that is gone."""
    try:
        with OPENER.open(f"{url}/metrics", timeout=5) as response:
            text = response.read().decode()
    except (OSError, http.client.HTTPException):
        return collections.Counter()
    found = collections.Counter()
    for name, value in prometheus.series(text):
        metric, _, labels = name.removeprefix("vllm:").partition("{")
        source = SOURCE.search(labels)
        found[(metric, source[1]) if source else metric] += value
    return found


def text(answer):
    """What the model said."""
    choice = answer.body["choices"][0]
    return choice["message"]["content"] if "message" in choice else choice["text"]
