"""PyTorch: the value and the gradient by autograd, eagerly or through torch.compile."""

import inspect
import math
import types

import numpy as np
import torch
import torch.nn.functional as F

import cases
import training


def kl_t4(s, t, y, T=4.0):
    p, q = F.log_softmax(s / T, -1), F.log_softmax(t / T, -1)
    return T * T * F.kl_div(p, q, reduction="batchmean", log_target=True)


def kl_t1(s, t, y):
    return F.kl_div(F.log_softmax(s, -1), F.log_softmax(t, -1), reduction="batchmean", log_target=True)


def js(s, t, y, b=0.5):
    p, q = F.log_softmax(s, -1), F.log_softmax(t, -1)
    ep, eq = p.exp(), q.exp()
    m = (b * eq + (1 - b) * ep + torch.finfo(s.dtype).tiny).log()
    return (b * eq * (q - m) + (1 - b) * ep * (p - m)).sum() / len(s)


def js_stack(s, t, y, b=0.5):
    p, q = F.log_softmax(s, -1), F.log_softmax(t, -1)
    m = torch.logsumexp(torch.stack([p + math.log(1 - b), q + math.log(b)]), 0)
    to_teacher = F.kl_div(m, q, reduction="batchmean", log_target=True)
    to_student = F.kl_div(m, p, reduction="batchmean", log_target=True)
    return b * to_teacher + (1 - b) * to_student


def mix(s, t, y):
    return 0.1 * F.cross_entropy(s, y) + 0.9 * kl_t4(s, t, y)


def sp(s, t, y):
    g, h = (F.normalize(x @ x.T, dim=1) for x in (s, t))
    return (g - h).square().mean()


def cka(s, t, y):
    s, t = s - s.mean(0), t - t.mean(0)
    k, l = s @ s.T, t @ t.T
    return 1 - (k * l).sum() / (k.norm() * l.norm())


def rkd_distance(s, t, y):
    def relative(x):
        x = x - x.mean(0)
        square = x.square().sum(1)
        d = (square[:, None] + square - 2 * x @ x.T).clamp(min=1e-12).sqrt()
        d = d * (1 - torch.eye(len(x)))
        return d / (d.sum() / (len(x) * (len(x) - 1)))

    return F.smooth_l1_loss(relative(s), relative(t))


def info_nce(s, t, y, temperature=0.1):
    similarity = F.normalize(s) @ F.normalize(t).T
    return F.cross_entropy(similarity / temperature, torch.arange(len(s)))


def pld(s, t, y):
    first = t.scatter(1, y[:, None], float("inf"))
    order = first.sort(dim=1, descending=True).indices  # nothing is tied
    weights, own = F.softmax(t, -1).gather(1, order), s.gather(1, order)
    behind = own.flip(1).logcumsumexp(1).flip(1)
    return (weights * (behind - own)).sum(1).mean()


def uld(s, t, y):
    p, q = (F.softmax(z, -1).sort(dim=-1, descending=True).values for z in (s, t))
    return (p - q).abs().sum(-1).mean()


def sinkhorn_potentials(C, epsilon=0.1, iterations=50):
    n, m = C.shape
    g, scaled = torch.zeros(m), C / -epsilon
    for _ in range(iterations):
        f = math.log(m) - torch.logsumexp(g + scaled, 1)
        g = math.log(n) - torch.logsumexp(f[:, None] + scaled, 0)
    return f, g, torch.exp(f[:, None] + g + scaled) / (n * m)


def sinkhorn_unrolled(C):
    return (sinkhorn_potentials(C)[2] * C).sum()


@torch.no_grad()
def sinkhorn_envelope(C, epsilon=0.1):
    f, g, P = sinkhorn_potentials(C, epsilon)
    return epsilon * (f.mean() + g.mean()), P


@torch.no_grad()
def sinkhorn_value(C):
    return sinkhorn_unrolled(C), C[:, :0]


sinkhorn_implicit = sinkhorn_unrolled  # the same thing at convergence


def by_autograd(f):
    def value_and_gradient(s, *others):
        s = s.detach().requires_grad_()
        value = f(s, *others)
        return value, torch.autograd.grad(value, s)[0]

    return value_and_gradient


def compiled(f):
    """torch.compile keeps its variants with the code object and looks through all of them: each shape gets a copy."""
    alone = types.FunctionType(f.__code__.replace(), f.__globals__, f.__name__, f.__defaults__, f.__closure__)
    return torch.compile(alone, dynamic=False, fullgraph=True)


def compiled_gradient(f):
    both = torch.func.grad_and_value(f)
    step = compiled(lambda s, t, y: both(s, t, y))

    def value_and_gradient(s, t, y):
        gradient, value = step(s, t, y)  # swapped inside, JS takes a tenth longer
        return value, gradient

    return value_and_gradient


class Peer:
    def __init__(self, name, threads):
        torch.set_num_threads(threads)
        self.compile, self.best, self.versions = name == "compile", name == "best", {"torch": torch.__version__}

    def formula(self, objective):
        if objective in cases.TRAININGS:
            return inspect.getsource(getattr(training, cases.student_of(objective))) + "\n\n" + inspect.getsource(training.step)
        source = inspect.getsource(globals()[objective])
        if objective.startswith("sinkhorn"):
            before = [sinkhorn_unrolled] if objective == "sinkhorn_value" else []
            return "\n\n".join(inspect.getsource(f) for f in [sinkhorn_potentials, *before]) + "\n\n" + source
        return inspect.getsource(kl_t4) + source if objective == "mix" else source

    def place(self, *arrays):
        return [torch.from_numpy(a) for a in arrays]

    def ways(self, objective, arguments):
        """Ways to call it, of which the fastest is kept."""
        if objective in cases.TRAININGS:
            return training.lessons(cases.student_of(objective), arguments[0], arguments[2], self.best)
        f = globals()[objective]
        if objective.startswith("sinkhorn"):
            costs = arguments[0]
            if cases.has_no_loop_behind(objective):
                return {"without autograd": lambda: f(costs)}
            step = by_autograd(f)
            return {"autograd": lambda: step(costs)}
        if self.compile:
            steps = {"compile(func.grad_and_value(loss))": compiled_gradient(f)}
            if not objective.startswith("js"):  # there it takes 1.4 to 2 times as long at every shape
                steps["compile(loss), autograd"] = by_autograd(compiled(f))
        else:
            steps = {"autograd": by_autograd(f)}
        return {name: (lambda step=step: step(*arguments)) for name, step in steps.items()}

    def fetch(self, result):
        if isinstance(result[0], np.ndarray):
            return result
        return result[0].item(), result[1].detach().numpy()
