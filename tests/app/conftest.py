"""The real server in a process of its own, on a real small ensemble and index."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

START = "from chajong.command_line import main; main()"


@pytest.fixture(scope="session")
def index_folder(photo_index, tmp_path_factory):
    from chajong.search.photo_index import write_photo_index

    folder = tmp_path_factory.mktemp("index") / "search_index"
    write_photo_index(photo_index, folder)
    return folder


@pytest.fixture(scope="session")
def serve(saved_ensemble, index_folder, tmp_path_factory):
    """Start servers with options; they end with the tests."""
    started = []

    def start(*options, **environment):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = tmp_path_factory.mktemp("log") / "server.log"
        command = [sys.executable, "-c", START, "app", "--port", str(port)]
        command += ["--ensemble", str(saved_ensemble), "--index", str(index_folder), *options]
        source = str(Path(__file__).parents[2] / "src")
        with log.open("w") as file:
            process = subprocess.Popen(
                command,
                stdout=file,
                stderr=file,
                env=os.environ | {"PYTHONPATH": source} | environment,
            )
        started.append(process)
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            if process.poll() is not None:
                raise RuntimeError(log.read_text())
            try:
                httpx.get(f"{address}/health").raise_for_status()
                return SimpleNamespace(address=address, process=process, log=log)
            except httpx.TransportError:
                time.sleep(0.1)
        raise RuntimeError(log.read_text())

    yield start
    for process in started:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def server(serve):
    """One server that all tests share; what hurts it fails those that follow."""
    return serve()


@pytest.fixture(scope="session")
def chromium():
    """A real browser."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("there is no Chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()
