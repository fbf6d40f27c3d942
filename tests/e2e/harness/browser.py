"""A headless Chromium, driven through chromedriver with plain HTTP and JSON. Debian: apt-get install chromium chromium-driver."""

import contextlib
import json
import os
import shutil
import sys
import urllib.error
import urllib.request

from . import processes
from .tools import Failure

START_SECONDS = 60
# A page with everything open is looked at by axe in one call.
CALL_SECONDS = 180
# Chromium starts neither as root nor in a container with its sandbox, and calls home unless told not to.
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
]
TAB = "\ue004"


def programs():
    """The paths of a browser and its driver. Without them there is nothing to test with: that is fine on a laptop, never in CI."""
    found = [next(filter(None, map(shutil.which, names)), None) for names in [["chromium", "chromium-browser", "google-chrome"], ["chromedriver"]]]
    if None in found:
        print("skipped: these tests open pages in Chromium, and `chromium` and `chromedriver` are not on the PATH (apt-get install chromium chromium-driver)")
        sys.exit(1 if os.environ.get("CI") == "true" else 0)
    return found


class Browser:
    """One tab."""

    def __init__(self, address, session):
        self.address, self.session = address, session

    def call(self, method, path, **body):
        return request(method, f"{self.address}/session/{self.session}/{path}", body)

    def devtools(self, command, **parameters):
        return self.call("POST", "goog/cdp/execute", cmd=command, params=parameters)

    def open(self, url, width, dark):
        """Opens a page in a viewport of this width, and forgets what the console said before."""
        height = 800
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", media="", features=[scheme])
        self.console()
        self.call("POST", "url", url=url)

    def console(self):
        """What the console said since it was last asked."""
        return [f"{entry['level']}: {entry['message']}" for entry in self.call("POST", "se/log", type="browser")]

    def run(self, script, *arguments):
        """What a script returns."""
        return self.call("POST", "execute/sync", script=script, args=list(arguments))

    def run_async(self, script, *arguments):
        """What a script gives to its last argument."""
        return self.call("POST", "execute/async", script=script, args=list(arguments))

    def press(self, key, times):
        """Presses a key of the keyboard so many times."""
        strokes = [{"type": kind, "value": key} for kind in ["keyDown", "keyUp"]] * times
        self.call("POST", "actions", actions=[{"type": "key", "id": "keyboard", "actions": strokes}])

    def point_at(self, selector):
        """Moves the mouse to the first element of a selector."""
        element = self.call("POST", "element", using="css selector", value=selector)
        move = {"type": "pointerMove", "duration": 0, "x": 0, "y": 0, "origin": element}
        self.call("POST", "actions", actions=[{"type": "pointer", "id": "mouse", "actions": [move]}])

    def screenshot(self):
        """The whole page, as a PNG in base64."""
        size = self.run("const page = document.documentElement; return [page.clientWidth, Math.min(page.scrollHeight, 6000)]")
        clip = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}
        return self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]


def request(method, url, body=None):
    data = json.dumps(body or {}).encode() if method == "POST" else None
    call = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(call, timeout=CALL_SECONDS) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise Failure(f"chromedriver: {json.load(error)['value']['message'].splitlines()[0]}") from error
    except OSError as error:
        raise Failure(f"chromedriver does not answer: {error}") from error


@contextlib.contextmanager
def opened(folder):
    """A browser with a profile of its own for as long as the block runs. `folder` keeps the profile and the driver's log."""
    chromium, driver = programs()
    port, = processes.free_ports(1)
    log = f"{folder}/chromedriver.log"
    with processes.running([driver, f"--port={port}"], log, lambda: processes.listens(port), START_SECONDS):
        address = f"http://127.0.0.1:{port}"
        options = {"binary": chromium, "args": [*FLAGS, f"--user-data-dir={folder}/profile"]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        wanted["timeouts"] = {"script": CALL_SECONDS * 1000}
        session = request("POST", f"{address}/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        try:
            yield Browser(address, session)
        finally:
            request("DELETE", f"{address}/session/{session}")
