"""The server around the page: limits, health, metrics, login."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from chajong import __version__
from chajong.app.answers import Answers
from chajong.app.measuring import Measures
from chajong.app.page import HEAD, build_page
from chajong.app.programming_interface import add_programming_interface
from chajong.app.rendering import render
from chajong.app.work import Work

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping

    from fastapi import FastAPI
    from gradio import Blocks
    from gradio.themes import ThemeClass

    from chajong.app.service import CarService
    from chajong.app.settings import AppSettings

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

UPLOADS = "uploads"
"""Where uploads are put, below the working directory; answers name it and no more."""

FORM_BYTES = 100_000
"""What a form adds to the file in it, and what a request that uploads no file may have."""

UPLOAD_ROUTES = ("/gradio_api/upload", "/api/recognise")

OFFERED = re.compile(
    r"/|/(config|health|metrics|login|logout|theme\.css|favicon\.ico|manifest\.json|robots\.txt)/?"
    r"|/(assets|static|svelte)/.*|/api/(recognise|docs|openapi\.json)"
    r"|/gradio_api/((info|openapi\.json|user|login_check|app_id|theme\.css|startup-events)/?"
    r"|upload|upload_progress|cancel|reset/?|queue/(join|data|status)"
    r"|heartbeat/[^/]*|(call|run)/.*|file=uploads/.*)"
)
"""Gradio has more routes: they fetch addresses, or keep files for good."""

BUSY_SECONDS = "2"
"""When a client that found the queue full may try again."""

FONTS = ["system-ui", "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans KR", "NanumGothic"]

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
}


def work_in_private_folder() -> Path:
    """Move the process to a new folder of its own, where uploads lie for moments.

    Gradio names the place of an upload in its answers: from here the name is relative and says
    nothing about the machine. To be called once, before Gradio is imported.

    Returns:
        The folder.
    """
    folder = Path(mkdtemp(prefix="chajong_app_"))
    os.chdir(folder)
    os.environ["GRADIO_TEMP_DIR"] = UPLOADS
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    return folder


def create_server(service: CarService, settings: AppSettings) -> FastAPI:
    """Put the page behind its limits.

    Args:
        service: Answers.
        settings: The limits.

    Returns:
        An application with the page at `/`, `/health` and `/metrics`.
    """
    import gradio as gr
    from fastapi import FastAPI
    from fastapi.responses import JSONResponse, Response

    measures = Measures()
    answers = Answers(service, settings, Work(settings, measures))
    blocks = build_page(service, answers, settings.keep_seconds)
    blocks.queue(
        api_open=False,
        max_size=settings.queue_length,
        default_concurrency_limit=settings.workers,
    )
    _take_uploads_only(blocks)
    server = FastAPI(
        title="chajong",
        version=__version__,
        docs_url=None,  # these load their scripts from another server
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=_forgetting(blocks, settings.keep_seconds),
    )

    @server.get("/health", include_in_schema=False)
    def health() -> JSONResponse:
        answer = {"status": "ok", "models": len(service.models), "version": __version__}
        return JSONResponse(answer)

    @server.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(measures.text(), media_type="text/plain; version=0.0.4")

    add_programming_interface(server, answers, settings)
    most = int(settings.max_upload_megabytes * 1e6)
    mounted: FastAPI = gr.mount_gradio_app(
        server,
        blocks,
        "/",
        auth=(settings.user, settings.password) if settings.user and settings.password else None,
        max_file_size=most,
        show_error=False,
        enable_monitoring=False,
        ssr_mode=False,
        theme=_theme(),
        css=render("page.css"),
        head=HEAD,
        footer_links=[],
        run_history=False,
    )
    mounted.add_middleware(Guard, most=most + FORM_BYTES, measures=measures)
    return mounted


def _theme() -> ThemeClass:
    """Give Gradio's theme with blues that can be read: 4.5 to 1, as WCAG 2 asks."""
    import gradio as gr

    theme = gr.themes.Default(primary_hue="blue", font=FONTS, font_mono=["monospace"])
    return theme.set(
        color_accent="*primary_600",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
    )


def _take_uploads_only(blocks: Blocks) -> None:
    """Let a photo be nothing but an upload: no other file of the machine, and no address.

    Gradio asks whether a file was uploaded only for a page that it launched itself, and downloads
    a photo that is given as an address, however large.
    """
    from gradio import processing_utils

    async def refuse(url: str, cache_dir: str) -> str:
        raise ValueError("A photo was given as an address.")

    blocks.has_launched = True
    processing_utils.async_ssrf_protected_download = refuse


def _forgetting(blocks: Blocks, seconds: int) -> Callable[[FastAPI], Any]:
    """Delete uploads while the server runs, and when it ends.

    Gradio forgets the empty file that it makes for each photo that it hands on, and what has come
    of an upload whose sender hangs up; and it remembers the names of all files.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(forget())
        yield
        task.cancel()
        shutil.rmtree(UPLOADS, ignore_errors=True)

    async def forget() -> None:
        while True:
            await asyncio.sleep(max(seconds / 4, 0.5))
            delete_old_uploads(Path(UPLOADS), seconds)
            for names in blocks.temp_file_sets:
                names.clear()

    return lifespan


def delete_old_uploads(folder: Path, seconds: float) -> None:
    """Delete all files of some age, and folders that are empty.

    To be called on the server's event loop: there, nothing comes between Gradio's making of a
    folder and its moving a file into it.
    """
    for path in sorted(folder.rglob("*"), reverse=True):
        with suppress(OSError):
            if path.is_dir():
                path.rmdir()
            elif path.lstat().st_mtime < time.time() - seconds:
                path.unlink()


class Guard:
    """Offers few routes, refuses bodies that are too large, and words the busy answer.

    Source of the interface: the ASGI specification, https://asgi.readthedocs.io.
    """

    def __init__(self, app: Any, most: int, measures: Measures) -> None:
        """Wrap an application.

        Args:
            app: The application.
            most: Bytes of an upload's body.
            measures: Counts busy answers.
        """
        self._app = app
        self._most = most
        self._measures = measures

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on, unless its body is too large."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not OFFERED.fullmatch(scope["path"]) or ".." in scope["path"].split("/"):
            await _answer(send, 404, {"error": "There is nothing here."}, [])
            return
        most = self._most if scope["path"] in UPLOAD_ROUTES else FORM_BYTES
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > most:
            text = f"The request is too large: {int(most / 1e6) or most / 1e6:g} MB are allowed."
            await _answer(send, 413, {"error": text}, [])
            return
        await self._app(scope, self._counted(receive, most), self._worded(send))

    def _counted(self, receive: Receive, most: int) -> Receive:
        """Cut off a body that is longer than it may be, whatever it declared."""
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                return {"type": "http.disconnect"}
            return message

        return counted

    def _worded(self, send: Send) -> Send:
        """Add the headers to every answer, and put the full queue into plain words."""
        busy = False

        async def worded(message: Message) -> None:
            nonlocal busy
            if message["type"] == "http.response.start":
                busy = message["status"] == 503
                if busy:
                    self._measures.count_busy()
                    text = f"Busy: try again in {BUSY_SECONDS} seconds."
                    retry = [(b"retry-after", BUSY_SECONDS.encode())]
                    await _answer(send, 503, {"detail": text, "error": text}, retry)
                    return
                message["headers"] = [*message["headers"], *_headers()]
            if not busy:
                await send(message)

        return worded


def _headers() -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


async def _answer(
    send: Send, status: int, content: dict[str, str], headers: list[tuple[bytes, bytes]]
) -> None:
    body = json.dumps(content).encode()
    described = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *_headers(),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": described})
    await send({"type": "http.response.body", "body": body})
