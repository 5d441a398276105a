"""Many clients at once: answers a second, latency, busy answers, errors, memory.

    python -m benchmarks.app_load --photos data/01_raw/sample/test [--clients 32] [--seconds 120]

Starts `chajong app` on loopback with its default limits, lets every client upload a photo and ask
what it shows, again and again, and reads the server's resident memory every ten seconds. A client
that is told "busy" waits as long as the answer says and tries again.
"""

import argparse
import asyncio
import itertools
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
import psutil

API = "/gradio_api"
START = "from chajong.command_line import main; main()"


async def ask(http: httpx.AsyncClient, photo: bytes) -> str:
    """Upload a photo and read its answer; say how that ended."""
    uploaded = await http.post(f"{API}/upload", files={"files": ("photo.jpg", photo)})
    if uploaded.status_code != 200:
        return f"upload {uploaded.status_code}"
    file = {"path": uploaded.json()[0], "meta": {"_type": "gradio.FileData"}}
    joined = await http.post(f"{API}/call/recognise", json={"data": [file, 5]})
    if joined.status_code == 503:
        await asyncio.sleep(float(joined.headers["retry-after"]))
        return "busy"
    if joined.status_code != 200:
        return f"call {joined.status_code}"
    answer = await http.get(f"{API}/call/recognise/{joined.json()['event_id']}")
    return "answered" if "event: complete" in answer.text else f"error {answer.text[:80]}"


async def client(address: str, photos: itertools.cycle, until: float, log: list) -> None:
    """Ask until the time is over, and log each outcome with its seconds."""
    async with httpx.AsyncClient(base_url=address, timeout=120) as http:
        while time.perf_counter() < until:
            started = time.perf_counter()
            try:
                outcome = await ask(http, next(photos))
            except httpx.HTTPError as error:
                outcome = type(error).__name__
            log.append((outcome, time.perf_counter() - started))


async def watch(process: psutil.Process, until: float, memory: list[float]) -> None:
    """Read the server's memory every ten seconds."""
    while time.perf_counter() < until:
        memory.append(process.memory_info().rss / 1e6)
        await asyncio.sleep(10)


async def load(address: str, process: psutil.Process, given: argparse.Namespace) -> None:
    """Run all clients and print the figures."""
    files = sorted(path for path in given.photos.rglob("*.jpg"))[:50]
    photos = itertools.cycle([path.read_bytes() for path in files])
    log: list[tuple[str, float]] = []
    memory: list[float] = []
    until = time.perf_counter() + given.seconds
    clients = [client(address, photos, until, log) for _ in range(given.clients)]
    await asyncio.gather(*clients, watch(process, until, memory))
    counts = Counter(outcome for outcome, _ in log)
    times = [seconds for outcome, seconds in log if outcome == "answered"]
    middle, late = np.percentile(times, [50, 95])
    print(f"{given.clients} clients for {given.seconds} s: {dict(counts)}")
    print(
        f"answers a second {len(times) / given.seconds:.1f}; p50 {middle:.2f} s, p95 {late:.2f} s"
    )
    print(f"resident memory, MB, every 10 s: {', '.join(f'{each:.0f}' for each in memory)}")


def main() -> None:
    """Start the server and load it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--ensemble", type=Path, default=Path("data/06_models/ensemble"))
    parser.add_argument("--index", type=Path, default=Path("data/06_models/search_index"))
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--port", type=int, default=7862)
    given = parser.parse_args()
    places = ["--ensemble", str(given.ensemble), "--index", str(given.index)]
    command = [sys.executable, "-c", START, "app", "--port", str(given.port), *places]
    server = subprocess.Popen(command)
    address = f"http://127.0.0.1:{given.port}"
    try:
        while True:
            try:
                httpx.get(f"{address}/health").raise_for_status()
                break
            except httpx.TransportError:
                time.sleep(0.5)
        asyncio.run(load(address, psutil.Process(server.pid), given))
        print("alive afterwards:", httpx.get(f"{address}/health").json())
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
