"""The artifact store's door: a blob comes whole, in parts, broken off, twice, wrong; and goes out from any byte."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sedna_gm.artifacts.disks import DiskBlobs
from sedna_gm.settings import ArtifactSettings
from tests.gm.http.doors import Door

DATA = b"the weights of a model" * 1000
TOTAL = len(DATA)


# Each example has a blob of its own in the one store.
numbers = itertools.count()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def at(data: bytes) -> str:
    return f"/artifacts/blobs/{sha(data)}"


def put(door: Door, data: bytes, start: int = 0, end: int | None = None, expect: int = 200, **options: Any) -> Any:
    """Sends a part of `data` as such."""
    end = len(data) if end is None else end
    headers = {"Content-Range": f"bytes {start}-{end - 1}/{len(data)}", **options.pop("headers", {})}
    return door.put(at(data), expect=expect, data=data[start:end], headers=headers, **options)


def missing(door: Door, *contents: bytes, expect: int = 200) -> Any:
    blobs = [{"sha256": sha(data), "size": len(data)} for data in contents]
    answer = door.post("/artifacts/missing", {"blobs": blobs}, expect)
    return answer if expect >= 400 else {one["sha256"]: one["offset"] for one in answer["missing"]}


def files(artifacts: ArtifactSettings) -> list[str]:
    top = Path(artifacts.folder)
    return sorted(str(path.relative_to(top)) for path in top.rglob("*") if path.is_file())


class Torn(io.BytesIO):
    """A body that breaks off: the socket says so after so many bytes."""

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        if not found:
            raise ConnectionResetError("Connection reset by peer")
        return found


def torn(arrived: bytes, announced: int) -> dict[str, Any]:
    return {"environ_overrides": {"wsgi.input": Torn(arrived), "CONTENT_LENGTH": str(announced)}}


def chunked(data: bytes) -> dict[str, Any]:
    chunks = {"wsgi.input": io.BytesIO(data), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    return {"environ_overrides": chunks}


def test_a_blob_that_rots_on_the_disk_is_dropped_when_somebody_doubts_it_and_asked_for_again(
    door: Door, artifacts: ArtifactSettings, caplog: pytest.LogCaptureFixture
) -> None:
    assert door.post(f"{at(DATA)}/verify", {}, 404)["reason"] == "NotFound"
    door.put(at(DATA), expect=201, data=DATA)
    assert door.post(f"{at(DATA)}/verify", {}, 200) == {"sha256": sha(DATA), "size": TOTAL}
    file = Path(artifacts.folder) / "blobs" / sha(DATA)[:2] / sha(DATA)
    rotten = bytearray(DATA)
    rotten[TOTAL // 2] ^= 1
    file.write_bytes(rotten)
    # Its size is right: nobody sees it until somebody has fetched it.
    assert missing(door, DATA) == {}
    told = door.post(f"{at(DATA)}/verify", {}, 422)
    assert told["reason"] == "WrongDigest"
    assert "it was dropped, and has to be sent again" in told["message"]
    assert sha(DATA) in caplog.text
    assert missing(door, DATA) == {sha(DATA): 0}
    door.put(at(DATA), expect=201, data=DATA)
    assert door.get(at(DATA)).data == DATA
    assert door.post("/artifacts/blobs/nonsense/verify", {}, 400)["reason"] == "BadRequest"


def test_a_blob_comes_whole_and_goes_out_whole(door: Door, artifacts: ArtifactSettings) -> None:
    assert missing(door, DATA) == {sha(DATA): 0}
    assert door.put(at(DATA), expect=201, data=DATA) == {"offset": TOTAL}
    assert missing(door, DATA) == {}
    response = door.get(at(DATA))
    assert response.data == DATA
    assert response.headers["ETag"] == f'"{sha(DATA)}"'
    assert files(artifacts) == [f"blobs/{sha(DATA)[:2]}/{sha(DATA)}"]


def test_a_blob_in_parts_is_published_with_the_last_one_only(door: Door, artifacts: ArtifactSettings) -> None:
    assert put(door, DATA, 0, 100) == {"offset": 100}
    assert door.get(at(DATA), 404)["details"]["kind"] == "Blob"
    assert door.client.head(at(DATA)).headers["Upload-Offset"] == "100"
    assert missing(door, DATA) == {sha(DATA): 100}
    assert files(artifacts) == [f"parts/{sha(DATA)}"]
    assert put(door, DATA, 100, TOTAL, 201) == {"offset": TOTAL}
    assert files(artifacts) == [f"blobs/{sha(DATA)[:2]}/{sha(DATA)}"]
    assert door.ask("HEAD", at(DATA)).headers["Content-Length"] == str(TOTAL)


@pytest.mark.parametrize("start", [0, 99, 101])
def test_a_part_that_does_not_fit_is_told_where_to_go_on(door: Door, start: int) -> None:
    put(door, DATA, 0, 100)
    refused = put(door, DATA, start, TOTAL, 409)
    assert (refused["reason"], refused["details"]["offset"]) == ("OffsetMismatch", 100)
    assert f"bytes 100-{TOTAL - 1}/{TOTAL}" in refused["message"]


def test_what_is_there_is_not_sent_again(door: Door) -> None:
    door.put(at(DATA), expect=201, data=DATA)
    assert door.put(at(DATA), expect=200, data=DATA) == {"offset": TOTAL}
    assert put(door, DATA, 500, 600) == {"offset": TOTAL}


def test_an_empty_blob_is_a_blob(door: Door) -> None:
    assert door.put(at(b""), expect=201, data=b"") == {"offset": 0}
    assert door.put(at(b""), expect=200, data=b"") == {"offset": 0}
    assert missing(door, b"") == {}
    assert door.get(at(b"")).data == b""
    door.get(at(b""), 416, headers={"Range": "bytes=0-"})


@pytest.mark.parametrize("parts_sent", [1, 3])
def test_content_that_is_not_what_it_is_called_is_refused_and_gone(
    door: Door, artifacts: ArtifactSettings, parts_sent: int
) -> None:
    wrong = b"x" + DATA[1:]
    step = TOTAL // parts_sent + 1
    for start in range(0, TOTAL, step):
        end = min(start + step, TOTAL)
        refused = door.put(
            at(DATA),
            expect=200 if end < TOTAL else 422,
            data=wrong[start:end],
            headers={"Content-Range": f"bytes {start}-{end - 1}/{TOTAL}"},
        )
    assert refused["reason"] == "WrongDigest"
    assert sha(wrong) in refused["message"]
    assert files(artifacts) == []
    assert door.put(at(DATA), expect=201, data=DATA) == {"offset": TOTAL}


def test_a_connection_cut_in_the_middle_keeps_what_arrived(door: Door) -> None:
    door.put(at(DATA), expect=400, **torn(DATA[:7000], TOTAL))
    assert missing(door, DATA) == {sha(DATA): 7000}
    put(door, DATA, 7000, TOTAL, 201)
    assert door.get(at(DATA)).data == DATA


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Content-Range": f"bytes 0-9/{TOTAL}"}, "Content-Length says"),
        ({"Content-Range": "bytes 0-/9"}, "not of the form"),
        ({"Content-Range": f"bytes 9-3/{TOTAL}"}, "ends before it begins"),
        ({"Content-Range": f"bytes 0-{TOTAL}/{TOTAL}"}, "after the blob"),
        ({"Content-Range": "pages 1-2/3"}, "not of the form"),
        ({"Content-Range": f"bytes */{TOTAL}"}, "Content-Length says"),
    ],
)
def test_a_body_that_is_not_what_its_range_says_is_refused(
    door: Door, artifacts: ArtifactSettings, headers: dict[str, str], said: str
) -> None:
    assert said in door.put(at(DATA), expect=400, data=DATA, headers=headers)["message"]
    assert files(artifacts) == []


def test_a_body_in_chunks_is_taken_as_far_as_its_range_goes(door: Door) -> None:
    put_chunks = {"headers": {"Content-Range": f"bytes 0-99/{TOTAL}"}}
    assert "more than the 100 bytes" in door.put(at(DATA), expect=400, **chunked(DATA), **put_chunks)["message"]
    assert door.put(at(DATA), expect=200, **chunked(DATA[:60]), **put_chunks) == {"offset": 60}
    rest = {"headers": {"Content-Range": f"bytes 60-{TOTAL - 1}/{TOTAL}"}}
    assert door.put(at(DATA), expect=201, **chunked(DATA[60:]), **rest) == {"offset": TOTAL}
    assert "how many bytes" in door.put(at(b"other"), expect=400, **chunked(b"other"))["message"]


def test_a_blob_that_had_come_whole_before_the_service_ended_is_published_when_asked_for(
    door: Door, artifacts: ArtifactSettings
) -> None:
    part = Path(artifacts.folder) / "parts" / sha(DATA)
    part.parent.mkdir(parents=True)
    part.write_bytes(DATA)
    assert missing(door, DATA) == {}
    assert door.get(at(DATA)).data == DATA
    other = b"other" * 99
    (Path(artifacts.folder) / "parts" / sha(other)).write_bytes(other)
    assert door.put(at(other), expect=201, headers={"Content-Range": f"bytes */{len(other)}"}) == {"offset": len(other)}


@pytest.mark.parametrize("junk", [b"y" * TOTAL, b"y" * (TOTAL + 1)], ids=["as long", "longer"])
def test_a_part_full_of_something_else_is_dropped_not_published(
    door: Door, artifacts: ArtifactSettings, junk: bytes
) -> None:
    part = Path(artifacts.folder) / "parts" / sha(DATA)
    part.parent.mkdir(parents=True)
    part.write_bytes(junk)
    assert missing(door, DATA) == {sha(DATA): 0}
    assert door.put(at(DATA), expect=201, data=DATA) == {"offset": TOTAL}


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=100-", 100, TOTAL),
        ("bytes=-7", TOTAL - 7, TOTAL),
        (f"bytes=5-{TOTAL * 2}", 5, TOTAL),
    ],
)
def test_a_range_is_answered_with_just_that(door: Door, wanted: str, start: int, end: int) -> None:
    door.put(at(DATA), expect=201, data=DATA)
    response = door.get(at(DATA), 206, headers={"Range": wanted, "If-Range": f'"{sha(DATA)}"'})
    assert response.data == DATA[start:end]
    assert response.headers["Content-Range"] == f"bytes {start}-{end - 1}/{TOTAL}"
    assert response.headers["Content-Length"] == str(end - start)
    head = door.ask("HEAD", at(DATA), expect=206, headers={"Range": wanted})
    assert (head.headers["Content-Length"], head.data) == (str(end - start), b"")


def test_a_range_of_something_else_or_of_nothing_is_the_whole(door: Door) -> None:
    door.put(at(DATA), expect=201, data=DATA)
    for headers in ({"Range": "bytes=5-9", "If-Range": '"other"'}, {"Range": "pages=1-2"}, {"Range": "bytes=1-2,5-9"}):
        assert door.get(at(DATA), 200, headers=headers).data == DATA


def test_a_range_behind_the_end_says_where_the_end_is(door: Door) -> None:
    door.put(at(DATA), expect=201, data=DATA)
    response = door.client.get(at(DATA), headers={"Range": f"bytes={TOTAL}-"})
    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{TOTAL}"
    assert response.get_json()["reason"] == "RangeNotSatisfiable"


@pytest.mark.parametrize("name", ["..", "%2e%2e%2fgm.db", "a" * 63, "A" * 64, f"{'a' * 63}/", "a" * 65])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_only_a_sha256_names_a_blob(door: Door, name: str, method: str) -> None:
    response = door.client.open(f"/artifacts/blobs/{name}", method=method, data=b"x" if method == "PUT" else None)
    assert response.status_code in (400, 404)
    assert response.get_json()["kind"] == "Status"


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "{",
        '{"blobs": {}}',
        '{"blobs": [3]}',
        '{"blobs": [{"sha256": "x", "size": 1}]}',
        json.dumps({"blobs": [{"sha256": sha(DATA), "size": -1}]}),
        json.dumps({"blobs": [{"sha256": sha(DATA), "size": True}]}),
        json.dumps({"blobs": [{"sha256": sha(DATA), "size": 1}, {"sha256": sha(DATA), "size": 2}]}),
        "[" * 100_000,
    ],
    ids=range(9),
)
def test_a_question_that_makes_no_sense_is_answered_with_what_is_wrong(door: Door, body: str) -> None:
    door.post("/artifacts/missing", expect=400, data=body, content_type="application/json")


def test_a_blob_under_another_size_is_told_at_once(door: Door) -> None:
    door.put(at(DATA), expect=201, data=DATA)
    asked = {"blobs": [{"sha256": sha(DATA), "size": 1}]}
    assert f"has {TOTAL} bytes, not 1" in door.post("/artifacts/missing", asked, 400)["message"]


class TestFull:
    @pytest.fixture
    def artifacts(self, tmp_path: Path) -> ArtifactSettings:
        return ArtifactSettings(folder=str(tmp_path / "artifacts"), max_bytes=TOTAL + 100)

    def test_what_will_not_fit_is_refused_before_it_is_sent(self, door: Door, artifacts: ArtifactSettings) -> None:
        other = DATA[::-1]
        assert missing(door, DATA) == {sha(DATA): 0}
        assert missing(door, DATA, other, expect=507)["reason"] == "InsufficientStorage"
        door.put(at(DATA), expect=201, data=DATA)
        refused = door.put(at(other), expect=507, data=other)
        assert "artifacts.maxBytes" in refused["message"]
        assert "100 B are left" in refused["message"]
        assert files(artifacts) == [f"blobs/{sha(DATA)[:2]}/{sha(DATA)}"]
        assert door.get(at(DATA)).data == DATA

    def test_parts_count_too_and_what_is_dropped_counts_no_more(self, door: Door) -> None:
        other = DATA[::-1]
        put(door, DATA, 0, TOTAL - 1)
        door.put(at(other), expect=507, data=other)
        wrong = {"headers": {"Content-Range": f"bytes {TOTAL - 1}-{TOTAL - 1}/{TOTAL}"}}
        door.put(at(DATA), expect=422, data=b"\xff", **wrong)
        door.put(at(other), expect=201, data=other)


class TestFullDisk:
    @pytest.fixture
    def artifacts(self, tmp_path: Path) -> ArtifactSettings:
        return ArtifactSettings(folder=str(tmp_path / "artifacts"), reserve_bytes=2**60)

    def test_a_disk_without_its_reserve_takes_nothing(self, door: Door, artifacts: ArtifactSettings) -> None:
        refused = door.put(at(DATA), expect=507, data=DATA)
        assert "artifacts.reserveBytes" in refused["message"]
        assert missing(door, DATA, expect=507)["code"] == 507
        assert missing(door) == {}
        assert not Path(artifacts.folder).exists()


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", at(DATA)), ("GET", at(DATA)), ("HEAD", at(DATA)), ("POST", "/artifacts/missing")]
)
def test_a_folder_that_cannot_be_used_is_named_to_caller_and_operator(
    door: Door, artifacts: ArtifactSettings, caplog: pytest.LogCaptureFixture, method: str, path: str
) -> None:
    Path(artifacts.folder).write_text("a file where the folder should be")
    body = json.dumps({"blobs": [{"sha256": sha(DATA), "size": TOTAL}]}) if method == "POST" else DATA
    response = door.client.open(path, method=method, data=body)
    assert response.status_code == 503
    assert method == "HEAD" or artifacts.folder in response.get_json()["message"]
    assert "artifacts.folder" in caplog.text
    assert "this is a bug" not in caplog.text


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(data=st.data(), content=st.binary(max_size=3000))
def test_random_cuts_and_resumes_end_in_the_right_bytes(
    door: Door, artifacts: ArtifactSettings, data: st.DataObject, content: bytes
) -> None:
    """Parts of any length, torn anywhere, by senders who do not know of each other, over restarts of the service."""
    content = next(numbers).to_bytes(4, "big") + content
    for _ in range(10):
        asked = missing(door, content)
        if not asked:
            break
        start = data.draw(st.sampled_from([asked[sha(content)], 0]))
        end = data.draw(st.integers(start + 1, len(content)), label="end")
        arrives = data.draw(st.integers(0, end - start), label="arrives")
        headers = {"Content-Range": f"bytes {start}-{end - 1}/{len(content)}"}
        body = torn(content[start : start + arrives], end - start)
        assert door.client.put(at(content), headers=headers, **body).status_code in (200, 201, 400, 409)
        if data.draw(st.booleans(), label="restart"):
            again = replace(door.parts, blobs=DiskBlobs(artifacts, door.parts.clock))
            again.install(door.client.application.extensions)
    if asked := missing(door, content):
        put(door, content, asked[sha(content)], None, 201)
    assert door.get(at(content)).data == content
    assert f"parts/{sha(content)}" not in files(artifacts)
