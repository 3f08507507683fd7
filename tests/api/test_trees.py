"""A tree names a content exactly, has one spelling, and can put no file outside of its folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.api.trees import FILES_FOLDER, SAMPLES_FILE, Tree, TreeFile, check_sha256, check_store

SHA = "a" * 64


def file(path: str, size: int = 1, sha256: str = SHA) -> TreeFile:
    return TreeFile(path, size, sha256)


def document(*paths: str, kind: str = "folder", **more: Any) -> bytes:
    files = [{"path": path, "size": 1, "sha256": SHA} for path in sorted(paths)]
    content = {"version": 1, "kind": kind, "files": files, **more}
    return json.dumps(content, separators=(",", ":"), sort_keys=True).encode()


def test_a_tree_is_its_document_and_the_document_is_the_tree() -> None:
    tree = Tree("folder", (file("b/c", 3), file("a", 2, "b" * 64)))
    assert [one.path for one in tree.files] == ["a", "b/c"]
    assert Tree.parse(tree.dump()) == tree
    assert tree.digest == hashlib.sha256(tree.dump()).hexdigest()
    assert tree.dump() == (
        b'{"files":[{"path":"a","sha256":"' + b"b" * 64 + b'","size":2},'
        b'{"path":"b/c","sha256":"' + SHA.encode() + b'","size":3}],"kind":"folder","version":1}'
    )


def test_a_content_that_occurs_twice_is_one_blob_and_two_files() -> None:
    tree = Tree("folder", (file("a", 5), file("b", 5)))
    assert (tree.size, tree.blobs) == (10, {SHA: 5})


def test_an_empty_folder_is_a_tree_of_no_files() -> None:
    assert Tree.parse(Tree("folder", ()).dump()).files == ()


ESCAPING = [
    "..",
    "../a",
    "a/../../b",
    "a/..",
    "/etc/passwd",
    "//a",
    "",
    ".",
    "./a",
    "a/./b",
    "a//b",
    "a/",
    "a\0b",
    "x" * 256,
    "/".join(["x" * 200] * 21),
]


@pytest.mark.parametrize("path", ESCAPING, ids=lambda path: repr(path[:12]))
def test_a_path_that_leaves_the_folder_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        Tree.parse(document(path))
    with pytest.raises(ValueError, match="path"):
        Tree("folder", (file(path),))


def test_a_path_that_is_not_utf8_says_to_rename_the_file() -> None:
    with pytest.raises(ValueError, match="not UTF-8: rename"):
        Tree("folder", (file("caf\udce9"),))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "not a mapping"),
        (document("a", more=1), "not a mapping of version"),
        (document("a", version=2), "version 2"),
        (document("a", files={}), "not a list"),
        (document("a", files=[1]), "entry"),
        (document("a", files=[{"path": "a", "size": 1}]), "entry"),
        (document("a", files=[{"path": "a", "size": 1, "sha256": 7}]), "wrong type"),
        (document("a", files=[{"path": "a", "size": True, "sha256": SHA}]), "wrong type"),
        (document("a", files=[{"path": "a", "size": 1.0, "sha256": SHA}]), "wrong type"),
        (document("a", files=[{"path": "a", "size": -1, "sha256": SHA}]), "negative"),
        (document("a", files=[{"path": "a", "size": 1, "sha256": "A" * 64}]), "not a sha256"),
        (document("a", "a"), "twice"),
        (document("a", "a/b"), "both a file and a folder"),
        (document("a", "a-b", "a/b/c"), "both a file and a folder"),
        (document("a", kind="link"), "kind 'link'"),
        (document("a", kind=[]), r"kind '\[\]'"),
        (document("a", "b", kind="file"), "one file"),
        (document("a/b", kind="file"), "one file"),
        (document(kind="file"), "one file"),
        (document("files/a", kind="samples"), "no samples.jsonl"),
        (document(SAMPLES_FILE, "other/a", kind="samples"), "not below files/"),
    ],
)
def test_what_is_no_tree_is_refused_by_name(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Tree.parse(data)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data + b"\n",
        lambda data: data.replace(b":1}", b": 1}"),
        lambda data: data.replace(b'"kind":"folder"', b'"kind":"folder","kind":"folder"'),
        lambda data: json.dumps(json.loads(data)).encode(),
        lambda data: data.replace(b'"a"', b'"\\u0061"'),
    ],
)
def test_a_second_spelling_would_be_a_second_address_and_is_refused(change: Any) -> None:
    data = document("a", "b")
    assert Tree.parse(data)
    with pytest.raises(ValueError, match="canonically"):
        Tree.parse(change(data))


def test_two_sizes_of_one_content_are_refused() -> None:
    with pytest.raises(ValueError, match="same sha256"):
        Tree("folder", (file("a", 1), file("b", 2)))


segments = st.text(max_size=6) | st.sampled_from(["..", ".", "", "a", "b", "\0", "c d", "ü", "\n"])
paths = st.lists(segments, max_size=5).map("/".join)


@given(st.lists(paths, max_size=6))
def test_no_tree_holds_a_path_that_leads_elsewhere(found: list[str]) -> None:
    try:
        tree = Tree.parse(document(*found))
    except ValueError:
        return
    assert Tree.parse(tree.dump()) == tree
    top = PurePosixPath("/top")
    for one in tree.files:
        joined = top / one.path
        assert joined.is_relative_to(top)
        assert joined != top
        assert ".." not in joined.parts
        assert str(joined) == f"/top/{one.path}"
        assert "\0" not in one.path


@given(st.binary(max_size=60))
def test_any_bytes_are_a_tree_or_a_value_error(data: bytes) -> None:
    try:
        Tree.parse(data)
    except ValueError:
        return
    raise AssertionError(data)


names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..")
)


@given(st.dictionaries(names, st.integers(0, 2**50), max_size=8), st.booleans())
def test_every_name_a_file_may_have_comes_through(found: dict[str, int], samples: bool) -> None:
    prefix = FILES_FOLDER if samples else ""
    shas = (hashlib.sha256(str(size).encode()).hexdigest() for size in found.values())
    files = [TreeFile(prefix + name, size, sha) for (name, size), sha in zip(found.items(), shas, strict=True)]
    if samples:
        files.append(TreeFile(SAMPLES_FILE, 7, "0" * 64))
    tree = Tree("samples" if samples else "folder", tuple(files))
    assert Tree.parse(tree.dump()) == tree
    assert {one.path for one in tree.files} >= {prefix + name for name in found}


def test_a_sha256_and_a_store_are_checked_by_their_form() -> None:
    assert check_sha256(SHA) == SHA
    for wrong in ("", "a" * 63, "A" * 64, "g" * 64, f"{SHA}\n"):
        with pytest.raises(ValueError, match="not a sha256"):
            check_sha256(wrong)
    for right in ("", "s3://bucket/prefix", "memory://x", "gs+x://b"):
        assert check_store(right) == right
    for wrong in ("bucket", "/mnt/store", "s3:/bucket", "s3://", "s3://a b", "S3 ://x"):
        with pytest.raises(ValueError, match="not a URL"):
            check_store(wrong)
