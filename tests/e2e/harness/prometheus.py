"""What programs tell at /metrics, in the text format of Prometheus."""

import urllib.request


def told(port):
    """Pairs of series and value."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return series(answer.read().decode())


def series(text):
    """Pairs of series and value in a text."""
    lines = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, float(value)) for name, _, value in lines]


def total(port, metric):
    """The sum of all series whose name begins so."""
    return sum(value for name, value in told(port) if name.startswith(metric))
