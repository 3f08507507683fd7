"""What is one sample: finished, not empty, UTF-8; whatever the pieces in which the bytes arrive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_lc.datasets.cutting import BadLine, LineCutter, Part


def cut(cutter: LineCutter, *chunks: bytes) -> list[bytes]:
    samples: list[bytes] = []
    part = b""
    for chunk in chunks:
        for piece in cutter.feed(chunk):
            if isinstance(piece, Part):
                part += piece.data
                if piece.last:
                    samples.append(part)
                    part = b""
            else:
                samples.extend(piece.samples)
    return samples


def txt(**options: int) -> LineCutter:
    return LineCutter("/data/list.txt", "txt", **options)


def test_a_half_written_last_line_is_no_sample_yet() -> None:
    cutter = txt()
    assert cut(cutter, b"/a 1\n/b") == [b"/a 1"]
    assert cutter.finished == 5
    assert cut(cutter, b" 2\n") == [b"/b 2"]


def test_empty_lines_and_windows_line_ends_are_no_samples() -> None:
    assert cut(txt(), b"\n\r\n/a 1\r\n  \t\n/b 2\n") == [b"/a 1", b"/b 2"]


def test_a_relative_path_counts_from_the_folder_of_the_list() -> None:
    lines = b"img/1.jpg 0\n ../x.jpg\n/abs.jpg\ns3://b/k.jpg 1\nfile:///f.jpg\nC:/not-a-url\n"
    expected = [b"/data/img/1.jpg 0", b"/data/../x.jpg", b"/abs.jpg", b"s3://b/k.jpg 1", b"file:///f.jpg",
                b"/data/C:/not-a-url"]  # fmt: skip
    assert cut(txt(), lines) == expected


def test_the_first_line_of_a_csv_is_its_header() -> None:
    cutter = LineCutter("/data/x.csv", "csv")
    assert cut(cutter, b"\na,b\r\n1,2\r\n\r\n3,\n") == [b"1,2", b"3,"]
    assert cutter.header == "a,b"


def test_a_csv_read_on_has_its_header_already() -> None:
    cutter = LineCutter("/data/x.csv", "csv", 10, "a,b")
    assert cut(cutter, b"5,6\n") == [b"5,6"]


def test_a_byte_order_mark_is_not_part_of_the_first_path() -> None:
    assert cut(txt(), b"\xef\xbb\xbf/a\n\xef\xbb\xbf/b\n") == [b"/a", b"/data/\xef\xbb\xbf/b"]
    assert cut(txt(long_line=4), b"\xef\xbb\xbf/a long one", b"\n") == [b"/a long one"]


def test_w13_a_long_line_comes_in_parts_and_hides_nothing() -> None:
    cutter = txt(long_line=8)
    long = b"x/" + b"y" * 100
    pieces = [long[begin : begin + 7] for begin in range(0, len(long), 7)]
    assert cut(cutter, b"/a\n", *pieces, b"z\r\n/b\n", b"/c\n") == [b"/a", b"/data/" + long + b"z", b"/b", b"/c"]


def test_a_long_line_of_blanks_is_an_empty_line() -> None:
    assert cut(txt(long_line=4), b" " * 20, b"   ", b"\n/a\n") == [b"/a"]


def test_a_csv_header_that_never_ends_is_said() -> None:
    with pytest.raises(BadLine) as caught:
        cut(LineCutter("/x.csv", "csv", long_line=8), b"h" * 9)
    assert caught.value.reason == "HeaderTooLong"


@pytest.mark.parametrize("long_line", [1 << 20, 4], ids=["whole", "in-parts"])
def test_lines_before_bytes_that_are_not_utf8_are_samples(long_line: int) -> None:
    cutter = txt(long_line=long_line)
    samples: list[bytes] = []
    with pytest.raises(BadLine) as caught:
        for chunk in (b"/a\n/b\n", b"/c \xff and much more", b" of it\n/d\n"):
            samples += cut(cutter, chunk)
    assert (samples, cutter.finished, caught.value.reason) == ([b"/a", b"/b"], 6, "NotUtf8")


def test_a_character_cut_in_two_by_the_reader_is_no_error() -> None:
    name = "/bücher.jpg\n".encode()
    assert cut(txt(long_line=2), *(name[begin : begin + 1] for begin in range(len(name)))) == [name[:-1]]


def outcome(file_format: str, long_line: int, *chunks: bytes) -> tuple[list[bytes], str | None, int | str]:
    """Samples, header, and how far it came or why it ended."""
    cutter = LineCutter("/data/l", file_format, long_line=long_line)
    try:
        return cut(cutter, *chunks), cutter.header, cutter.finished
    except BadLine as problem:
        return [], None, problem.reason


def pieces_of(data: bytes, sizes: list[int]) -> list[bytes]:
    chunks, begin = [], 0
    while begin < len(data):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(data[begin : begin + size])
        begin += size
    return chunks


@pytest.mark.parametrize("length", [1, 2, 31, 32, 33, 34, 35, 36, 63, 64, 65, 100])
@pytest.mark.parametrize("rest", ["://b/k.jpg 1", "://", ":/", "", " ://b"])
def test_whether_a_line_is_a_url_does_not_depend_on_how_it_was_read(length: int, rest: str) -> None:
    line = f"{'s' * length}{rest}".encode()
    is_url = length <= 32 and rest.startswith("://")
    expected = ([line if is_url else b"/data/" + line], None, len(line) + 3)
    for long_line in (1, 8, 33, 64, 1 << 20):
        for size in range(1, len(line) + 4):
            assert outcome("txt", long_line, *pieces_of(b"  " + line + b"\n", [size])) == expected, (long_line, size)


WORDS = st.one_of(
    st.text("/ab é\r\t:", max_size=30),
    st.builds(str.__mul__, st.sampled_from("s \r\t"), st.integers(1, 70)),
    st.sampled_from(["://", ":/", "s3://", "\ufeff", "1,2"]),
)


@given(
    lines=st.lists(st.lists(WORDS, max_size=4).map("".join), max_size=6),
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=8),
    long_line=st.integers(4, 64),
    file_format=st.sampled_from(["txt", "csv"]),
)
def test_the_pieces_in_which_bytes_arrive_make_no_difference(
    lines: list[str], sizes: list[int], long_line: int, file_format: str
) -> None:
    data = "".join(f"{line}\n" for line in lines).encode()
    assert outcome(file_format, long_line, *pieces_of(data, sizes)) == outcome(file_format, long_line, data)


@given(blanks=st.text(" \t\r", min_size=1, max_size=40), long_line=st.integers(4, 64))
def test_more_blanks_in_a_row_than_a_long_line_has_count_as_so_many(blanks: str, long_line: int) -> None:
    line = f"/a{blanks}b"
    samples, _, _ = outcome("txt", long_line, f"{line}\n".encode())
    assert samples == [f"/a{blanks[:long_line]}b".encode()]


def test_a_csv_header_may_follow_a_long_line_of_blanks_and_end_in_many_line_ends() -> None:
    data = b" " * 30 + b"\n" + b"a,b" + b"\r" * 30 + b"\n1,2\n"
    for size in range(1, len(data) + 1):
        assert outcome("csv", 8, *pieces_of(data, [size])) == ([b"1,2"], "a,b", len(data))
