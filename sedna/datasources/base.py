"""What all data sources are: features and labels side by side, filled by `parse` or by the script itself."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from inspect import isclass
from pathlib import Path
from typing import Any, cast

from sedna.common.class_factory import ClassFactory, ClassType
from sedna.common.file_ops import FileOps
from sedna.common.temporaries import temporary_folder


class BaseDataSource:
    """Features `x` and labels `y` of a set of samples, None until they are set; `y` stays None without labels.

    `data_type`: train, eval or test. `func`: what each line (of a table: the table) passes through, a
    function or the name of one registered as CALLBACK.
    """

    def __init__(self, data_type: str = "train", func: Callable[[Any], Any] | str | None = None) -> None:
        self.data_type = data_type
        self.process_func: Callable[[Any], Any] | None = None
        if callable(func):
            self.process_func = func
        elif func:
            found = ClassFactory.get_cls(ClassType.CALLBACK, func)
            # A class is registered to be made, a function to be called.
            self.process_func = cast("Callable[[Any], Any]", found() if isclass(found) else found)
        self.x: Any = None
        self.y: Any = None
        self.meta_attr: Any = None

    def num_examples(self) -> int:
        """How many samples there are; 0 before anything was read."""
        return 0 if self.x is None else len(self.x)

    def __len__(self) -> int:
        return self.num_examples()

    def parse(self, *args: Any, **kwargs: Any) -> None:
        """Read the samples; each format has its own."""
        raise NotImplementedError(f"{type(self).__name__} does not read files")

    @property
    def is_test_data(self) -> bool:
        """Whether these samples are for testing, whose labels are not read."""
        return self.data_type == "test"

    def save(self, output: str = "") -> str:
        """Write this source with joblib to a path or URL, else to a new temporary file; returns where."""
        return FileOps.dump(self, output or None)


@contextlib.contextmanager
def local_copy(url: str) -> Iterator[Path]:
    """A file of this host with the content of a path or URL; what was fetched is gone afterwards.

    Raises FileNotFoundError when it is missing.
    """
    if not FileOps.is_remote(url):
        yield Path(FileOps.download(url))
        return
    with temporary_folder() as folder:
        yield Path(FileOps.download(url, str(folder / "download")))
