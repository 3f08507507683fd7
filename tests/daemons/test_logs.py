"""Where sentences go: as text to a terminal, as JSON by choice, as fields to the journal, and never nowhere."""

from __future__ import annotations

import io
import json
import logging
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.daemons.logs import JournalHandler, JsonFormatter, datagram, fields, leads_to_journal, priority

FIELDS = fields(WORKER="w", ROUND_ID="0123456789ab", UNIT="")


def line(message: str = "it runs", level: int = logging.INFO, error: bool = False) -> logging.LogRecord:
    info = None
    if error:
        try:
            raise ValueError("torn")
        except ValueError:
            info = sys.exc_info()
    logger = logging.Logger("sedna_lc.x")
    return logger.makeRecord(logger.name, level, "x.py", 1, message, (), info, extra=FIELDS)


def parsed(data: bytes) -> dict[str, str]:
    """As journald reads it."""
    found = {}
    while data:
        head, _, rest = data.partition(b"\n")
        name, equals, value = head.partition(b"=")
        if not equals:
            (size,) = struct.unpack("<Q", rest[:8])
            value, rest = rest[8 : 8 + size], rest[9 + size :]
        found[name.decode()] = value.decode()
        data = rest
    return found


def test_a_line_as_json_is_one_object_with_its_fields() -> None:
    text = JsonFormatter().format(line("two\nlines", error=True))
    assert "\n" not in text
    content = json.loads(text)
    assert (content["message"], content["level"], content["WORKER"]) == ("two\nlines", "INFO", "w")
    assert content["ROUND_ID"] == "0123456789ab"
    assert "UNIT" not in content, "a field without a value says nothing"
    assert "ValueError: torn" in content["exception"]


@given(st.text())
def test_whatever_a_sentence_holds_it_makes_no_field_of_its_own(message: str) -> None:
    found = parsed(datagram(line(message.replace("%", "%%")), "sedna-lc"))
    assert set(found) == {"MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "LOGGER", "WORKER", "ROUND_ID"}
    assert (found["SYSLOG_IDENTIFIER"], found["LOGGER"], found["WORKER"]) == ("sedna-lc", "sedna_lc.x", "w")


def test_levels_are_those_of_syslog() -> None:
    assert [priority(one) for one in (10, 20, 30, 40, 50)] == [7, 6, 4, 3, 2]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "socket"))
        made.settimeout(10)
        yield made


def test_a_line_reaches_the_journal_with_its_fields(journal: socket.socket) -> None:
    stream = io.StringIO()
    handler = JournalHandler("sedna-lc", stream, journal.getsockname())
    handler.handle(line())
    assert parsed(journal.recv(65536))["MESSAGE"] == "it runs"
    assert stream.getvalue() == ""
    handler.close()


def test_what_the_journal_does_not_take_is_said_on_the_stream(tmp_path: Path) -> None:
    stream = io.StringIO()
    handler = JournalHandler("sedna-lc", stream, str(tmp_path / "nobody"))
    handler.handle(line())
    assert "it runs" in stream.getvalue()
    handler.close()


def test_only_a_stream_that_leads_to_the_journal_is_taken_for_one(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        found = os.fstat(stream.fileno())
        assert leads_to_journal(f"{found.st_dev}:{found.st_ino}", stream)
        assert not leads_to_journal("1:2", stream)
        assert not leads_to_journal("", stream)
    assert not leads_to_journal("1:2", io.StringIO())


@pytest.mark.parametrize(("chosen", "environ", "start"), [("auto", {}, "20"), ("json", {}, "{"), ("text", {}, "20")])
def test_a_service_writes_as_it_was_told(chosen: str, environ: dict[str, str], start: str) -> None:
    code = (
        "import logging, os; from sedna.daemons import logs;"
        f"logs.set_up('INFO', {chosen!r}, 'sedna-gm', os.environ);"
        "logging.info('it runs', extra=logs.fields(NAME='j'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.startswith(start)
    assert "it runs" in done.stderr
