"""Margin-MSE, pair by pair from its definition; lists of different lengths."""
import math

import torch

from course import INPUTS, course, filled, follow

GROUPS, DOCUMENTS = 3, 4


def scores(step):
    """Infinities take pairs out: a short list, one with a gap, in every fourth step a query without a positive."""
    t = filled((GROUPS, DOCUMENTS), 51 + step % 4, 4)
    t[0, 3] = -math.inf
    t[1, 1] = math.inf
    if step % 4 == 3:
        t[2, 0] = -math.inf
    return t


def inputs(step):
    return filled((GROUPS * (1 + DOCUMENTS), INPUTS), 41 + step % 4)


def loss(student, lesson):
    e, t = student(inputs(lesson.step)).reshape(GROUPS, 1 + DOCUMENTS, -1), scores(lesson.step)
    errors = []
    for group, own in zip(e, t):
        query, positive, others = group[0], group[1], group[2:]
        for document, score in zip(others, own[1:]):
            if torch.isfinite(own[0]) and torch.isfinite(score):
                errors.append((query @ positive - query @ document) - (own[0] - score))
    return sum(x * x for x in errors) / len(errors)


def runs():
    return {"margin_mse": follow(loss, course(), rate=0.002)}
