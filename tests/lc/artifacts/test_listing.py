"""Samples go to another node and say there what they said here; only their paths are those of that node."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sedna.api.artifacts import ArtifactSamples
from sedna.api.splitting import in_train_part
from sedna.datasources import CSVDataParse, TxtDataParse
from sedna_lc.artifacts.listing import list_samples
from sedna_lc.artifacts.remembering import FileDigests
from sedna_lc.artifacts.samples import pack_samples
from sedna_lc.errors import Never
from sedna_lc.users import WorkerUser
from tests.lc.artifacts.nodes import Source


def carried(source: Source, target: Path, start: int, end: int, **fields: object) -> tuple[list[str], int]:
    """Pack samples, lay them out as the cache of another node does, and list them there."""
    samples = ArtifactSamples.model_validate(source.samples(start, end, **fields))
    digests = FileDigests(source.store, source.clock)
    datasets = source.places.state_dir / "datasets"
    packed = pack_samples(samples, "default", source.store, datasets, target / "out", digests, lambda: None)
    tree = target / "tree"
    for file in packed.tree.files:
        path = tree / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(packed.sources[file.sha256].read_bytes())
    count = list_samples(tree, target / "data.list")
    assert count == packed.samples
    return (target / "data.list").read_text().splitlines(), count


def test_txt_samples_name_files_of_this_node(source: Source, tmp_path: Path) -> None:
    source.picture("p/1.jpg", b"one")
    other = source.picture("../elsewhere/2.jpg", b"two").resolve()
    source.show(f"p/1.jpg 3,4,5,6,0\n{other}\t1\ns3://bucket/3.jpg 0\n")
    lines, count = carried(source, tmp_path / "t", 0, 3)
    files = tmp_path / "t" / "tree" / "files"
    assert lines == [
        f"{files}{source.data}/p/1.jpg 3,4,5,6,0",
        f"{files}{other}\t1",
        "s3://bucket/3.jpg 0",
    ]
    assert count == 3
    parsed = TxtDataParse()
    parsed.parse(str(tmp_path / "t" / "data.list"))
    assert [Path(path).read_bytes() for path in parsed.x[:2]] == [b"one", b"two"]


def test_csv_samples_keep_their_header_and_their_numbers(source: Source, tmp_path: Path) -> None:
    source.picture("1.jpg", b"one")
    source.picture("a b.jpg", b"two")
    # A file whose name is a number is no reason to take a label for a path.
    source.picture("1", b"not me")
    source.show('image,label,note\n1.jpg,1,"said ""hi"""\n"a b.jpg",2,\n', "csv")
    lines, _ = carried(source, tmp_path / "t", 0, 2)
    assert lines[0] == "image,label,note"
    parsed = CSVDataParse()
    parsed.parse(str(tmp_path / "t" / "data.list"), label="label")
    assert list(parsed.y) == [1, 2]
    assert [Path(row[0]).read_bytes() for row in parsed.x] == [b"one", b"two"]
    assert parsed.x[0][1] == 'said "hi"'


def test_the_split_is_the_same_as_beside_the_data(source: Source, tmp_path: Path) -> None:
    for number in range(20):
        source.picture(f"{number}.jpg", bytes([number]))
    source.show("".join(f"{number}.jpg {number}\n" for number in range(20)))
    lines, _ = carried(source, tmp_path / "t", 3, 17, part="train", probability=0.5, seed="s")
    wanted = [number for number in range(3, 17) if in_train_part("s", number, 0.5)]
    assert [int(line.split()[1]) for line in lines] == wanted


lines = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=20).filter(str.strip),
    min_size=1,
    max_size=8,
    unique=True,
)


@settings(max_examples=40, deadline=None)
@given(rows=lines)
def test_rows_that_name_no_file_arrive_as_they_are(rows: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = Source(folder / "source")
        source.show("header\n" + "".join(f"{row}\n" for row in rows), "csv")
        count = source.store.progress("du").samples  # type: ignore[union-attr]
        carried(source, folder / "t", 0, count)
        got = (folder / "t" / "data.list").read_text().split("\n")
        log = (source.places.state_dir / "datasets" / "du" / "samples.log").read_text()
        assert "\n".join(got[1:]) == log


@pytest.mark.parametrize(
    "line",
    [
        '["", "files/../../../etc/passwd", ""]',
        '["", "/etc/passwd", ""]',
        '["", "other/x", ""]',
        "{}",
        "nonsense",
        '["a\\nb"]',
    ],
    ids=["upwards", "absolute", "beside", "no sample", "no JSON", "two lines"],
)
def test_a_list_that_was_not_made_by_us_names_no_file_of_this_host(tmp_path: Path, line: str) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "samples.jsonl").write_text(json.dumps(["fine"]) + "\n" + line + "\n")
    with pytest.raises(Never) as problem:
        list_samples(tree, tmp_path / "list")
    assert problem.value.reason == "SamplesUnreadable"
    assert not (tmp_path / "list").exists()


def test_a_sample_cannot_send_what_only_root_may_read(source: Source, tmp_path: Path) -> None:
    """Whoever may write a line into a dataset would else have any file of the host carried to another one."""
    source.show("/etc/shadow 0\n")
    worker = WorkerUser("worker", 54321, 54321, frozenset({54321}))
    samples = ArtifactSamples.model_validate(source.samples(0, 1))
    digests = FileDigests(source.store, source.clock, worker)
    datasets = source.places.state_dir / "datasets"
    with pytest.raises(Never) as problem:
        pack_samples(samples, "default", source.store, datasets, tmp_path / "out", digests, lambda: None)
    assert problem.value.reason == "SamplesUnreadable"
    assert "/etc/shadow, which cannot be read: user worker, as which workers run here, may not read" in str(
        problem.value
    )
