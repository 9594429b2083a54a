"""JAX: jit(value_and_grad(loss)) on the CPU."""

import inspect
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import log_softmax


def kl_t4(s, t, y, T=4.0):
    p, q = log_softmax(s / T), log_softmax(t / T)
    return T * T * (jnp.exp(q) * (q - p)).sum() / len(s)


def kl_t1(s, t, y):
    p, q = log_softmax(s), log_softmax(t)
    return (jnp.exp(q) * (q - p)).sum() / len(s)


def js(s, t, y, b=0.5):
    p, q = log_softmax(s), log_softmax(t)
    ep, eq = jnp.exp(p), jnp.exp(q)
    m = jnp.log(b * eq + (1 - b) * ep + jnp.finfo(s.dtype).tiny)
    return (b * eq * (q - m) + (1 - b) * ep * (p - m)).sum() / len(s)


def js_stack(s, t, y, b=0.5):
    p, q = log_softmax(s), log_softmax(t)
    m = jax.nn.logsumexp(jnp.stack([p + math.log(1 - b), q + math.log(b)]), 0)
    return (b * jnp.exp(q) * (q - m) + (1 - b) * jnp.exp(p) * (p - m)).sum() / len(s)


def mix(s, t, y):
    cross_entropy = -jnp.take_along_axis(log_softmax(s), y[:, None], -1).mean()
    return 0.1 * cross_entropy + 0.9 * kl_t4(s, t, y)


def unit(x):
    return x / jnp.linalg.norm(x, axis=1, keepdims=True)


def sp(s, t, y):
    return jnp.square(unit(s @ s.T) - unit(t @ t.T)).mean()


def cka(s, t, y):
    s, t = s - s.mean(0), t - t.mean(0)
    k, l = s @ s.T, t @ t.T
    return 1 - (k * l).sum() / (jnp.linalg.norm(k) * jnp.linalg.norm(l))


def rkd_distance(s, t, y):
    def relative(x):
        x = x - x.mean(0)
        square = jnp.square(x).sum(1)
        d = jnp.sqrt(jnp.maximum(square[:, None] + square - 2 * x @ x.T, 1e-12))
        d = d * (1 - jnp.eye(len(x)))
        return d / (d.sum() / (len(x) * (len(x) - 1)))

    gap = jnp.abs(relative(s) - relative(t))
    return jnp.where(gap < 1, jnp.square(gap) / 2, gap - 0.5).mean()


def info_nce(s, t, y, temperature=0.1):
    return -jnp.diagonal(log_softmax(unit(s) @ unit(t).T / temperature)).mean()


class Peer:
    def __init__(self, threads):
        self.versions = {"jax": jax.__version__, "jaxlib": jax.lib.__version__}

    def formula(self, objective):
        source = inspect.getsource(globals()[objective])
        if "unit(" in source:
            return inspect.getsource(unit) + source
        return inspect.getsource(kl_t4) + source if objective == "mix" else source

    def place(self, *arrays):
        return [jnp.asarray(a) for a in arrays]

    def ways(self, objective, arguments):
        step = jax.jit(jax.value_and_grad(globals()[objective]))
        return {"jit(value_and_grad(loss))": lambda: jax.block_until_ready(step(*arguments))}

    def fetch(self, result):
        return float(result[0]), np.asarray(result[1])
