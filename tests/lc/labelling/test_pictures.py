"""Pictures as they are sent: whole, or small and made by a process that may do nothing else."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sedna_lc.labelling.headers import media_of, size_of
from sedna_lc.labelling.picturing import Thumbnails
from sedna_lc.labelling.refusing import CannotLabel
from tests.lc.labelling.nodes import WORKER, Node, jpeg, png

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def ask(node: Node, name: str, width: int | None = None) -> dict[str, Any]:
    return node.ask("picture", namespace="default", worker=WORKER, example=name, width=width)


def encoded(form: str, width: int = 960, height: int = 600, mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, (width, height), "red" if mode == "RGB" else None).save(out, form)
    return out.getvalue()


def test_the_original_is_sent_as_it_is(node: Node) -> None:
    data = node.keep("a").read_bytes()
    told = ask(node, "a")
    assert base64.b64decode(told["data"]) == data
    assert (told["media"], told["name"]) == ("image/jpeg", "a.jpg")
    assert told["sha256"] == hashlib.sha256(data).hexdigest()


def test_a_picture_that_its_camera_held_sideways_is_in_the_pixels_of_its_file_everywhere(node: Node) -> None:
    upright = Image.new("RGB", (960, 600), "blue")
    upright.paste((255, 0, 0), (0, 0, 480, 600))
    exif = Image.Exif()
    # Orientation: to be turned by 90 degrees.
    exif[0x0112] = 6
    out = io.BytesIO()
    upright.save(out, "JPEG", exif=exif)
    node.keep("a", picture=out.getvalue())
    (item,) = node.page()["items"]
    assert (item["width"], item["height"]) == (960, 600)
    # The same box is beside its edge of 960, which is none of a picture that was turned.
    assert node.save("a", [{"box": [700, 0, 960, 600], "class": 0}])["line"] == "images/a.jpg 700,0,960,600,0"
    small = Image.open(io.BytesIO(base64.b64decode(ask(node, "a", 320)["data"])))
    assert small.size == (320, 200)
    assert dict(small.getexif()) == {}
    assert small.getpixel((10, 100))[0] > 200 > 50 > small.getpixel((310, 100))[0]
    assert base64.b64decode(ask(node, "a")["data"]) == out.getvalue()


def test_an_original_that_is_too_large_is_refused_and_its_small_one_is_not(node: Node) -> None:
    node.keep("a", picture=encoded("JPEG") + bytes(8 << 20))
    assert (ask(node, "a")["error"]["code"], ask(node, "a")["error"]["reason"]) == (413, "TooLarge")
    assert ask(node, "a", 320)["media"] == "image/jpeg"


@pytest.mark.parametrize(
    ("form", "mode"), [("JPEG", "RGB"), ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("JPEG", "L")]
)
def test_a_small_one_is_as_wide_as_the_next_width_that_is_made(node: Node, form: str, mode: str) -> None:
    node.keep("a", picture=encoded(form, mode=mode), ending=f".{form.lower()}")
    for width, made in ((1, 160), (320, 320), (321, 640), (10_000, 960)):
        told = ask(node, "a", width)
        assert Image.open(io.BytesIO(base64.b64decode(told["data"]))).size == (made, made * 5 // 8)
        assert told["media"] == "image/jpeg"


def test_a_small_one_is_made_once_and_the_oldest_go(tmp_path: Path) -> None:
    thumbnails = Thumbnails(tmp_path, kept=3)
    data = encoded("JPEG")
    first = thumbnails.small("a.jpg", data, 160)
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"kept")
    assert thumbnails.small("other-name.jpg", data, 160).data == b"kept"
    for size in range(1, 6):
        thumbnails.small("b.jpg", encoded("JPEG", size, size), 160)
        assert len(list(tmp_path.iterdir())) <= 3
    assert thumbnails.small("a.jpg", data, 160) == first


def bomb() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(100_000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (bomb(), "pixels"),
        (jpeg(), "decoded"),
        (png(), "decoded"),
        (encoded("JPEG")[:400], "decoded"),
        (b"GIF89a", "neither"),
    ],
    ids=["bomb", "no pixels", "broken", "cut off", "another format"],
)
def test_what_cannot_be_decoded_is_refused_with_a_sentence(node: Node, data: bytes, said: str) -> None:
    node.keep("a", picture=data)
    error = ask(node, "a", 320)["error"]
    assert (error["code"], error["reason"]) == (422, "BadPicture")
    assert said in error["message"]


def test_whoever_decodes_can_open_no_file_nor_start_anything() -> None:
    program = (
        "import os, socket, sys\n"
        "from sedna_lc.labelling import thumbnails\n"
        "thumbnails._limit()\n"
        "for act in (lambda: open('/etc/hostname'), socket.socket, lambda: os.open('/tmp', os.O_RDONLY)):\n"
        "    try:\n"
        "        act()\n"
        "    except OSError:\n"
        "        continue\n"
        "    sys.exit(1)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_program_itself_never_imports_what_decodes() -> None:
    program = "import sys; import sedna_lc.daemon.wiring; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_picture_that_is_far_too_large_is_not_even_decoded(tmp_path: Path) -> None:
    with pytest.raises(CannotLabel) as raised:
        Thumbnails(tmp_path).small("a.jpg", encoded("JPEG", 10, 10) + bytes(64 << 20), 160)
    assert raised.value.code == 413


@given(st.integers(1, 65_535), st.integers(1, 65_535))
def test_a_header_tells_the_size(width: int, height: int) -> None:
    assert size_of(jpeg(width, height)) == size_of(png(width, height)) == (width, height)


@pytest.mark.parametrize("progressive", [False, True])
def test_the_size_is_the_one_that_a_decoder_finds(progressive: bool) -> None:
    out = io.BytesIO()
    Image.new("RGB", (123, 45)).save(out, "JPEG", progressive=progressive, exif=b"Exif\0\0" + bytes(3000))
    assert size_of(out.getvalue()) == (123, 45)
    assert size_of(encoded("PNG", 7, 8)) == (7, 8)


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=100).map(lambda tail: b"\xff\xd8" + tail)))
@example(b"\xff\xd8" + b"\xff" * 50)
@example(b"\xff\xd8\xff\xe0\x00\x00")
@example(jpeg(0, 5))
@example(png(0, 5))
def test_no_bytes_break_the_reader_of_headers(data: bytes) -> None:
    size = size_of(data)
    assert size is None or min(size) > 0
    assert media_of(data) in (None, "image/jpeg", "image/png")
    for length in range(len(data)):
        size_of(data[:length])
