"""The server around the page: limits, health, metrics, login."""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from chajong import __version__
from chajong.app.measuring import Measures
from chajong.app.page import build_page
from chajong.app.style import FONTS, STYLE
from chajong.app.uploads import read_upload
from chajong.app.work import Work

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from fastapi import FastAPI

    from chajong.app.service import CarService
    from chajong.app.settings import AppSettings

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

UPLOADS = "uploads"
"""Where uploads are put, below the working directory; answers name it and no more."""

FORM_BYTES = 100_000
"""What a form adds to the file in it."""

BUSY_SECONDS = "2"
"""When a client that found the queue full may try again."""

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
    blocks = build_page(
        service,
        lambda path: read_upload(path, settings),
        Work(settings, measures),
        settings.keep_seconds,
    )
    blocks.queue(max_size=settings.queue_length, default_concurrency_limit=settings.workers)
    server = FastAPI(title="chajong", docs_url=None, redoc_url=None, openapi_url=None)

    @server.get("/health")
    def health() -> JSONResponse:
        answer = {"status": "ok", "models": len(service.models), "version": __version__}
        return JSONResponse(answer)

    @server.get("/metrics")
    def metrics() -> Response:
        return Response(measures.text(), media_type="text/plain; version=0.0.4")

    most = int(settings.max_upload_megabytes * 1e6)
    mounted: FastAPI = gr.mount_gradio_app(
        server,
        blocks,
        "/",
        auth=(settings.user, settings.password) if settings.user and settings.password else None,
        max_file_size=most,
        show_error=False,
        ssr_mode=False,
        theme=gr.themes.Default(primary_hue="blue", font=list(FONTS), font_mono=["monospace"]),
        css=STYLE,
        footer_links=[],
        run_history=False,
    )
    mounted.add_middleware(Guard, most=most + FORM_BYTES, measures=measures)
    return mounted


class Guard:
    """Refuses bodies that are too large before they are kept, and words the busy answer.

    Source of the interface: the ASGI specification, https://asgi.readthedocs.io.
    """

    def __init__(self, app: Any, most: int, measures: Measures) -> None:
        """Wrap an application.

        Args:
            app: The application.
            most: Bytes of a request's body.
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
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self._most:
            await self._refuse(send)
            return
        await self._app(scope, self._counted(receive), self._worded(send))

    async def _refuse(self, send: Send) -> None:
        text = f"The request is too large: {self._most // 1_000_000} MB are allowed."
        await _answer(send, 413, {"error": text}, [])

    def _counted(self, receive: Receive) -> Receive:
        """Cut off a body that is longer than it may be, whatever it declared."""
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._most:
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
