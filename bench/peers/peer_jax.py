"""JAX: jit(value_and_grad(loss)) on the CPU."""

import inspect
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import log_softmax

import cases


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


def pld(s, t, y):
    first = t.at[jnp.arange(len(t)), y].set(jnp.inf)
    order = jnp.argsort(first, axis=1, descending=True)
    weights, own = (jnp.take_along_axis(x, order, 1) for x in (jax.nn.softmax(t), s))
    behind = jax.lax.cumlogsumexp(own, axis=1, reverse=True)
    return (weights * (behind - own)).sum(1).mean()


def uld(s, t, y):
    p, q = (jnp.sort(jax.nn.softmax(z), axis=1) for z in (s, t))
    return jnp.abs(p - q).sum(1).mean()


def sinkhorn_potentials(C, epsilon=0.1, iterations=50):
    n, m = C.shape
    scaled = C / -epsilon

    def iteration(g, _):
        f = math.log(m) - jax.nn.logsumexp(g + scaled, 1)
        return math.log(n) - jax.nn.logsumexp(f[:, None] + scaled, 0), f

    g, fs = jax.lax.scan(iteration, jnp.zeros(m), length=iterations)
    return fs[-1], g, jnp.exp(fs[-1][:, None] + g + scaled) / (n * m)


def sinkhorn_unrolled(C):
    return (sinkhorn_potentials(C)[2] * C).sum()


def sinkhorn_envelope(C, epsilon=0.1):
    f, g, P = sinkhorn_potentials(C, epsilon)
    return epsilon * (f.mean() + g.mean()), P


def sinkhorn_value(C):
    return sinkhorn_unrolled(C), C[:, :0]


sinkhorn_implicit = sinkhorn_unrolled  # the same thing at convergence


class Peer:
    def __init__(self, threads):
        self.versions = {"jax": jax.__version__, "jaxlib": jax.lib.__version__}

    def formula(self, objective):
        source = inspect.getsource(globals()[objective])
        if objective.startswith("sinkhorn"):
            before = [sinkhorn_unrolled] if objective == "sinkhorn_value" else []
            return "\n\n".join(inspect.getsource(f) for f in [sinkhorn_potentials, *before]) + "\n\n" + source
        if "unit(" in source:
            return inspect.getsource(unit) + source
        return inspect.getsource(kl_t4) + source if objective == "mix" else source

    def place(self, *arrays):
        return [jnp.asarray(a) for a in arrays]

    def ways(self, objective, arguments):
        f = globals()[objective]
        if objective.startswith("sinkhorn"):
            arguments = arguments[:1]
        if objective.startswith("sinkhorn") and cases.has_no_loop_behind(objective):
            plain = jax.jit(f)
            return {"jit": lambda: jax.block_until_ready(plain(*arguments))}
        step = jax.jit(jax.value_and_grad(f))
        return {"jit(value_and_grad(loss))": lambda: jax.block_until_ready(step(*arguments))}

    def fetch(self, result):
        return float(result[0]), np.asarray(result[1])
