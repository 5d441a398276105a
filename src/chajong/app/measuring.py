"""What the operator sees: requests by outcome, how long they took, memory."""

from __future__ import annotations

import psutil


class Measures:
    """Counts in the format of Prometheus, apart for each server."""

    def __init__(self) -> None:
        """Start at zero."""
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._registry = CollectorRegistry()
        self._requests = Counter(
            "chajong_requests",
            "Requests by action and outcome (answered, refused, too slow, failed, busy)",
            ["action", "outcome"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "chajong_request_seconds",
            "Seconds of a request",
            ["action"],
            registry=self._registry,
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
        )
        memory = Gauge("chajong_resident_memory_bytes", "Resident memory", registry=self._registry)
        memory.set_function(lambda: psutil.Process().memory_info().rss)

    def count(self, action: str, outcome: str, seconds: float) -> None:
        """Count a request that was worked on."""
        self._requests.labels(action, outcome).inc()
        self._seconds.labels(action).observe(seconds)

    def count_busy(self) -> None:
        """Count a request that found the queue full."""
        self._requests.labels("any", "busy").inc()

    def text(self) -> bytes:
        """Give all counts in Prometheus' text format."""
        from prometheus_client import generate_latest

        written: bytes = generate_latest(self._registry)
        return written
