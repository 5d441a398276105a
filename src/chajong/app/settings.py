"""What the server allows."""

from ipaddress import ip_address

from pydantic import Field, model_validator

from chajong.parameters import Strict

LOOPBACK = "localhost"


class AppSettings(Strict):
    """Limits, and who may ask.

    Attributes:
        host: Address that is listened on; loopback unless told otherwise.
        port: Port.
        public: Whether anyone who reaches another address than loopback may ask without a login.
        user: Name for the login; no login where it is not given.
        password: Password for the login.
        max_upload_megabytes: Size of a photo file.
        max_megapixels: Size of a photo in pixels.
        workers: Requests that are computed at a time.
        queue_length: Requests that wait; more are answered with "busy".
        seconds: Time for a request.
        keep_seconds: How long an upload is kept. People who upload the same bytes share one file,
            so that it cannot go when the first of them is answered.
    """

    host: str = "127.0.0.1"
    port: int = Field(7860, ge=0, le=65_535)
    public: bool = False
    user: str | None = None
    password: str | None = None
    max_upload_megabytes: float = Field(20, gt=0)
    max_megapixels: float = Field(50, gt=0)
    workers: int = Field(2, ge=1)
    queue_length: int = Field(16, ge=1)
    seconds: float = Field(30, gt=0)
    keep_seconds: int = Field(120, ge=1)

    @model_validator(mode="after")
    def _strangers_log_in(self) -> "AppSettings":
        if (self.user is None) != (self.password is None):
            message = (
                "a login needs a name (--user) and a password (the environment variable "
                "CHAJONG_APP_PASSWORD)"
            )
            raise ValueError(message)
        if not (self.on_loopback or self.public or self.user):
            message = (
                f"{self.host} can be reached from other machines: give a login (--user), or say "
                "--public if anyone may ask"
            )
            raise ValueError(message)
        return self

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can ask."""
        if self.host == LOOPBACK:
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False
