#!/usr/bin/env python3
"""Writes what the tests of the optimisers follow: a hundred steps of PyTorch's on a small network, in training.txt.

The network is 4-5-3 with one ReLU under cross-entropy; weights and data are whole numbers over powers of two, so that both
sides start from the same bits (number(), which the test repeats). Ten of twenty samples a step, in turn.

Usage: tests/reference/generate_training.py [--check] [--to DIRECTORY]
  --to DIRECTORY    where to write, or to read with --check; default: the directory of this script
  --check           writes nothing; the file's numbers must be what comes out, to 13 digits and to 6 in float

training.txt
  run NAME
  double NUMBERS    the loss at steps 0 ... 99 before each step, in float64
  float NUMBERS     the same in float32
  last NUMBERS      the parameters after the last step in float64: W0 (4 x 5), b0, W1 (5 x 3), b1; of `ema`, the averages
"""
import math

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import numbers_file

STEPS, SAMPLES, BATCH = 100, 20, 10


def number(i, seed):
    """In [-2, 2), eight bits after the point."""
    return ((i * 7919 + seed * 104729) % 1021 - 510) / 256


def filled(shape, seed, scale, dtype):
    size = math.prod(shape)
    return torch.tensor([number(i, seed) * scale for i in range(size)], dtype=dtype).reshape(shape)


class network(torch.nn.Module):
    def __init__(self, dtype):
        super().__init__()
        for name, shape, seed in (("w0", (4, 5), 1), ("b0", (5,), 2), ("w1", (5, 3), 3), ("b1", (3,), 4)):
            setattr(self, name, torch.nn.Parameter(filled(shape, seed, 0.5, dtype)))

    def forward(self, x):
        return torch.relu(x @ self.w0 + self.b0) @ self.w1 + self.b1


class sam:
    """Foret et al. 2021; adaptive: Kwon et al. 2021; alpha: Zhuang et al. 2022. From their formulas."""

    def __init__(self, base, radius, adaptive=False, alpha=0.0):
        self.base, self.radius, self.adaptive, self.alpha = base, radius, adaptive, alpha
        self.parameters = [p for group in base.param_groups for p in group["params"]]

    def norm(self, tensors):
        return torch.sqrt(sum((t * t).sum() for t in tensors))

    def step(self, gradients):
        gradients()
        first = [p.grad.clone() for p in self.parameters]
        start = [p.detach().clone() for p in self.parameters]
        with torch.no_grad():
            size = [torch.abs(p) if self.adaptive else torch.ones_like(p) for p in self.parameters]
            scale = self.radius / (self.norm([s * g for s, g in zip(size, first)]) + 1e-12)
            for p, s, g in zip(self.parameters, size, first):
                p.add_(scale * s * s * g)
        gradients()
        with torch.no_grad():
            second = [p.grad.clone() for p in self.parameters]
            n0, n1 = self.norm(first), self.norm(second)
            cosine = sum((a * b).sum() for a, b in zip(first, second)) / (n0 * n1 + 1e-12)
            for p, s, a, b in zip(self.parameters, start, first, second):
                p.copy_(s)
                p.grad.copy_(b - self.alpha * (a - cosine * n0 * b / (n1 + 1e-12)))
        self.base.step()


def sgd(rate, **options):
    return lambda p: torch.optim.SGD(p, lr=rate, **options)


def warm_cosine(optimiser):
    """cosine_schedule{.peak = 0.1, .steps = 90, .warm_up = 10, .last = 0.01}: a rise of ten steps, eighty down."""
    rise = torch.optim.lr_scheduler.LinearLR(optimiser, start_factor=0.1, total_iters=9)
    down = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=80, eta_min=0.01)
    stay = torch.optim.lr_scheduler.ConstantLR(optimiser, factor=0.1, total_iters=1000)
    return torch.optim.lr_scheduler.SequentialLR(optimiser, [rise, down, stay], milestones=[10, 90])


RUNS = {
    "sgd": dict(optimiser=sgd(0.1)),
    "momentum": dict(optimiser=sgd(0.05, momentum=0.9)),
    "nesterov": dict(optimiser=sgd(0.05, momentum=0.9, nesterov=True)),
    "weight_decay": dict(optimiser=sgd(0.05, momentum=0.9, weight_decay=0.02)),
    "adam": dict(optimiser=lambda p: torch.optim.Adam(p, lr=0.01)),
    "adam_l2": dict(optimiser=lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.05)),
    "adamw": dict(optimiser=lambda p: torch.optim.AdamW(p, lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.5)),
    "clip_norm": dict(optimiser=sgd(0.1, momentum=0.5), clip=lambda p: torch.nn.utils.clip_grad_norm_(p, 0.25)),
    "clip_value": dict(optimiser=sgd(0.1, momentum=0.5), clip=lambda p: torch.nn.utils.clip_grad_value_(p, 0.0625)),
    "step_schedule": dict(
        optimiser=sgd(0.1, momentum=0.5), schedule=lambda o: torch.optim.lr_scheduler.StepLR(o, step_size=30, gamma=0.3)
    ),
    "cosine_schedule": dict(optimiser=sgd(0.1, momentum=0.5), schedule=warm_cosine),
    "ema": dict(optimiser=lambda p: torch.optim.Adam(p, lr=0.02), decay=0.95),
    "sam": dict(optimiser=sgd(0.05, momentum=0.9), sam=dict(radius=0.125)),
    "asam": dict(optimiser=sgd(0.05, momentum=0.9), sam=dict(radius=0.5, adaptive=True)),
    "gsam": dict(optimiser=sgd(0.05, momentum=0.9), sam=dict(radius=0.5, adaptive=True, alpha=0.3)),
}


def train(run, dtype):
    x = filled((SAMPLES, 4), 5, 0.5, dtype)
    labels = torch.tensor([(i * i + i // 3) % 3 for i in range(SAMPLES)])
    model = network(dtype)
    optimiser = run["optimiser"](model.parameters())
    schedule = run["schedule"](optimiser) if "schedule" in run else None
    wrapped = sam(optimiser, **run["sam"]) if "sam" in run else None
    average = None
    if "decay" in run:
        average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(run["decay"]))
    losses = []
    for step in range(STEPS):
        rows = slice(0, BATCH) if step % 2 == 0 else slice(BATCH, SAMPLES)
        seen = []

        def gradients():
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(x[rows]), labels[rows])
            loss.backward()
            seen.append(loss.item())

        if wrapped:
            wrapped.step(gradients)
        else:
            gradients()
            if "clip" in run:
                run["clip"](model.parameters())
            optimiser.step()
        if schedule:
            schedule.step()
        if average:
            average.update_parameters(model)
        losses.append(seen[0])
    held = average.module if average else model
    return losses, [value for p in held.parameters() for value in p.detach().flatten().tolist()]


def text():
    lines = []
    for name, run in RUNS.items():
        losses, last = train(run, torch.float64)
        lines.append(f"run {name}")
        lines.append("double " + " ".join(f"{v:.15g}" for v in losses))
        lines.append("float " + " ".join(f"{v:.8g}" for v in train(run, torch.float32)[0]))
        lines.append("last " + " ".join(f"{v:.15g}" for v in last))
    return "\n".join(lines) + "\n"


def agree(new, old):
    tag, *a = new.split()
    other, *b = old.split()
    far = 1e-6 if tag == "float" else 1e-13
    return tag == other and (a == b if tag == "run" else len(a) == len(b) and all(
        abs(float(v) - float(w)) <= far * max(1, abs(float(w))) for v, w in zip(a, b)))


if __name__ == "__main__":
    numbers_file.main("training.txt", text, agree, __doc__)
