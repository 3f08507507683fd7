"""The digits example as its README has it typed, and the pages that look at a job while it runs: all by `sedna up`."""

from __future__ import annotations

from tests.documented.sites import OpenSite
from tests.documented.stories import Said, Story
from tests.end_to_end.clusters import Document

JOB = "digits"
NAME = {"NAME": JOB}


def saved(site: OpenSite) -> None:
    """Wait until the camera has saved what the README's labelling script reads."""
    folder = site.terminal.folder / "digits" / "hard_examples"
    site.cluster.until_seen(lambda: len(list(folder.glob("*.json"))) > 20, "the camera has saved hard examples")


def labelled(site: OpenSite, said: Said) -> None:
    """Some were."""
    assert int(said.out.split()[0]) > 20, said.out


def deployed(site: OpenSite, said: Said) -> None:
    """The batch begins a round; wait for its end, for the next pages to look at."""
    finished = lambda job: _is_waiting(job) and len(site.cluster.rounds(JOB)) >= 1  # noqa: E731
    site.cluster.until("IncrementalLearningJob", JOB, finished, "the first round is finished")


def _is_waiting(job: Document) -> bool:
    return (job["status"].get("stage"), job["status"].get("phase")) == ("Train", "Waiting")


def configured(site: OpenSite) -> None:
    """A kubeconfig, which the README of the example does not need."""
    site.terminal.set(KUBECONFIG=str(site.up / "kubeconfig"))


def edited(site: OpenSite) -> None:
    """An editor that changes something."""
    configured(site)
    site.terminal.set(KUBE_EDITOR="sed -i 's/threshold: 80$/threshold: 81/'")


def is_edited(site: OpenSite, said: Said) -> None:
    job = site.cluster.get("IncrementalLearningJob", JOB)
    assert job["spec"]["trainSpec"]["trigger"]["condition"]["threshold"] == 81, said.out


# A changed resource is printed as another line of the table.
ROW = rf"(?m)^{JOB}\s+\w+\s+\w+"
# What the camera's worker prints when it has a model.
PRINTED = "is served now"
# What `why` says of another moment is under the same headings.
HEADING = r"^[A-Z][^:]*$"


STORIES = (
    Story(
        "examples/digits/README.md", "Run it",
        before={"python ../examples/digits/label.py": saved},
        after={"python ../examples/digits/label.py": labelled, "tail -n +2 digits/labelled": deployed},
        until={"sedna get ilj digits -w": ROW},
    ),
    Story(
        "docs/howto/first-job.md", "Watch a job learn", words=NAME,
        until={"sedna get ilj -w": ROW, "sedna logs NAME -f": PRINTED},
    ),
    Story("docs/howto/why.md", "Ask why", only=HEADING),
    Story("docs/howto/operating.md", "Logs of workers that are gone", before={"kubectl logs": configured}),
    Story("docs/howto/troubleshooting.md", "Troubleshooting", words=NAME, until={"sedna logs NAME -f": PRINTED}),
    Story(
        "docs/howto/troubleshooting.md", "A job that has given up", words=NAME,
        before={"kubectl edit": edited}, after={"kubectl edit": is_edited},
    ),
)  # fmt: skip
