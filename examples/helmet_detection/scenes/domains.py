"""The two worlds of the example, as data: what the base model was trained on, and what the camera sees now.

`scenes.staging` asks a `Domain` for every choice that differs between them; nothing else in the generator knows which
one it paints.
"""

from __future__ import annotations

from dataclasses import dataclass

from scenes.brushes import Colour

# Blue, green, red, as OpenCV orders them.
YELLOW: Colour = (35, 200, 245)
ORANGE: Colour = (30, 125, 240)
WHITE: Colour = (238, 240, 240)
BLUE: Colour = (190, 90, 30)
RED: Colour = (45, 40, 200)
GREEN: Colour = (85, 150, 50)
GREY: Colour = (120, 120, 115)
LIME: Colour = (60, 235, 190)
NAVY: Colour = (95, 62, 42)
KHAKI: Colour = (95, 135, 150)
BROWN: Colour = (60, 85, 115)
BLACK: Colour = (42, 40, 40)


@dataclass(frozen=True)
class Domain:
    """One kind of day on the site. Ranges are (low, high) and drawn uniformly."""

    name: str
    helmet_colours: tuple[Colour, ...]
    jacket_colours: tuple[Colour, ...]
    trouser_colours: tuple[Colour, ...]
    # Height of a person per pixel below the horizon: a camera higher up sees smaller people.
    size: tuple[float, float]
    horizon: tuple[float, float]
    people: tuple[int, int]
    # Bare heads under a woollen hat or a cap are what is easily taken for a helmet.
    hat_share: float
    light: tuple[float, float]
    dusk: bool
    rain: tuple[float, float]
    noise: tuple[float, float]
    motion_blur: tuple[float, float]
    jpeg_quality: tuple[int, int]


DAY = Domain(
    name="A",
    helmet_colours=(YELLOW, YELLOW, ORANGE, WHITE),
    jacket_colours=(ORANGE, LIME, (60, 190, 240), NAVY, KHAKI),
    trouser_colours=(NAVY, (110, 80, 60), KHAKI, BLACK),
    size=(0.78, 1.05),
    horizon=(96, 130),
    people=(3, 6),
    hat_share=0.2,
    light=(0.9, 1.1),
    dusk=False,
    rain=(0.0, 0.0),
    noise=(1.0, 5.0),
    motion_blur=(0.0, 2.5),
    jpeg_quality=(70, 92),
)

DUSK = Domain(
    name="B",
    helmet_colours=(BLUE, RED, GREEN, WHITE),
    jacket_colours=((50, 70, 150), (70, 95, 60), NAVY, GREY, (40, 150, 200), BROWN),
    trouser_colours=(BLACK, (75, 60, 50), NAVY, GREY),
    size=(0.48, 0.68),
    horizon=(80, 112),
    people=(4, 8),
    hat_share=0.45,
    light=(0.5, 0.72),
    dusk=True,
    rain=(0.3, 1.0),
    noise=(5.0, 11.0),
    motion_blur=(0.0, 4.0),
    jpeg_quality=(45, 75),
)

DOMAINS = {domain.name: domain for domain in (DAY, DUSK)}
