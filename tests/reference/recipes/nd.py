"""Norm and direction, sample by sample, beside distillation whose weight rises."""
import torch

from course import CLASSES, FEATURE, INPUTS, STEPS, course, filled, follow, mlp, DOUBLE
from hinton import divergence, truth


def means(course):
    table = torch.zeros(CLASSES, FEATURE, dtype=DOUBLE)
    for c in range(CLASSES):
        table[c] = course.features[course.classes == c].mean(0)
    return table


def norm_direction(features, lesson, table):
    total = 0
    for f, t, y in zip(features, lesson.teacher_feature, lesson.classes.tolist()):
        e = table[y] / table[y].norm()
        length = f.norm() if f.norm() >= t.norm() else t.norm()
        total = total + 1 - f.dot(e) / length
    return total / len(features)


def run(c, factor, warm_up, projector=None):
    table = means(c)

    def loss(student, lesson):
        features = student.features(lesson.input)
        logits = student.head(features)
        risen = min(1.0, lesson.step / STEPS / warm_up)
        value = truth(logits, lesson) + risen * divergence(lesson.teacher, logits, 4)
        return value + factor * norm_direction(projector(features) if projector else features, lesson, table)
    return follow(loss, c, own=list(projector.parameters()) if projector else ())


def runs():
    wide = course()
    wide.student = mlp((INPUTS, 8, 7, CLASSES))
    projector = torch.nn.Sequential(torch.nn.BatchNorm1d(7, dtype=DOUBLE), torch.nn.Linear(7, FEATURE, dtype=DOUBLE))
    with torch.no_grad():
        for k, p in enumerate(projector.parameters()):
            if p.ndim == 2:  # the library keeps inputs x outputs
                p.copy_(filled((7, FEATURE), 31 + k).T)
            else:
                p.copy_(filled(p.shape, 31 + k))
    lines = run(wide, 1.0, 20 / 240, projector)
    # The same order of numbers as there.
    weight = projector[1].weight.detach()
    flat = torch.tensor(lines["last"], dtype=DOUBLE)
    before = len(flat) - FEATURE - 7 * FEATURE
    flat[before:before + 7 * FEATURE] = weight.T.reshape(-1)
    lines["last"] = flat.tolist()
    return {"nd": run(course(), 2.0, 0.5), "nd_projector": lines}
