"""`sedna logs -f` when the GlobalManager restarts: it goes on, repeats nothing, loses nothing, and ends at last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import httpx
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from sedna.cli.connecting import Parts
from sedna.cli.errors import CommandError, Refused, Unreachable
from sedna.cli.following import GIVE_UP_SECONDS, Following, overlap, unseen
from sedna.cli.main import sedna
from tests.cli.conftest import NOW
from tests.cli.fake_gm import FakeGM


class Log:
    """A worker's log on its node: whoever follows it is cut off after some bytes, and the worker prints meanwhile."""

    def __init__(self, text: bytes, cuts: list[int], meanwhile: Sequence[bytes] = (), away: int = 0) -> None:
        self.text, self.cuts, self.meanwhile, self.away = text, list(cuts), list(meanwhile), away
        self.waits: list[float] = []
        self.warned: list[str] = []

    def open(self, params: dict[str, str]) -> Iterator[bytes]:
        if self.waits and self.away:
            self.away -= 1
            raise Unreachable("cannot reach the GlobalManager.\nStart one.")
        lines = self.text.splitlines(keepends=True)
        history = b"".join(lines[-int(params["tailLines"]) :] if "tailLines" in params else lines)
        if "follow" not in params or not self.cuts:
            yield history
            return
        yield history[: self.cuts.pop(0)]
        if self.meanwhile:
            self.text += self.meanwhile.pop(0)
        raise Unreachable("the connection broke.")

    def ended(self) -> bool:
        return not self.cuts

    def following(self) -> Following:
        return Following("w", self.open, self.ended, self.waits.append, self.warned.append)

    def read(self, tail: int | None = None) -> bytes:
        return b"".join(self.following().pieces(tail))


def numbered(count: int) -> bytes:
    return b"".join(b"line %d\n" % number for number in range(count))


@pytest.mark.parametrize("cut", [0, 3, 7, 10, 21, 400])
def test_a_log_that_is_cut_off_anywhere_goes_on_without_repeating_a_line(cut: int) -> None:
    log = Log(numbered(50), [cut], [b"more\n"])
    assert log.read() == numbered(50) + b"more\n"
    assert len(log.warned) == 1


@given(
    lines=st.lists(st.sampled_from([b"a\n", b"b\n", b"tick\n"]), max_size=30),
    cuts=st.lists(st.integers(min_value=0, max_value=80), max_size=4),
    meanwhile=st.lists(st.sampled_from([b"", b"a\n", b"tick\ntick\n"]), max_size=4),
)
def test_whatever_it_prints_and_whenever_it_is_cut_all_of_it_is_shown_once(
    lines: list[bytes], cuts: list[int], meanwhile: list[bytes]
) -> None:
    log = Log(b"".join(lines), cuts, meanwhile)
    shown = log.read()
    assert shown == log.text


def test_the_last_lines_alone_are_followed_without_those_before() -> None:
    assert (
        Log(numbered(200), [30], [b"more\n"]).read(tail=5)
        == b"".join(numbered(200).splitlines(keepends=True)[-5:]) + b"more\n"
    )


def test_it_says_once_that_it_waits_and_gives_up_after_a_while_with_what_to_do() -> None:
    log = Log(numbered(3), [5, 5], away=10_000)
    with pytest.raises(CommandError) as caught:
        log.read()
    assert "sedna logs -f w" in caught.value.message
    assert len(log.warned) == 1
    assert GIVE_UP_SECONDS - 10 <= sum(log.waits) <= GIVE_UP_SECONDS


def test_a_refusal_is_no_accident() -> None:
    def refuse(_: dict[str, str]) -> Iterator[bytes]:
        raise Refused({"message": "no"}, 403)

    with pytest.raises(Refused):
        list(Following("w", refuse, lambda: True, lambda _: None, lambda _: None).pieces(None))


def test_a_log_that_was_cut_shorter_says_that_lines_may_be_missing() -> None:
    assert unseen([b"x", b"y"], [b"a", b"b"], None) is None


def test_what_two_looks_share_is_as_much_as_can_be() -> None:
    assert overlap([b"a", b"t", b"t"], [b"t", b"t", b"t"]) == 2
    assert overlap([b"a"], [b"b"]) == 0


def test_the_command_goes_on_over_a_restart_until_the_worker_has_ended(gm: FakeGM) -> None:
    gm.put("Worker", "w", spec={"nodeName": "edge"}, status={"phase": "Running"})
    path = "/apis/sedna.io/v1alpha1/namespaces/default/workers/w"
    asked: list[str] = []

    def cut() -> Iterator[bytes]:
        yield b"one\ntw"
        raise httpx.RemoteProtocolError("peer closed connection")

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path != f"{path}/log":
            return gm.transport.handler(request)  # type: ignore[return-value]
        asked.append(str(request.url.params.get("follow")))
        if len(asked) == 1:
            return httpx.Response(200, content=cut())
        gm.resources[path]["status"] = {"phase": "Succeeded"}
        return httpx.Response(200, content=b"one\ntwo\nthree\n")

    waits: list[float] = []
    parts = Parts(transport=httpx.MockTransport(answer), now=lambda: NOW, wait=waits.append)
    result = CliRunner().invoke(sedna, ["logs", "-f", "w"], obj=parts)
    assert (result.exit_code, result.stdout) == (0, "one\ntwo\nthree\n")
    assert result.stderr.count("Trying again") == 1
    assert (waits, asked) == ([1.0], ["true", "None", "true"])
