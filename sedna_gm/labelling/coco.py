"""Labels as COCO (cocodataset.org/#format-data), which CVAT, Label Studio and others read and write.

Out: one image for each hard example, with the person's boxes, or else those of the prediction to begin with. In: what
somebody has made of it elsewhere. What still has the boxes that it went out with, nobody need have looked at: it is
told apart, since a wrong label in a dataset is not seen again. Pure; boxes here are [left, top, right, bottom], those
of COCO have width and height.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from sedna_gm.labelling.classes import number_of, title

Document = dict[str, Any]

# In pixels: tools round. Nobody moves an edge by less than this.
_ROUNDED = 0.51
# So many boxes are compared each with each, in a document that comes from anywhere.
_FEW = 50
# Far beyond any picture; infinity and NaN are not less, either.
_MOST = 1e9
# Label Studio puts it before the name of each file that it is given.
_UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")


class NotCoco(ValueError):
    """What was sent is no COCO document; the text says where."""


@dataclass(frozen=True)
class Imported:
    """What a document says of one picture."""

    example: str
    boxes: tuple[Document, ...] = ()
    problems: tuple[str, ...] = field(default=())
    time: str = ""
    """Of the picture, as it was told on export: another one may have its name by now. Other tools may drop it."""
    is_untouched: bool = False
    """It went out without a label, and its boxes are still those of the prediction. Other tools may drop what tells."""
    otherwise: str | None = None
    """What `example` is without what Label Studio puts before it: for where there is no example of the whole name."""


def exported(items: Iterable[Mapping[str, Any]], names: Sequence[str], job: str) -> Document:
    """The document of hard examples as the API lists them."""
    images: list[Document] = []
    annotations: list[Document] = []
    highest = len(names) - 1
    for number, item in enumerate(items, start=1):
        label = item.get("label")
        images.append(
            {
                "id": number,
                "file_name": item.get("picture") or f"{item['name']}.jpg",
                "width": item.get("width") or 0,
                "height": item.get("height") or 0,
                "date_captured": item.get("time") or "",
                "sedna": {
                    "example": item["name"],
                    "labelled": label is not None,
                    "time": item.get("time") or "",
                    **({"predicted": _predicted(item)} if label is None else {}),
                },
            }
        )
        for box in label["boxes"] if label else item.get("boxes") or []:
            class_ = int(box.get("class") or 0)
            highest = max(highest, class_)
            annotations.append(_annotation(len(annotations) + 1, number, class_, box))
    categories = [{"id": each + 1, "name": title(list(names), each)} for each in range(highest + 1)]
    info = {"description": f"Hard examples of the job {job}", "version": "1.0"}
    return {"info": info, "licenses": [], "images": images, "annotations": annotations, "categories": categories}


def _predicted(item: Mapping[str, Any]) -> list[Document]:
    """The boxes without their scores: what `_is_untouched` compares with."""
    return [{"box": box["box"], "class": int(box.get("class") or 0)} for box in item.get("boxes") or []]


def _annotation(number: int, image: int, class_: int, box: Mapping[str, Any]) -> Document:
    x0, y0, x1, y1 = (float(edge) for edge in box["box"])
    found: Document = {
        "id": number,
        "image_id": image,
        # COCO counts from 1.
        "category_id": class_ + 1,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": (x1 - x0) * (y1 - y0),
        "iscrowd": 0,
    }
    return found if box.get("score") is None else {**found, "score": box["score"]}


def imported(document: Any, names: Sequence[str]) -> list[Imported]:
    """What a document says, a picture each. Raises NotCoco."""
    images, annotations, categories = (_objects(document, part) for part in ("images", "annotations", "categories"))
    classes = {_id(each, "categories"): number_of(list(names), str(each.get("name"))) for each in categories}
    called = {_id(each, "categories"): str(each.get("name")) for each in categories}
    found: dict[int, list[Document]] = {_id(each, "images"): [] for each in images}
    problems: dict[int, list[str]] = {number: [] for number in found}
    for annotation in annotations:
        image, category = annotation.get("image_id"), annotation.get("category_id")
        if not isinstance(image, int) or image not in found:
            raise NotCoco(f"annotations: image_id {image!r} is none of the images")
        box = _box(annotation)
        if not isinstance(category, int) or category not in classes:
            problems[image].append(f"category_id {category!r} is none of the categories")
        elif (class_ := classes[category]) is None:
            known = ", ".join(names) or "none"
            problems[image].append(f"the job has no class {called[category]!r}: it has {known}")
        elif box is None:
            problems[image].append(f"bbox {annotation.get('bbox')!r} is not [left, top, width, height] of some size")
        else:
            found[image].append({"box": box, "class": class_})
    return [_of_image(each, found[_id(each, "images")], problems[_id(each, "images")]) for each in images]


def _of_image(image: Mapping[str, Any], boxes: list[Document], problems: list[str]) -> Imported:
    told = _told(image, "example")
    # Other tools keep the name of the file, some with the folder that they made for it.
    example = told or PurePosixPath(str(image.get("file_name") or "")).stem
    otherwise = None if told or not _UPLOADED.match(example) else _UPLOADED.sub("", example, count=1)
    # Who has added something that cannot be read has touched it, and is told so.
    untouched = not problems and _is_untouched(image, boxes)
    return Imported(example, tuple(boxes), tuple(problems), _told(image, "time"), untouched, otherwise)


def _is_untouched(image: Mapping[str, Any], boxes: Sequence[Document]) -> bool:
    told = image.get("sedna")
    if not isinstance(told, Mapping) or told.get("labelled") is not False:
        return False
    predicted = told.get("predicted")
    if not isinstance(predicted, list) or len(predicted) != len(boxes):
        return False
    if all(map(_is_same, predicted, boxes)):
        return True
    # Tools write them in an order of their own. Of many, that would be looked for long.
    left = list(boxes) if len(boxes) <= _FEW else []
    for each in predicted:
        same = next((box for box in left if _is_same(each, box)), None)
        if same is None:
            return False
        left.remove(same)
    return True


def _is_same(predicted: Any, box: Document) -> bool:
    if not isinstance(predicted, Mapping) or predicted.get("class") != box["class"]:
        return False
    edges = predicted.get("box")
    if not isinstance(edges, list) or len(edges) != 4 or not all(map(_is_number, edges)):
        return False
    # What lies outside the picture is cut off on the way in.
    cut = [max(edges[0], 0.0), max(edges[1], 0.0), edges[2], edges[3]]
    return all(abs(one - other) <= _ROUNDED for one, other in zip(cut, box["box"], strict=True))


def _objects(document: Any, part: str) -> list[Mapping[str, Any]]:
    found = document.get(part) if isinstance(document, Mapping) else None
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise NotCoco(f"{part}: a COCO document has a list of objects there")
    return found


def _id(each: Mapping[str, Any], part: str) -> int:
    number = each.get("id")
    if not isinstance(number, int):
        raise NotCoco(f"{part}: id {number!r} is no whole number")
    return number


def _told(image: Mapping[str, Any], field: str) -> str:
    """What the export wrote beside the picture; empty where that is gone."""
    told = image.get("sedna")
    value = told.get(field) if isinstance(told, Mapping) else None
    return value if isinstance(value, str) else ""


def _box(annotation: Mapping[str, Any]) -> list[float] | None:
    bbox = annotation.get("bbox")
    if not isinstance(bbox, list) or len(bbox) != 4:
        return None
    if not all(map(_is_number, bbox)):
        return None
    x, y, width, height = (float(each) for each in bbox)
    # Tools round: an edge may lie a little outside.
    x0, y0 = max(x, 0.0), max(y, 0.0)
    return [x0, y0, x + width, y + height] if x + width > x0 and y + height > y0 else None


def _is_number(value: Any) -> bool:
    # JSON has whole numbers that no float holds.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _MOST
