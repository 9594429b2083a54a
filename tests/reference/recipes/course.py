"""A small course that both sides know: tests/recipe/support.hpp takes the same steps with the same numbers.

40 samples of 6 numbers and 4 classes, ten a step, in turn; every third label is unknown (-100). The student is 6-8-5-4 with
ReLU, SGD with momentum 0.9 learns. Everything in float64.
"""
import math
from types import SimpleNamespace

import torch

SAMPLES, IN_STEP, INPUTS, CLASSES, FEATURE, STEPS = 40, 10, 6, 4, 5, 24
UNLABELLED = -100
DOUBLE = torch.float64


def number(i, seed):
    return ((i * 7919 + seed * 104729) % 1021 - 510) / 512


def filled(shape, seed, scale=1.0):
    return torch.tensor([scale * number(i, seed) for i in range(math.prod(shape))], dtype=DOUBLE).reshape(shape)


class mlp(torch.nn.Module):
    """Weights are inputs x outputs, as the library keeps them. forward gives logits; features what the head sees."""

    def __init__(self, widths, first_seed=1):
        super().__init__()
        self.weights, self.biases = torch.nn.ParameterList(), torch.nn.ParameterList()
        for k, shape in enumerate(zip(widths[:-1], widths[1:])):
            self.weights.append(torch.nn.Parameter(filled(shape, first_seed + 2 * k)))
            self.biases.append(torch.nn.Parameter(filled(shape[1:], first_seed + 2 * k + 1)))

    def taps(self, x):
        found = []
        for w, b in list(zip(self.weights, self.biases))[:-1]:
            x = torch.relu(x @ w + b)
            found.append(x)
        return found

    def features(self, x):
        return self.taps(x)[-1]

    def head(self, features):
        return features @ self.weights[-1] + self.biases[-1]

    def forward(self, x):
        return self.head(self.features(x))

    def in_order(self):
        """As the library lists them."""
        return [p for pair in zip(self.weights, self.biases) for p in pair]


class course:
    def __init__(self):
        self.student = mlp((INPUTS, 8, FEATURE, CLASSES))
        self.x, self.teacher = filled((SAMPLES, INPUTS), 11), filled((SAMPLES, CLASSES), 12, 4)
        self.features = filled((SAMPLES, FEATURE), 13, 2)
        truth = torch.tensor([(i * i + i // 3) % CLASSES for i in range(SAMPLES)])
        known = torch.tensor([i % 3 != 2 for i in range(SAMPLES)])
        self.labels = torch.where(known, truth, torch.tensor(UNLABELLED))
        self.classes = torch.where(known, truth, self.teacher.argmax(1))

    def at(self, step):
        first = step % (SAMPLES // IN_STEP) * IN_STEP
        rows = slice(first, first + IN_STEP)
        return SimpleNamespace(input=self.x[rows], labels=self.labels[rows], classes=self.classes[rows],
                               teacher=self.teacher[rows], teacher_feature=self.features[rows],
                               progress=step / STEPS, step=step)


def follow(loss, course, own=(), rate=0.05, after=None):
    """loss(student, lesson) is minimised over the student and what else is its own. after(lesson) may return state, a
    dict of names to lists of numbers. Returns the lines of a file."""
    learned = course.student.in_order() + list(own)
    optimiser = torch.optim.SGD(learned, lr=rate, momentum=0.9)
    lines = {"loss": []}
    for step in range(STEPS):
        lesson = course.at(step)
        optimiser.zero_grad()
        value = loss(course.student, lesson)
        value.backward()
        optimiser.step()
        lines["loss"].append(value.item())
        for tag, numbers in (after(lesson) if after else {}).items():
            lines.setdefault(tag, []).extend(float(n) for n in numbers)
    lines["last"] = torch.cat([p.detach().reshape(-1) for p in learned]).tolist()
    return lines
