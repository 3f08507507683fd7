"""What people look like: clothes, skin, helmet or none. Drawn once per person by `scenes.casting`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scenes import hats
from scenes.brushes import Colour, shade
from scenes.domains import Domain

SKIN: tuple[Colour, ...] = ((150, 185, 225), (120, 160, 205), (85, 125, 175), (60, 90, 135), (45, 65, 100))


@dataclass(frozen=True)
class Person:
    """The looks of one person; they never change during a shot."""

    jacket: Colour
    trousers: Colour
    skin: Colour
    helmet: Colour | None
    hat: str
    hat_colour: Colour
    vest: Colour | None
    width: float
    tool: str


def dress(domain: Domain, helmeted: bool, rng: np.random.Generator) -> Person:
    """A person of this domain, with or without a helmet."""
    vested = rng.random() < (0.35 if domain.dusk else 0.6)
    woolly = rng.random() < domain.hat_share
    hat = str(rng.choice(["wool", "cap", "hood"])) if woolly else "hair"
    colours = hats.WOOL if woolly else hats.HAIR
    return Person(
        jacket=_one(domain.jacket_colours, rng),
        trousers=_one(domain.trouser_colours, rng),
        skin=_one(SKIN, rng),
        helmet=_one(domain.helmet_colours, rng) if helmeted else None,
        hat=hat,
        hat_colour=_one(colours, rng),
        vest=_one(((40, 130, 245), (50, 235, 200)), rng) if vested else None,
        width=float(rng.uniform(0.92, 1.14)),
        tool=str(rng.choice(["none", "none", "shovel", "plank", "board"])),
    )


def _one(colours: tuple[Colour, ...], rng: np.random.Generator) -> Colour:
    # A little drift around the nominal colour: sun, dirt and washing.
    return shade(colours[int(rng.integers(len(colours)))], float(rng.uniform(0.88, 1.1)))
