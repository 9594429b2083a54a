"""LEAF, row by row from its definition: a projection of the student's last feature, at length 1, is the teacher's."""
import torch

from course import FEATURE, IN_STEP, STEPS, course, filled, follow

WIDTH, DIMS, WEIGHTS = 7, (2, 5, 7), (1.0, 0.5, 0.25)


def unit(x):
    """Zeros stay zeros, and as a constant: no gradient."""
    return x / x.norm() if x.norm() > 0 else torch.zeros_like(x)


def teacher(step):
    """Rows of length 1, one of zeros among them, one whose first two numbers are 0."""
    rows = filled((IN_STEP, WIDTH), 31 + step % 4)
    rows[1, :2] = 0
    rows[3] = 0
    return torch.stack([unit(row) for row in rows])


def run(distance):
    c = course()
    weight = torch.nn.Parameter(filled((FEATURE, WIDTH), 21))
    bias = torch.nn.Parameter(filled((WIDTH,), 22))

    def loss(student, lesson):
        u = student.features(lesson.input) @ weight + bias
        return sum(distance(a, b) for a, b in zip(u, teacher(lesson.step))) / len(u)

    lines = follow(loss, c, own=[weight, bias])
    with torch.no_grad():
        u = c.student.features(c.at(STEPS).input) @ weight + bias
        lines["embedding"] = torch.stack([unit(row) for row in u]).reshape(-1).tolist()
    return lines


def squared(x):
    return (x * x).sum()


def runs():
    return {
        "leaf": run(lambda u, t: squared(unit(u) - t)),
        "leaf_raw": run(lambda u, t: squared(u - t)),
        "leaf_matryoshka": run(lambda u, t: sum(w * squared(unit(u[:d]) - unit(t[:d])) for d, w in zip(DIMS, WEIGHTS))),
    }
