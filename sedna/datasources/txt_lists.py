"""Lists of samples as text: one line per sample, blank-separated, the path first and the label second."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sedna.datasources.base import BaseDataSource, local_copy
from sedna.datasources.columns import TextColumn

_BLOCK_CHARACTERS = 1 << 20


class TxtDataParse(BaseDataSource):
    """Reads the list files that a round's train and eval workers get."""

    def parse(self, *args: str, **kwargs: Any) -> None:
        """Read one or more list files (UTF-8; paths, or several in one text joined by `;`) into `x` and `y`.

        Each line that is not empty passes through `func`, else is split at blanks. `x` gets the first field
        and `y` the second (0 when there is none; nothing for test data), as numpy arrays. With
        `use_raw=True` `x` gets all of it, and `y` is empty.

        Raises FileNotFoundError for a missing file: no samples at all would be taken for a small dataset.
        """
        if self.process_func is None and not kwargs.get("use_raw"):
            self._parse_plain(args)
        else:
            self._parse_processed(args, use_raw=bool(kwargs.get("use_raw")))

    def _parse_plain(self, files: tuple[str, ...]) -> None:
        """The common case by blocks of lines: a list may have millions."""
        import numpy as np

        features, labels, labelled = TextColumn(), TextColumn(), False
        for lines in self._blocks(files):
            samples = [fields for fields in (line.split(None, 2) for line in lines) if fields]
            features.add([fields[0] for fields in samples])
            if not self.is_test_data:
                labelled = labelled or any(len(fields) > 1 for fields in samples)
                labels.add([fields[1] if len(fields) > 1 else "0" for fields in samples])
        self.x = features.array()
        self.y = labels.array() if labelled else np.zeros(0 if self.is_test_data else len(self.x), int)

    def _parse_processed(self, files: tuple[str, ...], *, use_raw: bool) -> None:
        import numpy as np

        features: list[Any] = []
        labels: list[Any] = []
        for line in (stripped for lines in self._blocks(files) for one in lines if (stripped := one.strip())):
            sample: Any = self.process_func(line) if self.process_func else line.split()
            if isinstance(sample, str):
                sample = sample if use_raw else (sample,)
            if len(sample) == 0:
                continue
            if use_raw:
                features.append(sample)
                continue
            features.append(sample[0])
            if not self.is_test_data:
                labels.append(sample[1] if len(sample) > 1 else 0)
        self.x = _array(features)
        self.y = np.array(labels)

    def _blocks(self, files: tuple[str, ...]) -> Iterator[list[str]]:
        """The lines of all files, many at a time."""
        for file in [one for joined in files for one in (joined or "").split(";") if one.strip()]:
            with local_copy(file.strip()) as path, path.open(encoding="utf-8") as opened:
                while lines := opened.readlines(_BLOCK_CHARACTERS):
                    yield lines


def _array(samples: list[Any]) -> Any:
    import numpy as np

    sizes = {len(sample) for sample in samples if not isinstance(sample, str)}
    if len(sizes) <= 1:
        return np.array(samples)
    # Samples with different numbers of boxes make no rectangle.
    ragged = np.empty(len(samples), dtype=object)
    ragged[:] = samples
    return ragged
