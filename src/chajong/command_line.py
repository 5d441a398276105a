"""The command `chajong`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import click
from pydantic import ValidationError

from chajong.app.settings import AppSettings
from chajong.parameters import first_problem

ENSEMBLE = Path("data/06_models/ensemble")
INDEX = Path("data/06_models/search_index")
PASSWORD = "CHAJONG_APP_PASSWORD"


@click.group()
@click.version_option(package_name="chajong")
def main() -> None:
    """Tell look-alike car models apart; pipelines are run by `kedro run`."""


of_ensemble = click.option(
    "--ensemble",
    type=click.Path(path_type=Path),
    default=ENSEMBLE,
    show_default=True,
    help="The saved ensemble; `kedro run` makes one.",
)


@main.command()
@of_ensemble
@click.option(
    "--index",
    type=click.Path(path_type=Path),
    default=INDEX,
    show_default=True,
    help="Known photos to show and search; `kedro run --pipelines search` makes it.",
)
@click.option("--no-index", is_flag=True, help="Show no known photos.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=7860, show_default=True, help="Port to listen on.")
@click.option("--public", is_flag=True, help="Let anyone ask who reaches the address.")
@click.option("--user", help=f"Ask for a login; its password is the variable {PASSWORD}.")
@click.option("--blur", is_flag=True, help="Blur faces and number plates in known photos.")
@click.option("--workers", default=2, show_default=True, help="Requests computed at a time.")
@click.option("--queue-length", default=16, show_default=True, help="Requests that may wait.")
@click.option("--seconds", default=30.0, show_default=True, help="Time for a request.")
@click.option("--keep-seconds", default=120, show_default=True, help="Time an upload is kept.")
@click.option("--max-upload-megabytes", default=20.0, show_default=True, help="Size of a file.")
@click.option("--max-megapixels", default=50.0, show_default=True, help="Size of a photo.")
def app(ensemble: Path, index: Path, *, no_index: bool, blur: bool, **settings: object) -> None:
    """Serve the page: drop a photo, see its model and why, search known photos."""
    password = os.environ.get(PASSWORD) if settings["user"] else None
    try:
        allowed = AppSettings.model_validate(settings | {"password": password})
    except ValidationError as error:
        raise click.ClickException(first_problem(error)) from error
    _check_installed()
    from chajong.app.server import work_in_private_folder

    found = None if no_index else index.resolve()
    places = ensemble.resolve(), found
    folder = work_in_private_folder()
    try:
        _serve(*places, allowed, blur=blur)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@main.command()
@click.argument("photos", type=click.Path(path_type=Path), required=False)
@click.option("--env", "environment", help="What to run; what suits the machine if not given.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="The folder for results; PHOTOS_results if not given.",
)
def doctor(photos: Path | None, environment: str | None, data_dir: Path | None) -> None:
    """Say what this machine has, how PHOTOS are read, what would run, and what to type next."""
    from chajong.doctor import diagnosis

    click.echo(diagnosis(photos, environment, data_dir))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@of_ensemble
def onnx(folder: Path, ensemble: Path) -> None:
    """Export the ensemble to FOLDER as far as ONNX can hold it, checked against torch."""
    from chajong.inference.saved import read_ensemble

    try:
        from chajong.inference.onnx_ensemble import export_members

        table = export_members(read_ensemble(ensemble), folder)
    except (ValueError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error
    for row in table.to_dict("records"):
        place = folder / row["member"] / row["file"]
        click.echo(
            f"{place}: {row['bytes'] / 1e6:.1f} MB, differs by {row['largest_difference']:.1g}"
        )


@main.command()
@click.argument("repository")
@of_ensemble
@click.option("--public", is_flag=True, help="Let anyone see it; it holds a few of your photos.")
def push(repository: str, ensemble: Path, *, public: bool) -> None:
    """Upload the ensemble with its card to REPOSITORY (owner/name) of the Hugging Face Hub."""
    from chajong.inference.publishing import publish_ensemble

    try:
        address = publish_ensemble(ensemble, repository, public=public)
    except (ValueError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"The ensemble is at {address}")


def _serve(ensemble: Path, index: Path | None, settings: AppSettings, *, blur: bool) -> None:
    import uvicorn

    from chajong.app.car_service import load_service
    from chajong.app.server import create_server

    try:
        service = load_service(ensemble, index, blur=blur)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    server = create_server(service, settings)
    click.echo(f"chajong is at http://{settings.host}:{settings.port} (Ctrl+C ends it)")
    uvicorn.run(server, host=settings.host, port=settings.port, log_level="warning")


def _check_installed() -> None:
    from importlib.util import find_spec

    if find_spec("gradio") is None:
        message = 'The page needs packages that are not installed: pip install "chajong[app]"'
        raise click.ClickException(message)
