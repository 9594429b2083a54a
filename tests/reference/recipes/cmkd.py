"""Correlations of numbers and of soft ranks, these by the minimax formula of isotonic regression."""
import math

import torch

from course import DOUBLE, course, follow
from hinton import truth


def correlation(x, y):
    a, b = x - x.mean(), y - y.mean()
    return a.dot(b) / (a.norm() * b.norm())


def soft_ranks(x, softness=1.0):
    n = len(x)
    strength = softness * 2 * math.sqrt(3) * x.std(correction=0) / n
    order = torch.argsort(x, descending=True)
    y = x[order] / strength - torch.arange(n, 0, -1, dtype=DOUBLE)
    # The non-increasing numbers nearest to y: v_i = min over j <= i of the max over k >= i of mean(y_j .. y_k).
    v = torch.stack([torch.stack([torch.stack([y[j:k + 1].mean() for k in range(i, n)]).max()
                                  for j in range(i + 1)]).min() for i in range(n)])
    ranks = torch.empty(n, dtype=DOUBLE)
    return ranks.index_copy(0, order, x[order] / strength - v)


def ranks(y):
    return torch.tensor([1 + sum(float(other < own) for other in y) for own in y], dtype=DOUBLE)


def run(weight_of, intra, strength):
    def loss(student, lesson):
        z = student(lesson.input)
        total = 0
        for s, t in zip(z, lesson.teacher):
            w = weight_of(t)
            total = total + w * (1 - correlation(s, t)) + (1 - w) * (1 - correlation(soft_ranks(s), ranks(t.tolist())))
        value = truth(z, lesson) + strength * total / len(z)
        if intra:
            p, q = torch.softmax(z / 2, 1), torch.softmax(lesson.teacher / 2, 1)
            within = sum(1 - correlation(p[:, c], q[:, c]) for c in range(p.shape[1])) / p.shape[1]
            value = value + intra * 4 * within
        return value
    return follow(loss, course())


def certainty(t):
    p = torch.softmax(t, 0)
    return 1 + (p * p.log()).sum().item() / math.log(len(t))


def runs():
    return {"cmkd": run(certainty, 0, 1.5), "cmkd_intra": run(lambda t: 0.25, 0.5, 1.0)}
