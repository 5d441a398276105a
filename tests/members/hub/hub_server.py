"""A hub on this machine: the few answers that downloads and uploads ask for, and a record of them.

Source of the addresses: https://huggingface.co/docs/hub/api.
"""

import json
from base64 import b64decode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from urllib.parse import unquote, urlsplit


class HubServer(ThreadingHTTPServer):
    """Serves the repositories of a `FakeHub`.

    Attributes:
        hub: The repositories.
        fetched: Names of the files that were downloaded.
        unknown: Addresses that nothing here answers.
        made: What was said of each repository that was made, by its name.
    """

    def __init__(self, hub):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.hub = hub
        self.fetched = []
        self.unknown = []
        self.made = {}

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    def use(self, monkeypatch):
        """Let the hub's library ask this server."""
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", self.address)
        template = self.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr("huggingface_hub.hf_api.api.endpoint", self.address)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


@contextmanager
def serve(hub):
    """Run a server of a hub's repositories."""
    with HubServer(hub) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._answer(with_body=False)

    def do_GET(self):
        self._answer(with_body=True)

    def do_POST(self):
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if parts == ["api", "repos", "create"]:
            asked = json.loads(body)
            repository = f"{asked.get('organization', 'me')}/{asked['name']}"
            self.server.made[repository] = asked
            self._send_json({"url": f"{self.server.address}/{repository}", "id": repository})
        elif parts == ["api", "validate-yaml"]:
            self._send_json({"errors": [], "warnings": []})
        elif parts[4:5] == ["preupload"]:
            files = [each["path"] for each in json.loads(body)["files"]]
            sent = {"uploadMode": "regular", "shouldIgnore": False, "oid": None}
            self._send_json({"files": [{"path": path, **sent} for path in files]})
        elif parts[4:5] == ["commit"]:
            self._commit("/".join(parts[2:4]), [json.loads(line) for line in body.splitlines()])
        else:
            self.server.unknown.append(self.path)
            self._send(404, {}, b"")

    def _commit(self, repository, lines):
        files = [line["value"] for line in lines if line["key"] == "file"]
        with TemporaryDirectory() as folder:
            for file in files:
                path = Path(folder, file["path"])
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b64decode(file["content"]))
            commit = self.server.hub.publish(repository, Path(folder))
        address = f"{self.server.address}/{repository}/commit/{commit}"
        self._send_json({"commitUrl": address, "commitOid": commit, "success": True})

    def log_message(self, *_):
        """Say nothing."""

    def _answer(self, *, with_body):
        path = unquote(urlsplit(self.path).path).strip("/")
        parts = path.split("/")
        if parts[:2] == ["api", "models"] and parts[4:5] == ["revision"]:
            self._describe("/".join(parts[2:4]), "/".join(parts[5:]))
        elif parts[:2] == ["api", "models"] and parts[4:5] == ["tree"]:
            self._list("/".join(parts[2:4]), parts[5])
        elif parts[2:3] == ["resolve"]:
            self._file("/".join(parts[:2]), parts[3], "/".join(parts[4:]), with_body)
        else:
            self.server.unknown.append(self.path)
            self._send(404, {}, b"")

    def _describe(self, repository, revision):
        commit = self.server.hub.commit(repository, revision)
        if commit is None:
            self._send(404, {"X-Error-Code": "RepoNotFound"}, b"")
        else:
            self._send_json({"id": repository, "modelId": repository, "sha": commit})

    def _list(self, repository, commit):
        folder = self.server.hub.snapshot(repository, commit)
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        self._send_json(
            [
                {
                    "type": "file",
                    "path": path.relative_to(folder).as_posix(),
                    "size": path.stat().st_size,
                    "oid": path.resolve().name[:40],
                }
                for path in files
            ]
        )

    def _file(self, repository, commit, name, with_body):
        path = self.server.hub.snapshot(repository, commit) / name
        if not path.is_file():
            self._send(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit}, b"")
            return
        headers = {"ETag": f'"{path.resolve().name[:40]}"', "X-Repo-Commit": commit}
        if with_body:
            self.server.fetched.append(name)
        self._send(200, headers, path.read_bytes(), with_body=with_body)

    def _send_json(self, content):
        self._send(200, {"Content-Type": "application/json"}, json.dumps(content).encode())

    def _send(self, status, headers, body, *, with_body=True):
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)
