"""Attacks parsers with inputs that follow their code (atheris): `python -m tests.attacks.fuzz NAME FOLDER [-runs=N] …`.

NAME is one of `tests.attacks.parsers.PARSERS`, or `all`: then the first byte says whom the rest is for. FOLDER keeps
what was found worth trying, and the input of a crash or a hang; everything behind it is libFuzzer's. It ends with
another code than 0 when there was one. `make fuzz` attacks each for a while.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["sedna", "sedna_gm", "sedna_lc", "yaml"], enable_loader_override=False):
    from tests.attacks.parsers import PARSERS, Parser, attack

_EVERY = tuple(PARSERS.values())


def _seeds(name: str) -> Iterable[bytes]:
    if name != "all":
        return PARSERS[name].seeds
    return (bytes([number]) + seed for number, parser in enumerate(_EVERY) for seed in parser.seeds)


def _picked(name: str, data: bytes) -> tuple[Parser, bytes]:
    if name != "all":
        return PARSERS[name], data
    return _EVERY[data[0] % len(_EVERY) if data else 0], data[1:]


def main() -> None:
    """Never returns: libFuzzer ends the process."""
    # A hundred thousand refusals need no log.
    logging.disable(logging.CRITICAL)
    name, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(_seeds(name)):
        (folder / f"seed-{number}").write_bytes(seed)

    def once(data: bytes) -> None:
        attack(*_picked(name, data))

    atheris.Setup([sys.argv[0], *sys.argv[3:], f"-artifact_prefix={folder}/found-", str(folder)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
