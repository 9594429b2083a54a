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


class Peer:
    def __init__(self, threads):
        self.versions = {"jax": jax.__version__, "jaxlib": jax.lib.__version__}

    def formula(self, objective):
        source = inspect.getsource(globals()[objective])
        return inspect.getsource(kl_t4) + source if objective == "mix" else source

    def place(self, *arrays):
        return [jnp.asarray(a) for a in arrays]

    def ways(self, objective, arguments):
        step = jax.jit(jax.value_and_grad(globals()[objective]))
        return {"jit(value_and_grad(loss))": lambda: jax.block_until_ready(step(*arguments))}

    def fetch(self, result):
        return float(result[0]), np.asarray(result[1])
