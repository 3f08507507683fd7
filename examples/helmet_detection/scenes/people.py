"""People: how they stand, and the strokes that paint them.

`scenes.staging` hands over who it is (`scenes.looks`) and a `Pose` per frame, and gets back the boxes that were filled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scenes import hats
from scenes.brushes import Brush, Colour, Image, Point, shade
from scenes.looks import Person

STRIPE: Colour = (215, 225, 225)


@dataclass(frozen=True)
class Pose:
    """Where and how a person stands in one frame; lengths in pixels, `facing` -1 (left) to 1 (right)."""

    foot: Point
    height: float
    facing: float
    towards: bool
    stride: float
    crouch: float
    lean: float
    arms: float


@dataclass(frozen=True)
class Painted:
    """The boxes (x1, y1, x2, y2) that a painted person fills, and the part of the body that hides what is behind it."""

    body: list[float]
    head: list[float]
    trunk: list[float]


def paint(canvas: Image, person: Person, pose: Pose) -> Painted:
    """Put a person on the canvas and tell which boxes the body and the head fill."""
    brush = Brush(canvas)
    height = pose.height
    hip = (pose.foot[0], pose.foot[1] - height * (0.48 - 0.2 * pose.crouch))
    tilt = pose.lean * (1 if pose.facing >= 0 else -1)
    neck = (hip[0] + math.sin(tilt) * height * 0.34, hip[1] - math.cos(tilt) * height * 0.34)
    breadth = height * (0.115 - 0.035 * abs(pose.facing)) * person.width
    _legs(brush, person, pose, hip)
    _arm(brush, person, pose, neck, breadth, near=False)
    _torso(brush, person, pose, hip, neck, breadth)
    head = Brush(canvas)
    size = height * 0.074
    centre = (neck[0] + math.sin(tilt) * height * 0.075, neck[1] - height * 0.068)
    brush.stroke([neck, centre], max(2.0, size * 0.8), shade(person.skin, 0.7))
    hats.face(head, centre, size, person.skin, pose.facing, pose.towards)
    if person.helmet is not None:
        hats.helmet_on(head, centre, size, person.helmet, pose.facing)
    else:
        hats.bare_head(head, centre, size, person.hat, person.hat_colour, pose.facing, pose.towards)
    _arm(brush, person, pose, neck, breadth, near=True)
    body = [min(brush.box[i], head.box[i]) for i in (0, 1)] + [max(brush.box[i], head.box[i]) for i in (2, 3)]
    trunk = [min(neck[0], hip[0]) - breadth, neck[1], max(neck[0], hip[0]) + breadth, pose.foot[1]]
    return Painted(body=body, head=head.box, trunk=trunk)


def _legs(brush: Brush, person: Person, pose: Pose, hip: Point) -> None:
    height, width = pose.height, pose.height * 0.085 * person.width
    swing = math.sin(pose.stride) * 0.13 * abs(pose.facing) * height
    apart = height * (0.045 + 0.03 * (1 - abs(pose.facing)))
    for side, colour in ((-1, shade(person.trousers, 0.8)), (1, person.trousers)):
        lift = max(0.0, math.sin(pose.stride) * side) * height * 0.03
        foot = (pose.foot[0] + side * (swing + apart), pose.foot[1] - lift - height * 0.015)
        bend = pose.facing * height * (0.02 + 0.13 * pose.crouch)
        knee = ((hip[0] + foot[0]) / 2 + bend, (hip[1] + foot[1]) / 2 - height * 0.02)
        start = (hip[0] + side * height * 0.035, hip[1])
        brush.limb([start, knee, (foot[0], foot[1] - height * 0.02)], width, colour)
        toe = pose.facing * height * 0.045
        brush.stroke([(foot[0] - toe * 0.3, foot[1]), (foot[0] + toe, foot[1])], height * 0.05, (32, 38, 48))


def _torso(brush: Brush, person: Person, pose: Pose, hip: Point, neck: Point, breadth: float) -> None:
    height = pose.height
    shoulder = (neck[0], neck[1] + height * 0.02)
    waist = breadth * 0.84
    left, right = (
        (shoulder[0] - breadth, shoulder[1] + height * 0.02),
        (shoulder[0] + breadth, shoulder[1] + height * 0.02),
    )
    outline = [
        left,
        (shoulder[0] - breadth * 0.5, shoulder[1] - height * 0.012),
        (shoulder[0] + breadth * 0.5, shoulder[1] - height * 0.012),
        right,
        (hip[0] + waist, hip[1] + height * 0.03),
        (hip[0] - waist, hip[1] + height * 0.03),
    ]
    cover = person.vest or person.jacket
    brush.polygon(outline, cover)
    # The unlit side makes a flat polygon a body.
    brush.polygon(
        [
            (neck[0] + breadth * 0.35, shoulder[1]),
            right,
            (hip[0] + waist, hip[1] + height * 0.03),
            (hip[0] + waist * 0.3, hip[1] + height * 0.03),
        ],
        shade(cover, 0.74),
    )
    if person.vest is None:
        return
    for share in (0.5, 0.78):
        x, y = shoulder[0] + (hip[0] - shoulder[0]) * share, shoulder[1] + (hip[1] - shoulder[1]) * share
        brush.stroke([(x - breadth * 0.9, y), (x + breadth * 0.9, y)], height * 0.022, STRIPE)
    for side in (-0.45, 0.45):
        brush.stroke(
            [(shoulder[0] + side * breadth, shoulder[1]), (hip[0] + side * breadth, hip[1])], height * 0.018, STRIPE
        )


def _arm(brush: Brush, person: Person, pose: Pose, neck: Point, breadth: float, near: bool) -> None:
    height = pose.height
    side = 1.0 if near == (pose.facing >= 0) else -1.0
    shoulder = (neck[0] + side * breadth * 0.92, neck[1] + height * 0.045)
    swing = math.sin(pose.stride + (0.0 if near else math.pi)) * 0.5 * abs(pose.facing)
    lifted = pose.arms if near else pose.arms * 0.6
    turn = (1 if pose.facing >= 0 else -1) * (swing + lifted * 1.9) + side * 0.12
    elbow = (shoulder[0] + math.sin(turn) * height * 0.155, shoulder[1] + math.cos(turn) * height * 0.155)
    fore = turn + (1 if pose.facing >= 0 else -1) * (0.35 + 0.5 * lifted)
    hand = (elbow[0] + math.sin(fore) * height * 0.14, elbow[1] + math.cos(fore) * height * 0.14)
    if near:
        _tool(brush.canvas, person.tool, pose, hand)
    brush.limb([shoulder, elbow, hand], height * 0.058 * person.width, shade(person.jacket, 0.95 if near else 0.7))
    brush.ellipse(hand, (height * 0.026, height * 0.026), person.skin)


def _tool(canvas: Image, tool: str, pose: Pose, hand: Point) -> None:
    """Tools are not part of a person's box: they go through a brush of their own."""
    brush, height, way = Brush(canvas), pose.height, 1 if pose.facing >= 0 else -1
    if tool == "shovel":
        end = (hand[0] + way * height * 0.16, pose.foot[1] - height * 0.01)
        brush.stroke([(hand[0] - way * height * 0.08, hand[1] - height * 0.2), end], height * 0.02, (60, 105, 150))
        brush.ellipse(end, (height * 0.035, height * 0.06), (90, 90, 95))
    elif tool == "plank":
        rise = height * 0.05
        brush.stroke(
            [(hand[0] - height * 0.34, hand[1] + rise), (hand[0] + height * 0.34, hand[1] - rise)],
            height * 0.04,
            (85, 140, 185),
        )
    elif tool == "board":
        brush.rectangle(
            hand[0] - height * 0.05,
            hand[1] - height * 0.07,
            hand[0] + height * 0.05,
            hand[1] + height * 0.05,
            (225, 228, 230),
        )
