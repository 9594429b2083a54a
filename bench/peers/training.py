"""The students whose training steps are timed: PyTorch's modules, and the weights that every peer starts from."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import cases

STEPS = 5  # of the trajectories that are compared


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 49, 10),
    )


def deep():
    def block(inputs, outputs):
        return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()

    return nn.Sequential(
        *block(1, 32), *block(32, 32), nn.MaxPool2d(2),
        *block(32, 64), *block(64, 64), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 49, 10),
    )


def begun(student):
    """The network with weights that depend on its name alone: of variance 2 / fan-in, biases small, factors near 1."""
    random, model = np.random.default_rng(len(student)), globals()[student]()
    for parameter in model.parameters():
        shape = tuple(parameter.shape)
        if len(shape) > 1:
            values = random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
        else:
            values = 0.1 * random.standard_normal(shape)
        parameter.data = torch.from_numpy(values.astype(np.float32))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data += 1
    return model


def weights(student):
    """In the order and layout of this library: a linear layer's by inputs, then outputs."""
    arrays = [p.detach().numpy() for p in begun(student).parameters()]
    return [np.ascontiguousarray(a.T if a.ndim == 2 else a) for a in arrays]


def step(model, optimiser, images, labels):
    optimiser.zero_grad()
    loss = F.cross_entropy(model(images), labels)
    loss.backward()
    optimiser.step()
    return loss


def reference(rows, columns):
    """The losses of the first steps, in float64."""
    images, _, labels = cases.inputs(rows, columns)
    x, y, found = torch.from_numpy(images).double().view(rows, 1, 28, 28), torch.from_numpy(labels % 10), {}
    for objective in cases.TRAININGS:
        model = begun(cases.student_of(objective)).double()
        adam = torch.optim.Adam(model.parameters(), lr=1e-3)
        losses = np.array([step(model, adam, x, y).item() for _ in range(STEPS)])
        found[objective] = losses, np.zeros((len(cases.checked_rows(rows)), 0))
    return found


def lessons(student, images, labels, best):
    """Ways of training it: PyTorch's defaults, or for the best of it fused updates and channels last, too."""
    x, y, ways = images.view(len(images), 1, 28, 28), labels % 10, {}

    def lesson(**options):
        channels_last = options.pop("channels_last", False)
        model, images = begun(student), x
        if channels_last:
            model, images = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
        adam = torch.optim.Adam(model.parameters(), lr=1e-3, **options)
        losses = np.array([step(model, adam, images, y).item() for _ in range(STEPS)])

        def one():
            step(model, adam, images, y)
            return losses, losses[:0]

        return one

    ways["Adam"] = lesson()
    if best:
        ways["Adam(fused=True)"] = lesson(fused=True)
        if student != "mlp":
            ways["Adam(fused=True), channels_last"] = lesson(fused=True, channels_last=True)
    return ways
