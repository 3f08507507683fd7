"""Labels on a real host: pictures are the workers' user's, the dataset a person's, and the program is confined."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sedna.cli.errors import Refused
from tests.hosts.bases import ADMIN
from tests.hosts.clouds import Cloud, settings_of
from tests.hosts.labs import Lab
from tests.hosts.pictures import HEIGHT, JOB, LIST, NEEDED, PLACE, WIDTH, Pictures, at, name_of, picture
from tests.hosts.proofs import KUBECONFIG
from tests.hosts.waiting import wait_until

BOX = {"box": [5, 7, 31, 41], "class": 0}


@pytest.fixture
def pictures(lab: Lab, cloud: Cloud, made: Path, tmp_path: Path) -> Pictures:
    """The job, with all pictures listed and none labelled."""
    pictures = Pictures(cloud, lab["edge1"])
    pictures.carry(tmp_path, made / "models" / "base" / "model.joblib")
    pictures.submit()
    return pictures


def read(cloud: Cloud, *below: str, **params: str) -> bytes:
    return b"".join(cloud.gm.read(at(*below), params=params))


def sedna(cloud: Cloud, *words: str, stdin: str | None = None) -> str:
    """Run the command on the cloud host as its administrator."""
    return cloud.host.run("env", f"KUBECONFIG={KUBECONFIG}", "sedna", *words, stdin=stdin)


def owner_of(pictures: Pictures, path: str) -> str:
    return pictures.edge.run("stat", "--format=%U:%G %a", path).strip()


def test_a_label_becomes_a_sample_that_belongs_to_whom_the_dataset_belongs(pictures: Pictures) -> None:
    cloud, edge = pictures.cloud, pictures.edge
    user = settings_of(edge)["systemd"]["user"]
    first, second, third = (name_of(number) for number in range(3))
    assert owner_of(pictures, f"{PLACE}/hard/{first}.png").startswith(f"{user}:"), "the worker has written it"
    shown = json.loads(read(cloud))
    assert shown["classes"] == ["person", "helmet"]
    item = next(one for one in shown["items"] if one["name"] == first)
    assert (item["width"], item["height"]) == (WIDTH, HEIGHT)
    assert item["boxes"] == [{"box": [4, 6, 30, 40], "score": 0.5, "class": 1}]
    # The picture as it lies there, and a small one from a process that the unit's sandbox lets begin and bound itself.
    assert read(cloud, first, "picture") == picture(0)
    assert read(cloud, first, "picture", width="160").startswith(b"\xff\xd8\xff")

    told = cloud.gm.ask("PUT", at(first, "label"), body={"boxes": [BOX], "version": None})
    line = f"images/{first}.png 5,7,31,41,0"
    assert told["sample"]["line"].strip() == line
    assert told["trigger"] == {"samples": 1, "needed": NEEDED}
    assert edge.read(LIST) == f"{line}\n"
    assert owner_of(pictures, LIST) == f"{ADMIN}:{ADMIN} 644"
    assert owner_of(pictures, f"{PLACE}/dataset/images") == f"{ADMIN}:{ADMIN} 755"
    assert owner_of(pictures, f"{PLACE}/dataset/images/{first}.png") == f"{ADMIN}:{ADMIN} 644"
    # Saved again it is the same one; another person who has not seen it does not overwrite it.
    cloud.gm.ask("PUT", at(first, "label"), body={"boxes": [BOX], "version": None})
    with pytest.raises(Refused) as refused:
        cloud.gm.ask("PUT", at(first, "label"), body={"boxes": [], "version": None})
    assert refused.value.code == 409
    assert edge.read(LIST) == f"{line}\n"
    counted = lambda it: it["status"].get("numberOfSamples") == 1  # noqa: E731
    cloud.until("Dataset", JOB, counted, "the label is counted, once")

    # A dataset that the workers' user owns is served as well.
    edge.shell(f"chown -R {user}: {PLACE}/dataset")
    cloud.gm.ask("PUT", at(second, "label"), body={"boxes": [], "version": None})
    assert edge.read(LIST).splitlines()[1:] == [f"images/{second}.png"]
    assert owner_of(pictures, f"{PLACE}/dataset/images/{second}.png").startswith(f"{user}:")
    cloud.until("Dataset", JOB, lambda it: it["status"].get("numberOfSamples") == 2, "both labels are counted")

    why = sedna(cloud, "why", JOB)
    assert f"num_of_samples >= {NEEDED} does not hold: it is 2; 1 more is needed." in why, why
    assert "abel" in why.partition("What you can do")[2].partition("When it trains")[0], why
    assert carried_out_and_in(pictures, third) == f"images/{third}.png 8,8,20,20,1"
    cloud.until("Dataset", JOB, lambda it: it["status"].get("numberOfSamples") == NEEDED, "all labels are counted")
    enough = f"[yes] num_of_samples >= {NEEDED} holds"
    wait_until("the trigger holds", lambda: sedna(cloud, "why", JOB), lambda said: enough in said)


def carried_out_and_in(pictures: Pictures, example: str) -> str:
    """Export all examples, draw a box into one as a tool would, import that; return the last line of the list."""
    cloud = pictures.cloud
    shown = sedna(cloud, "label", "export", JOB, "--pictures", "/tmp/exported")
    document = json.loads(shown)
    assert len(document["images"]) == len(cloud.host.shell("ls /tmp/exported").split())
    cloud.host.shell("rm -r /tmp/exported")
    image = next(one for one in document["images"] if example in one["file_name"])
    helmet = next(one["id"] for one in document["categories"] if one["name"] == "helmet")
    drawn = {"id": 1, "image_id": image["id"], "category_id": helmet, "bbox": [8, 8, 12, 12]}
    one = {**document, "images": [image], "annotations": [drawn]}
    sedna(cloud, "label", "import", JOB, "-", stdin=json.dumps(one))
    return pictures.edge.read(LIST).splitlines()[-1]


def test_a_list_that_workers_may_not_read_is_not_written_for_them(pictures: Pictures) -> None:
    # This program is root, and must not be led to write where whoever submitted the job could not even read.
    pictures.edge.shell(f"chmod 0600 {LIST}")
    with pytest.raises(Refused) as refused:
        pictures.cloud.gm.ask("PUT", at(name_of(0), "label"), body={"boxes": [BOX], "version": None})
    assert refused.value.code == 403
    assert str(settings_of(pictures.edge)["systemd"]["user"]) in str(refused.value)
    assert pictures.edge.read(LIST) == ""
