"""Versions of a model on a running system: kept, gone back to by kubectl and by the command, and refused by a gate."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from tests.end_to_end import pages
from tests.end_to_end.machines import Machine
from tests.end_to_end.test_loop import feed, label_of, round_done, submit

pytestmark = pytest.mark.timeout(300)
MODEL = ("Model", "base")


def served(machine: Machine, round_: int) -> None:
    machine.until(
        *MODEL,
        lambda model: model["status"].get("version", {}).get("round") == round_,
        f"the version of round {round_} is served",
    )


def rounds(machine: Machine, count: int) -> None:
    for number in range(count):
        feed(machine, 50 * number)
        round_done(machine, number + 1)


@pytest.mark.parametrize("hot", [True, False], ids=["hot", "cold"])
def test_three_rounds_and_back_to_the_first_by_annotation_and_by_the_command(numbers: Machine, hot: bool) -> None:
    submit(numbers, hot=hot)
    label_of(numbers, 15.0, "0")
    rounds(numbers, 3)
    served(numbers, 3)
    label_of(numbers, 75.0, "1")
    listed = [(each["round"], each["state"]) for each in numbers.get(*MODEL)["status"]["versions"]]
    assert listed == [(3, "Deployed"), (2, "Previous"), (1, "Previous"), (0, "Previous")]

    annotate(numbers, "1")
    served(numbers, 1)
    # What only the later rounds have seen is not known any more.
    label_of(numbers, 75.0, "0")
    label_of(numbers, 15.0, "1")
    record = numbers.rounds("numbers")[-1]
    assert (record["decision"], record["rollback"]["asked"]) == ("Deployed", "1")

    forward = numbers.sedna("rollback", MODEL[1], "--to", "3", "--wait")
    assert forward.returncode == 0, forward.stderr
    label_of(numbers, 75.0, "1")
    back = numbers.sedna("rollback", MODEL[1], "--to", "1", "--wait")
    assert back.returncode == 0, back.stderr
    label_of(numbers, 75.0, "0")
    assert "is served again" in back.stdout
    wide = numbers.sedna("get", "model", MODEL[1], "-o", "wide").stdout
    assert "3,2,1*,0" in wide
    unknown = numbers.sedna("rollback", MODEL[1], "--to", "9")
    assert unknown.returncode == 1
    assert "no version of round 9" in unknown.stderr

    # The next training goes on from the last trained model, and a later round deploys again.
    feed(numbers, 150)
    numbers.until(*MODEL, lambda model: model["status"]["version"]["round"] > 3, "a later round is deployed")
    label_of(numbers, 75.0, "1")


def annotate(machine: Machine, text: str) -> None:
    """By kubectl where there is one; it is the same patch."""
    if shutil.which("kubectl") is None:
        body = {"metadata": {"annotations": {"sedna.io/rollback": text}}}
        machine.gm.ask(
            "PATCH",
            f"/apis/sedna.io/v1alpha1/namespaces/default/models/{MODEL[1]}",
            body=body,
            content_type="application/merge-patch+json",
        )
        return
    words = ["kubectl", "--server", machine.setup.server, "annotate", "model", MODEL[1], f"sedna.io/rollback={text}"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, cwd=machine.folder)
    assert done.returncode == 0, done.stderr


def test_a_gate_on_old_knowledge_refuses_a_model_that_forgets(numbers: Machine) -> None:
    folder = numbers.folder
    # A training that forgets: it keeps what it has just seen, and nothing else.
    code = numbers.setup.images / "numbers" / "v1" / "app" / "interface.py"
    text = code.read_text()
    assert "self.known += [" in text
    code.write_text(text.replace("self.known += [", "self.known = ["))
    (folder / "old.csv").write_text("value,label\n" + pages.samples(0, 50))
    manifests = gated(pages.manifests(folder), f"{folder}/old.csv")
    numbers.create(manifests)
    feed(numbers, 0)
    first = round_done(numbers, 1)
    assert first["decision"] == "Deployed", json.dumps(first)
    # By chance of the split it has seen some of the old ones more, some less; the next one will know none.
    assert first["metrics"]["new"]["regression.accuracy"] > 0.7  # type: ignore[index]
    with (folder / "numbers.csv").open("a") as file:
        file.write("".join(f"{value},0\n" for value in range(100, 150)))
    second = round_done(numbers, 2)
    assert second["decision"] == "NotDeployed", json.dumps(second)
    assert "regression.accuracy_delta >= -0.02 does not hold" in str(second["message"])
    served(numbers, 1)


def gated(text: str, old: str) -> str:
    """The page's manifests with a regression dataset and a trigger that asks for it."""
    dataset = "\n".join(
        [
            "apiVersion: sedna.io/v1alpha1",
            "kind: Dataset",
            "metadata: {name: old-numbers}",
            f"spec: {{url: {old}, format: csv, nodeName: edge-node}}",
            "---",
            "",
        ]
    )
    changed = text.replace('operator: ">", threshold: 0.1, metric: accuracy_delta', CONDITION)
    assert CONDITION in changed
    before = "evalSpec:\n"
    assert changed.count(before) == 1
    changed = changed.replace(before, "evalSpec:\n    regressionDataset: {name: old-numbers}\n")
    return dataset + changed


CONDITION = 'operator: ">=", threshold: -0.02, metric: regression.accuracy_delta'
