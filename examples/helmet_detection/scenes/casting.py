"""Who and what is in a shot, and how they move: actors with a way to go, and props that stay.

`scenes.staging` asks once for the cast and the props, and per moment for places and poses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scenes import people, things
from scenes.brushes import Colour
from scenes.domains import Domain
from scenes.labelling import WIDTH
from scenes.looks import Person, dress


@dataclass(frozen=True)
class Actor:
    """One person with a way to go: linear in time, turning at the picture's edges."""

    looks: Person
    x: float
    depth: float
    speed: float
    drift: float
    act: str
    towards: bool
    phase: float


@dataclass(frozen=True)
class Prop:
    """A thing or a loose helmet, at (x, depth) on the ground; `colour` marks a helmet."""

    x: float
    depth: float
    seed: int
    painter: things.Painter | None
    colour: Colour | None = None
    tilt: float = 0.0
    upside_down: bool = False


def props(domain: Domain, rng: np.random.Generator) -> list[Prop]:
    out = [
        Prop(
            float(rng.uniform(0, 1)),
            float(rng.uniform(0.22, 1.0)),
            int(rng.integers(1 << 30)),
            things.THINGS[int(rng.integers(len(things.THINGS)))],
        )
        for _ in range(int(rng.integers(7, 14)))
    ]
    for _ in range(int(rng.integers(1, 4))):
        colour = domain.helmet_colours[int(rng.integers(len(domain.helmet_colours)))]
        out.append(
            Prop(
                float(rng.uniform(0.04, 0.96)),
                float(rng.uniform(0.35, 1.0)),
                0,
                None,
                colour,
                float(rng.uniform(-28, 28)),
                bool(rng.random() < 0.3),
            )
        )
    return out


def cast(domain: Domain, rng: np.random.Generator) -> list[Actor]:
    """The people of a shot; a second person often stands close by, so that people overlap."""
    actors: list[Actor] = []
    for _ in range(int(rng.integers(domain.people[0], domain.people[1] + 1))):
        act = str(rng.choice(["walk", "walk", "stand", "work", "crouch"]))
        if actors and rng.random() < 0.3:
            x, depth = (
                actors[-1].x + float(rng.uniform(-0.07, 0.07)),
                actors[-1].depth + float(rng.uniform(-0.08, 0.08)),
            )
        else:
            x, depth = float(rng.uniform(0.05, 0.95)), float(rng.uniform(0.36, 0.98))
        speed = float(rng.choice([-1, 1]) * rng.uniform(0.03, 0.09)) if act == "walk" else 0.0
        actors.append(
            Actor(
                dress(domain, bool(rng.random() < 0.55), rng),
                x,
                min(1.0, max(0.3, depth)),
                speed,
                float(rng.uniform(-0.02, 0.02)) if act == "walk" else 0.0,
                act,
                bool(rng.random() < 0.65),
                float(rng.uniform(0, 6.28)),
            )
        )
    return actors


def bounce(value: float, low: float, high: float) -> float:
    span = high - low
    turned = (value - low) % (2 * span)
    return low + (turned if turned <= span else 2 * span - turned)


def pose(actor: Actor, x: float, foot: float, scale: float, moment: float) -> people.Pose:
    swing = math.sin(moment * 2.2 + actor.phase)
    turned = math.copysign(1.0, math.sin(actor.phase * 3))
    if actor.act == "walk":
        ahead = bounce(actor.x + actor.speed * (moment + 0.01), -0.02, 1.02) * WIDTH
        return people.Pose(
            (x, foot), scale, math.copysign(0.9, ahead - x), actor.towards, moment * 7 + actor.phase, 0, 0.05, 0.05
        )
    if actor.act == "work":
        return people.Pose((x, foot), scale, turned * 0.8, True, 0.6, 0.2, 0.5 + 0.25 * swing, 0.45 + 0.2 * swing)
    if actor.act == "crouch":
        return people.Pose((x, foot), scale, turned * 0.6, actor.towards, 0.3, 0.8, 0.35 + 0.08 * swing, 0.35)
    return people.Pose(
        (x, foot),
        scale,
        0.35 * math.sin(moment * 0.7 + actor.phase),
        actor.towards,
        0.1,
        0,
        0.02 * swing,
        0.08 + 0.3 * max(0.0, math.sin(moment * 0.5 + actor.phase)),
    )
