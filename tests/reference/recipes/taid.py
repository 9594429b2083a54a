"""A target between student and teacher: the loss by autograd, the schedule from its definition."""
import math

import torch

from course import STEPS, course, follow, number
from hinton import truth


class schedule:
    def __init__(self, alpha, beta, first=0.4, last=1.0, adaptive=True):
        self.alpha, self.beta, self.first, self.last, self.adaptive = alpha, beta, first, last, adaptive
        self.t, self.m, self.before = first, 0.0, None

    def update(self, loss, progress):
        line = self.first + (self.last - self.first) * progress
        if not self.adaptive:
            self.t = line
        elif self.before is not None:
            self.m = self.beta * self.m + (1 - self.beta) * (self.before - loss) / (self.before + 1e-15)
            step = self.alpha * (1 / (1 + math.exp(-self.m))) * (1 - self.t)
            self.t = min(self.last, max(line, self.t + step))
        self.before = loss


def run(schedule, labels):
    def loss(student, lesson):
        logits = student(lesson.input)
        t = schedule.t
        target = torch.softmax((1 - t) * logits.detach() + t * lesson.teacher, 1)
        value = -(target * torch.log_softmax(logits, 1)).sum(1).mean()
        schedule.update(value.item(), lesson.step / STEPS)
        return value + labels * truth(logits, lesson)
    return follow(loss, course(), after=lambda lesson: {"t": [schedule.t]})


def trace():
    """Sixty losses that fall, rise and jump."""
    moving, losses, lines = schedule(0.05, 0.9), [], {"loss": [], "t": [], "m": []}
    for step in range(60):
        losses.append(2 / (1 + step / 10) + 0.3 * number(step, 3) + (1 if step % 17 == 5 else 0))
        moving.update(losses[-1], step / 60)
        lines["t"].append(moving.t)
        lines["m"].append(moving.m)
    lines["loss"] = losses
    return lines


def runs():
    return {"taid": run(schedule(0.1, 0.9), 0.0), "taid_labels": run(schedule(5e-4, 0.99), 0.3),
            "taid_linear": run(schedule(0, 0, 0.2, 0.8, False), 0.0), "taid_schedule": trace()}
