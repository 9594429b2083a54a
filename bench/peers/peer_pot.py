"""POT: ot.bregman.sinkhorn_log in float32, on NumPy or on PyTorch, whose autograd goes back through its loop."""

import inspect

import numpy as np
import ot
import torch
from ot.bregman import sinkhorn_log

import cases

# POT renews the columns' scaling before the rows': on the transposed problem it does what the other peers do.


def sinkhorn_value(C, b, a):
    P = sinkhorn_log(b, a, C.T, 0.1, numItermax=50, stopThr=0, warn=False)
    return (P * C.T).sum(), C[:, :0]


def sinkhorn_envelope(C, b, a):
    P, log = sinkhorn_log(b, a, C.T, 0.1, numItermax=50, stopThr=0, warn=False, log=True)
    dual = (a * log["log_v"]).sum() + (b * log["log_u"]).sum() + np.log(len(a)) + np.log(len(b))
    return 0.1 * dual, P.T


def sinkhorn_unrolled(C, b, a):
    P = sinkhorn_log(b, a, C.T, 0.1, numItermax=50, stopThr=0, warn=False)
    return (P * C.T).sum()


sinkhorn_implicit = sinkhorn_unrolled  # the same thing at convergence


class Peer:
    def __init__(self, on_torch, threads):
        torch.set_num_threads(threads)
        self.on_torch, self.versions = on_torch, {"POT": ot.__version__}

    def formula(self, objective):
        return inspect.getsource(globals()[objective])

    def place(self, costs, *unused):
        n, m = costs.shape
        arrays = costs, np.full(m, 1 / m, costs.dtype), np.full(n, 1 / n, costs.dtype)
        return [torch.from_numpy(a) for a in arrays] if self.on_torch else arrays

    def ways(self, objective, arguments):
        f = globals()[objective]
        if cases.has_no_loop_behind(objective):
            return {"sinkhorn_log": lambda: f(*arguments)}
        costs, b, a = arguments

        def step():
            C = costs.detach().requires_grad_()
            value = f(C, b, a)
            return value, torch.autograd.grad(value, C)[0]

        return {"autograd": step}

    def fetch(self, result):
        value, gradient = result
        return float(value), gradient.detach().numpy() if self.on_torch else gradient
