"""The programming interface in one request, for `curl` and every other client of HTTP."""

from __future__ import annotations

from base64 import b64encode
from secrets import compare_digest
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, File, Header, HTTPException, Query, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse

from chajong.app.answers import MOST_PHOTOS, SHOWN_MODELS
from chajong.app.rendering import render
from chajong.app.service import RequestError
from chajong.app.texts import preferred_language, reason_in

if TYPE_CHECKING:
    from fastapi import FastAPI

    from chajong.app.answers import Answers
    from chajong.app.settings import AppSettings


def add_programming_interface(server: FastAPI, answers: Answers, settings: AppSettings) -> None:
    """Add `POST /api/recognise`, and the page `/api/docs` that describes it.

    Args:
        server: The server, which describes itself at `/api/openapi.json`.
        answers: Answers.
        settings: The limits, those of the page.
    """
    room = BoundedSemaphore(settings.workers + settings.queue_length)

    @server.post("/api/recognise", dependencies=_login(settings), responses=_REFUSALS)
    def recognise(
        photo: Annotated[
            list[UploadFile], File(description=f"1 to {MOST_PHOTOS} photos of one car")
        ],
        count: Annotated[int, Query(ge=1, le=100, description="Models wanted")] = SHOWN_MODELS,
        accept_language: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> JSONResponse:
        """Name the car in one or more photos; several photos of one car get one answer."""
        if not room.acquire(blocking=False):
            raise HTTPException(503)
        try:
            return JSONResponse(answers.recognised([each.file.read() for each in photo], count))
        except RequestError as error:
            reason = reason_in(preferred_language(accept_language), str(error))
            return JSONResponse({"error": reason}, error.status)
        finally:
            room.release()

    @server.get("/api/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(render("api.html", described=server.openapi()))


def _login(settings: AppSettings) -> list[Any]:
    """Ask for the page's login where there is one."""
    if settings.user is None or settings.password is None:
        return []
    # FastAPI's own reads names of ASCII alone; curl sends UTF-8.
    expected = b"Basic " + b64encode(f"{settings.user}:{settings.password}".encode())

    def check(authorization: Annotated[str, Header(include_in_schema=False)] = "") -> None:
        if not compare_digest(authorization.encode(), expected):
            raise HTTPException(401, headers={"WWW-Authenticate": "Basic"})

    return [Depends(check)]


_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "No photo that can be read; `error` says why"},
    413: {"description": "Too large, or too many photos"},
    503: {"description": "Busy; `Retry-After` says for how long"},
    504: {"description": "It took too long"},
}
