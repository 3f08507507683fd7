"""Saves a label for each of some examples: the program that `test_accidents` lets die. `python saving.py FOLDER`"""

from __future__ import annotations

import sys
from pathlib import Path

from sedna_lc.state.opening import open_store
from tests.lc.labelling.nodes import NOW, Node, box

NAMES = [f"example-{number}" for number in range(3)]


def main(folder: Path) -> int:
    node = Node(folder, open_store(folder / "state", NOW))
    for number, name in enumerate(NAMES):
        if not (node.examples / f"{name}.jpg").exists():
            node.keep(name)
        answer = node.save(name, [box(class_=number)])
        if "error" in answer:
            print(answer["error"])
            return 1
        print(name, answer["created"], answer["label"]["version"])
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
