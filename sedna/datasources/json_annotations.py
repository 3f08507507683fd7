"""Annotations of images in the COCO format: one JSON file with images, categories and boxes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sedna.common.file_ops import FileOps
from sedna.datasources.base import BaseDataSource

# The columns of one box: four corners, the class's index, the track.
_BOX_COLUMNS = 6

ImageInfo = tuple[int, int, int, int, str]
"""Height and width in pixels, frame and video number (0 when the file has none), file name."""


class JSONDataParse(BaseDataSource):
    """Reads one COCO file; `ids` are its images, `class_ids` its categories in ascending order."""

    ids: list[int]
    class_ids: list[int]
    data_dir: Path

    def parse(self, *args: str, **kwargs: Any) -> None:  # noqa: ARG002 - the base's signature
        """Read the file at the joined path.

        `x` gets the images' paths (below the folder `train` beside the file's folder, as in the original);
        `y` one array per image, as `load_anno_from_ids` gives it. Raises FileNotFoundError when it is
        missing and ValueError when it is not COCO.
        """
        import numpy as np

        path = Path(FileOps.join_path(*args))
        said = json.loads(path.read_text(encoding="utf-8"))
        try:
            self._images = {int(image["id"]): image for image in said["images"]}
            self.class_ids = sorted(int(category["id"]) for category in said["categories"])
            self._boxes: dict[int, list[dict[str, Any]]] = {id_: [] for id_ in self._images}
            for box in said["annotations"]:
                self._boxes[int(box["image_id"])].append(box)
        except (KeyError, TypeError) as problem:
            raise ValueError(f"{path} is not a COCO file: {problem!r} is missing or of another kind") from problem
        self.ids = sorted(self._images)
        self.data_dir = path.parent.parent / "train"
        annotations = [self.load_anno_from_ids(id_) for id_ in self.ids]
        self.x = np.array([str(self.data_dir / name) for _, _, name in annotations])
        self.y = np.empty(len(annotations), dtype=object)
        for index, (boxes, _, _) in enumerate(annotations):
            self.y[index] = boxes

    def load_anno_from_ids(self, id_: int) -> tuple[Any, ImageInfo, str]:
        """One image's boxes, its size and numbers, and its file name.

        The boxes are an array of shape (boxes, 6): xmin, ymin, xmax, ymax in pixels and inside the image,
        the index of the class in `class_ids`, and the track (-1 without one). Crowds and boxes without area
        are left out. Raises KeyError for an unknown image.
        """
        import numpy as np

        image = self._images[id_]
        height, width, name = int(image["height"]), int(image["width"]), str(image["file_name"])
        rows = []
        for box in self._boxes[id_]:
            left, top, wide, high = (float(number) for number in box["bbox"])
            right, bottom = min(width, left + max(0.0, wide)), min(height, top + max(0.0, high))
            left, top = max(0.0, left), max(0.0, top)
            if box.get("iscrowd") or box.get("area", 1) <= 0 or right < left or bottom < top:
                continue
            kind = self.class_ids.index(int(box["category_id"]))
            rows.append([left, top, right, bottom, kind, int(box.get("track_id", -1))])
        boxes = np.array(rows, dtype=np.float64).reshape(-1, _BOX_COLUMNS)
        info = (height, width, int(image.get("frame_id", 0)), int(image.get("video_id", 0)), name)
        return boxes, info, name
