"""Work for a request: within its time, counted, and without details of the server in errors."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from chajong.app.service import RequestError
from chajong.photos.decode import UnreadablePhotoError

if TYPE_CHECKING:
    from collections.abc import Callable

    from chajong.app.measuring import Measures
    from chajong.app.settings import AppSettings

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class Work:
    """Runs the work of requests."""

    def __init__(self, settings: AppSettings, measures: Measures) -> None:
        """Start the threads that compute.

        Args:
            settings: How many, and how long they may take.
            measures: Counts requests.
        """
        self._seconds = settings.seconds
        self._threads = ThreadPoolExecutor(settings.workers)
        self._measures = measures

    def __call__(self, action: str, work: Callable[[], Answer]) -> Answer:
        """Do the work of one request.

        Args:
            action: What is counted.
            work: What is done.

        Raises:
            RequestError: It cannot be done, took too long, or failed; the message is for anyone.
        """
        started = time.perf_counter()
        outcome = "failed"
        computed = self._threads.submit(work)
        try:
            answer = computed.result(self._seconds)
            outcome = "answered"
            return answer
        except TimeoutError as error:
            outcome = "too slow"
            computed.cancel()  # which is possible as long as it waits
            message = f"This took longer than {self._seconds:g} seconds: try again later."
            raise RequestError(message, 504) from error
        except RequestError:
            outcome = "refused"
            raise
        except UnreadablePhotoError as error:
            outcome = "refused"
            raise RequestError(f"The photo cannot be read: {_plain(error)}.") from error
        except Exception as error:
            number = uuid4().hex[:8]
            logger.exception("A request failed (%s).", number)
            message = f"Something went wrong here; tell the operator this number: {number}."
            raise RequestError(message, 500) from error
        finally:
            self._measures.count(action, outcome, time.perf_counter() - started)


def _plain(error: UnreadablePhotoError) -> str:
    """Leave out what a decoder says of damaged pixels: that is for its authors."""
    reason = str(error)
    return "the file is damaged or cut off" if reason.startswith("damaged") else reason
