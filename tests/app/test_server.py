"""The real server over HTTP: hostile uploads, limits, busy, login, no path in any answer."""

import io
import json
import os
import re
import socket
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
from hostile_photos import ANSWERED, REFUSED, photo
from PIL import Image

from chajong import CarClassifier

API = "/gradio_api"


class Asking:
    """A client that speaks the documented protocol and keeps every answer's text."""

    def __init__(self, address, **options):
        self.http = httpx.Client(base_url=address, timeout=60, **options)
        self.texts = []

    def upload(self, name, data):
        answer = self.http.post(f"{API}/upload", files={"files": (name, data)})
        self.texts.append(answer.text)
        return answer

    def call(self, endpoint, *data):
        joined = self.http.post(f"{API}/call/{endpoint}", json={"data": list(data)})
        self.texts.append(joined.text)
        if joined.status_code != 200:
            return joined.status_code, joined.json()
        event = joined.json()["event_id"]
        answer = self.http.get(f"{API}/call/{endpoint}/{event}")
        self.texts.append(answer.text)
        kind, text = re.findall(r"event: (complete|error)\ndata: (.*)", answer.text)[-1]
        return kind, json.loads(text)

    def recognise(self, name, data, count=5):
        uploaded = self.upload(name, data)
        assert uploaded.status_code == 200, uploaded.text
        file = {"path": uploaded.json()[0], "meta": {"_type": "gradio.FileData"}}
        return self.call("recognise", file, count)


@pytest.fixture(scope="module")
def asking(server):
    return Asking(server.address)


@pytest.fixture(scope="module")
def test_photo(small_run):
    return small_run.path(small_run.test_photos()["photo_id"].iloc[0])


def test_page_and_python_call_give_the_same_probabilities(asking, small_run, classifier):
    for photo_id in small_run.test_photos()["photo_id"][:4]:
        path = small_run.path(photo_id)
        kind, (answer,) = asking.recognise("차.jpg", path.read_bytes(), 99)
        assert kind == "complete"
        expected = classifier.predict(path, top_k=99).set_index("class_name")["probability"]
        got = {each["name"]: each["probability"] for each in answer["models"]}
        np.testing.assert_allclose(
            [got[name] for name in expected.index], expected.to_numpy(), atol=1e-5
        )


def test_an_answer_says_why(asking, test_photo):
    _, (answer,) = asking.recognise("a.jpg", test_photo.read_bytes())
    distances = [each["distance"] for each in answer["similar"]]
    assert distances == sorted(distances)
    assert [each["nearest"]["name"] for each in answer["evidence"]] == [
        each["name"] for each in answer["models"][:3]
    ]
    assert {each["member"] for each in answer["opinions"]} == {"hog", "clip_frozen"}


def test_words_photos_and_filters_search(asking, test_photo, classifier):
    name = classifier.class_names[0]
    kind, (found,) = asking.call("search", name, None, 0.5, "", "", "", "", 4)
    assert (kind, len(found)) == ("complete", 4)
    _, (filtered,) = asking.call("search", name, None, 0.5, "", name, "", "", 4)
    assert {each["name"] for each in filtered} == {name}
    path = asking.upload("a.jpg", test_photo.read_bytes()).json()[0]
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    _, (mixed,) = asking.call("search", name, file, 0.3, "", "", "", "", 4)
    assert len(mixed) == 4


def test_names_are_found_as_text_first(asking, classifier):
    kind, (found,) = asking.call("search", "K5", None, 0.5, "", "", "", "", None)
    assert (kind, len(found)) == ("complete", 12)
    assert {each["name"].partition("_")[0] for each in found} == {"K5"}


def test_strokes_of_the_keyboard_find_nothing(asking):
    kind, answer = asking.call("search", "qzxv", None, 0.5, "", "", "", "", 4)
    assert kind == "error"
    assert "No known photo fits 'qzxv'" in json.dumps(answer)


def recognise(address, *photos, **options):
    files = [("photo", ("차.jpg", each)) for each in photos]
    return httpx.post(f"{address}/api/recognise", files=files, timeout=60, **options)


def probabilities(models):
    return pd.Series({each["name"]: each["probability"] for each in models})


def test_one_request_recognises_a_photo(server, test_photo, classifier):
    answer = recognise(server.address, test_photo.read_bytes(), params={"count": 99})
    assert answer.status_code == 200
    expected = classifier.predict(test_photo, top_k=99).set_index("class_name")["probability"]
    got = probabilities(answer.json()["models"])
    pd.testing.assert_series_equal(got, expected, check_names=False, atol=1e-5)
    assert answer.json()["known"] is (answer.json()["distance"] <= answer.json()["limit"])


def test_photos_of_one_car_get_one_answer(server, small_run, classifier):
    paths = [small_run.path(each) for each in small_run.test_photos()["photo_id"][:3]]
    answer = recognise(server.address, *(path.read_bytes() for path in paths), params={"count": 99})
    expected = classifier.predict(paths, top_k=99, vehicles=["a"] * 3)
    got = probabilities(answer.json()["models"])
    expected = expected.set_index("class_name")["probability"]
    pd.testing.assert_series_equal(got, expected, check_names=False, atol=1e-5)


def test_what_is_no_car_is_said_to_be_unknown(server):
    noise = np.random.default_rng(0).integers(256, size=(300, 400, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    answer = recognise(server.address, file.getvalue()).json()
    assert answer["known"] is False
    assert answer["distance"] > answer["limit"]


def test_one_request_has_the_limits_of_the_page(server):
    refused = recognise(server.address, b"rubbish", headers={"accept-language": "ko"})
    assert refused.status_code == 400
    assert "AVIF 파일이 아닙니다" in refused.json()["error"]
    assert recognise(server.address, *[photo()] * 11).status_code == 413
    assert recognise(server.address, bytes(21_000_000)).status_code == 413
    assert recognise(server.address).status_code == 422


def test_the_programming_interface_describes_itself(server):
    described = httpx.get(f"{server.address}/api/openapi.json").json()
    assert list(described["paths"]) == ["/api/recognise"]
    page = httpx.get(f"{server.address}/api/docs").text
    assert "POST /api/recognise" in page
    assert "http" not in page.replace("http://127.0.0.1:7860/api/recognise", "")


def test_what_is_no_year_is_refused(asking):
    kind, answer = asking.call("search", "쏘나타", None, 0.5, "", "", "soon", "", 4)
    assert kind == "error"
    assert "'soon' is no year" in json.dumps(answer)


def test_confusions_are_listed(asking, classifier):
    _, (every,) = asking.call("confusions", "")
    counts = [each["photos"] for each in every]
    assert counts == sorted(counts, reverse=True)
    name = every[0]["given"]
    _, (own,) = asking.call("confusions", name)
    assert all(name in (each["given"], each["predicted"]) for each in own)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_photo_gets_a_plain_message(asking, name):
    make, message = REFUSED[name]
    kind, answer = asking.recognise(name, make())
    assert kind == "error"
    assert message in json.dumps(answer)
    assert asking.http.get("/health").json()["status"] == "ok"


@pytest.mark.parametrize("name", ANSWERED)
def test_odd_photos_and_names_are_answered(asking, name):
    kind, (answer,) = asking.recognise(name, ANSWERED[name]())
    assert kind == "complete"
    assert sum(each["probability"] for each in answer["models"]) <= 1 + 1e-6


def test_an_exif_rotation_changes_nothing_but_the_side(asking):
    from hostile_photos import rotated

    _, (upright,) = asking.recognise("a.jpg", photo())
    _, (turned,) = asking.recognise("a.jpg", rotated())
    assert upright["models"] != turned["models"]


def test_a_file_above_the_limit_is_refused_before_it_is_kept(asking):
    answer = asking.upload("large.jpg", bytes(21_000_000))
    assert answer.status_code == 413
    assert "20 MB" in answer.text or "maximum allowed size" in answer.text


def test_a_body_that_declares_nothing_is_cut_off(server):
    def endless():
        for _ in range(400):
            yield bytes(100_000)

    # The server may answer, or hang up on the one who goes on sending.
    try:
        headers = {"content-type": "multipart/form-data; boundary=x"}
        answer = httpx.post(
            f"{server.address}{API}/upload", content=endless(), headers=headers, timeout=60
        )
        assert answer.status_code >= 400
    except httpx.TransportError:
        pass
    assert httpx.get(f"{server.address}/health").status_code == 200


def uploads(server):
    folder = f"/proc/{server.process.pid}/cwd"
    return [name for _, _, names in os.walk(folder) for name in names]


def hang_up(address):
    """Go away in the middle of an upload."""
    with socket.create_connection(("127.0.0.1", httpx.URL(address).port)) as connection:
        connection.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
            b'Content-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
            + bytes(1_000_000)
        )
        time.sleep(0.5)


def test_uploads_are_deleted_when_their_time_is_over(serve, test_photo):
    forgetful = serve("--keep-seconds", "1", "--no-index")
    assert Asking(forgetful.address).recognise("gone.jpg", test_photo.read_bytes())
    hang_up(forgetful.address)
    assert uploads(forgetful)
    for _ in range(100):
        if not uploads(forgetful):
            break
        time.sleep(0.1)
    assert uploads(forgetful) == []


def test_uploads_are_deleted_when_the_server_ends(serve, test_photo):
    ended = serve("--no-index")
    folder = Path(f"/proc/{ended.process.pid}/cwd").readlink()
    Asking(ended.address).upload("gone.jpg", test_photo.read_bytes())
    ended.process.terminate()
    ended.process.wait(20)
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_people_with_the_same_photo_are_both_answered(server, test_photo):
    both = [Asking(server.address) for _ in range(2)]
    paths = [asking.upload("a.jpg", test_photo.read_bytes()).json()[0] for asking in both]
    for asking, path in zip(both, paths, strict=True):
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        assert asking.call("recognise", file, 5)[0] == "complete"


def test_no_other_file_is_served(asking):
    for path in (
        "/etc/passwd",
        "../../../etc/passwd",
        "uploads/../../etc/passwd",
        "%2Fetc%2Fpasswd",
    ):
        for route in ("file=", "file/"):
            assert asking.http.get(f"{API}/{route}{path}").status_code >= 400


def test_a_file_of_the_machine_is_no_upload(asking, server, tmp_path):
    own = tmp_path / "private.jpg"
    own.write_bytes(photo())
    for path in (str(own), "/proc/self/environ", f"uploads/../../../{own}"):
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        kind, answer = asking.call("recognise", file, 5)
        assert (kind, answer) == ("error", {"error": None})
    assert {"private.jpg", "environ"}.isdisjoint(uploads(server))


@pytest.mark.parametrize(
    "route",
    [
        "GET /gradio_api/file=http://127.0.0.1/health",
        "GET /gradio_api/proxy=http://127.0.0.1/health",
        "GET /gradio_api/deep_link?session_hash=a",
        "GET /monitoring/summary",
        "POST /gradio_api/run/recognise",
        "POST /gradio_api/process_recording",
        "POST /gradio_api/component_server",
    ],
)
def test_routes_around_the_limits_are_not_offered(asking, route):
    method, path = route.split()
    body = {"data": [None, 5]} if method == "POST" else None
    assert asking.http.request(method, path, json=body).status_code == 404


def test_a_request_without_a_file_is_small(asking):
    answer = asking.http.post(f"{API}/call/search", json={"data": ["a" * 200_000]})
    assert answer.status_code == 413


def test_no_answer_holds_a_path_of_the_machine(asking, saved_ensemble, index_folder):
    """Looks at what all tests above were answered, so that it stands below them."""
    for page in ("/", "/config", f"{API}/info", "/health", "/metrics"):
        asking.texts.append(asking.http.get(page).text)
    whole = "\n".join(asking.texts)
    known = [str(Path.cwd()), str(saved_ensemble), str(index_folder), "/tmp/", "site-packages"]
    assert [path for path in known if path in whole] == []
    assert "Traceback" not in whole


def test_health_and_metrics_are_answered(asking, classifier):
    health = asking.http.get("/health").json()
    assert health["models"] == len(classifier.class_names)
    metrics = asking.http.get("/metrics").text
    assert 'chajong_requests_total{action="recognise",outcome="answered"}' in metrics
    assert 'chajong_requests_total{action="recognise",outcome="refused"}' in metrics
    assert re.search(r"chajong_resident_memory_bytes [0-9.e+]+", metrics)


def test_headers_keep_browsers_careful(asking):
    headers = asking.http.get("/").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "SAMEORIGIN"


@pytest.fixture(scope="module")
def narrow(serve):
    """A server that lets few wait, asks for a login, and knows no photos."""
    return serve(
        "--queue-length",
        "1",
        "--workers",
        "1",
        "--user",
        "차종",
        "--no-index",
        CHAJONG_APP_PASSWORD="비밀 번호",
    )


def logged_in(narrow):
    asking = Asking(narrow.address)
    entered = asking.http.post("/login", data={"username": "차종", "password": "비밀 번호"})
    assert entered.status_code == 200
    return asking


def test_strangers_are_not_answered_where_a_login_is_asked_for(narrow):
    stranger = Asking(narrow.address)
    assert stranger.upload("a.jpg", photo()).status_code == 401
    wrong = stranger.http.post("/login", data={"username": "차종", "password": "x"})
    assert wrong.status_code == 400
    assert stranger.http.get("/health").status_code == 200


def test_one_request_asks_for_the_same_login(narrow):
    assert recognise(narrow.address, photo()).status_code == 401
    login = "차종".encode(), "비밀 번호".encode()
    assert recognise(narrow.address, photo(), auth=("차종".encode(), b"x")).status_code == 401
    answer = recognise(narrow.address, photo(), auth=login)
    assert answer.status_code == 200
    assert answer.json()["known"] is None


def test_who_finds_the_queue_full_is_told_to_try_again(narrow):
    answers = []

    def ask():
        answers.append(logged_in(narrow).recognise("a.jpg", photo()))

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    busy = [text for kind, text in answers if kind == 503]
    assert {kind for kind, _ in answers} == {"complete", 503}
    assert all(text["error"] == "Busy: try again in 2 seconds." for text in busy)
    metrics = httpx.get(f"{narrow.address}/metrics").text
    assert f'outcome="busy"}} {len(busy)}.0' in metrics


def test_without_an_index_photos_are_still_named(narrow):
    kind, (answer,) = logged_in(narrow).recognise("a.jpg", photo())
    assert (kind, answer["similar"]) == ("complete", [])
    kind, answer = logged_in(narrow).call("search", "쏘나타", None, 0.5, "", "", "", "", 4)
    assert kind == "error"
    assert "no known photos" in json.dumps(answer)


def test_a_request_that_takes_too_long_says_so(serve):
    slow = serve("--seconds", "0.001", "--no-index")
    kind, answer = Asking(slow.address).recognise("a.jpg", photo())
    assert kind == "error"
    assert "longer than 0.001 seconds" in json.dumps(answer)


def test_the_ensemble_served_is_the_one_saved(saved_ensemble, asking):
    named = CarClassifier.load(saved_ensemble).class_names
    _, (answer,) = asking.recognise("a.jpg", photo(), 99)
    assert {each["name"] for each in answer["models"]} == set(named)
