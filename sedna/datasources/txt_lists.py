"""Lists of samples as text: one line per sample, blank-separated, the path first and the label second."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sedna.datasources.base import BaseDataSource, local_copy


class TxtDataParse(BaseDataSource):
    """Reads the list files that a round's train and eval workers get."""

    def parse(self, *args: str, **kwargs: Any) -> None:
        """Read one or more list files (UTF-8; paths, or several in one text joined by `;`) into `x` and `y`.

        Each line that is not empty passes through `func`, else is split at blanks. `x` gets the first field
        and `y` the second (0 when there is none; nothing for test data), as numpy arrays. With
        `use_raw=True` `x` gets all of it, and `y` is empty.

        Raises FileNotFoundError for a missing file: no samples at all would be taken for a small dataset.
        """
        import numpy as np

        features: list[Any] = []
        labels: list[Any] = []
        for line in self._lines(args):
            sample: Any = self.process_func(line) if self.process_func else line.split()
            if isinstance(sample, str):
                sample = sample if kwargs.get("use_raw") else (sample,)
            if len(sample) == 0:
                continue
            if kwargs.get("use_raw"):
                features.append(sample)
                continue
            features.append(sample[0])
            if not self.is_test_data:
                labels.append(sample[1] if len(sample) > 1 else 0)
        self.x = _array(features)
        self.y = np.array(labels)

    def _lines(self, files: tuple[str, ...]) -> Iterator[str]:
        for file in [one for joined in files for one in (joined or "").split(";") if one.strip()]:
            with local_copy(file.strip()) as path, path.open(encoding="utf-8") as opened:
                for line in opened:
                    if stripped := line.strip():
                        yield stripped


def _array(samples: list[Any]) -> Any:
    import numpy as np

    sizes = {len(sample) for sample in samples if not isinstance(sample, str)}
    if len(sizes) <= 1:
        return np.array(samples)
    # Samples with different numbers of boxes make no rectangle.
    ragged = np.empty(len(samples), dtype=object)
    ragged[:] = samples
    return ragged
