"""A shot: one site, its people and things, and a picture with labels for every moment of it.

`scenes.recording` asks for stills (a moment of many shots) and for video (many moments of a few shots).
"""

from __future__ import annotations

import numpy as np

from scenes import cameras, casting, hats, people, weather
from scenes.backdrops import backdrop
from scenes.brushes import Brush, Image
from scenes.casting import Actor, Prop
from scenes.domains import Domain
from scenes.labelling import HEIGHT, HELMET, HELMET_OFF, HELMET_ON, PERSON, WIDTH, Block, Label, visible


class Shot:
    """One place with its cast. The same seed gives the same pictures, on any machine and in any order."""

    def __init__(self, domain: Domain, seed: tuple[int, ...]) -> None:
        rng = np.random.default_rng(seed)
        self._domain, self._seed = domain, seed
        self.horizon = float(rng.uniform(*domain.horizon))
        self._scale = float(rng.uniform(*domain.size))
        self._empty = backdrop(domain, self.horizon, WIDTH, HEIGHT, rng)
        self._props = casting.props(domain, rng)
        self._actors = casting.cast(domain, rng)
        self._light = float(rng.uniform(*domain.light))
        self._rain = float(rng.uniform(*domain.rain)) if rng.random() < 0.8 else 0.0
        self._lamps = weather.lamps(WIDTH, HEIGHT, self.horizon, self._light, rng) if domain.dusk else None

    def picture(self, moment: float) -> tuple[Image, list[Label]]:
        """The picture and its labels `moment` seconds into the shot."""
        rng = np.random.default_rng((*self._seed, round(moment * 1000)))
        figures = sorted(self._figures(moment), key=lambda figure: figure[0])
        feet = [((x, foot), scale) for foot, x, scale, _ in figures]
        canvas = weather.shadows(self._empty, feet, 0.25 if self._domain.dusk else 0.42)
        found: list[Block] = []
        solid: list[Block] = []
        for foot, x, scale, figure in figures:
            if isinstance(figure, Actor):
                painted = people.paint(canvas, figure.looks, casting.pose(figure, x, foot, scale, moment))
                found.append((PERSON, painted.body))
                found.append((HELMET_ON if figure.looks.helmet else HELMET_OFF, painted.head))
                solid += [(len(found) - 2, painted.trunk), (len(found) - 2, painted.head)]
            elif figure.painter is not None:
                solid.append((len(found), figure.painter(canvas, (x, foot), scale, np.random.default_rng(figure.seed))))
            elif figure.colour is not None:
                brush = Brush(canvas)
                hats.loose_helmet(brush, (x, foot), scale * 0.095, figure.colour, figure.tilt, figure.upside_down)
                found.append((HELMET, brush.box))
        return cameras.expose(self._lit(canvas, rng), self._domain, rng), visible(found, solid)

    def _lit(self, canvas: Image, rng: np.random.Generator) -> Image:
        if self._lamps is None:
            return np.clip(canvas * np.float32(self._light), 0, 255).astype(np.uint8)
        if self._rain > 0:
            weather.reflections(canvas, round(self.horizon + 14), 0.12 + 0.1 * self._rain)
        dark = weather.dusk(canvas, self._lamps)
        return weather.rain(dark, self._rain, rng) if self._rain > 0 else dark

    def _figures(self, moment: float) -> list[tuple[float, float, float, Actor | Prop]]:
        """(foot y, foot x, height of a person there, figure), in pixels."""
        out: list[tuple[float, float, float, Actor | Prop]] = []
        for figure in (*self._props, *self._actors):
            depth, x = figure.depth, figure.x
            if isinstance(figure, Actor):
                depth = casting.bounce(depth + figure.drift * moment, 0.3, 1.0)
                x = casting.bounce(x + figure.speed * moment, -0.02, 1.02)
            foot = self.horizon + depth * (HEIGHT - 6 - self.horizon)
            out.append((foot, x * WIDTH, (foot - self.horizon) * self._scale, figure))
        return out
