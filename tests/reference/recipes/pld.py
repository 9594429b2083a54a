"""Plackett-Luce distillation, row by row from its definition."""
import torch

from course import course, follow


def loss(student, lesson):
    logits = student(lesson.input)
    total = 0
    for s, t, y in zip(logits, lesson.teacher, lesson.classes.tolist()):
        order = [y] + [c for c in torch.argsort(t, descending=True, stable=True).tolist() if c != y]
        weights = torch.softmax(t, 0)
        for k, c in enumerate(order):
            total = total + weights[c] * (torch.logsumexp(s[order[k:]], 0) - s[c])
    return total / len(logits)


def runs():
    return {"pld": follow(loss, course())}
