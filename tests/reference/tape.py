"""Reverse differentiation of numbers of any precision: one node for every operation, the chain rule backwards.

Besides its slope (the derivative of the result with respect to it) a logit gets a size: what the contributions to its
slope add up to in absolute value, where a probability's own slope counts as one contribution. For a softmax with slopes
a_i on log p_i the slope of z_i is (a_i - p_i Σ a)/T and its size (|a_i| + p_i Σ |a|)/T: the scale on which a computed
gradient entry is rounded. The terms of a node are likewise what the summands of its value add up to in magnitude.
"""
import itertools

from mpmath import exp as mp_exp, log as mp_log, mpf, sqrt as mp_sqrt

_order = itertools.count()


class node:
    """raw: still a linear function of logits (or their log-sum-exp), so that sizes and not slopes are added up below it."""

    __slots__ = ("value", "parents", "raw", "slope", "size", "terms", "order")

    def __init__(self, value, parents=(), raw=False, terms=None):
        self.value, self.parents, self.raw = value, parents, raw
        self.slope = self.size = mpf(0)
        self.terms = abs(value) if terms is None else terms
        self.order = next(_order)

    def __add__(self, other):
        terms = self.terms + terms_of(other)
        if isinstance(other, node):
            return node(self.value + other.value, ((self, 1), (other, 1)), self.raw and other.raw, terms)
        return node(self.value + other, ((self, 1),), self.raw, terms)

    def __neg__(self):
        return node(-self.value, ((self, -1),), self.raw, self.terms)

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    def __mul__(self, other):
        if isinstance(other, node):
            return node(self.value * other.value, ((self, other.value), (other, self.value)))
        return node(self.value * other, ((self, other),), self.raw, self.terms * abs(other))

    def __truediv__(self, other):
        if isinstance(other, node):
            ratio = self.value / other.value
            return node(ratio, ((self, 1 / other.value), (other, -ratio / other.value)),
                        terms=self.terms / abs(other.value))
        return self * (1 / mpf(other))

    def __rtruediv__(self, other):
        return node(mpf(other)) / self

    def __pow__(self, exponent):
        power = self.value**exponent
        return node(power, ((self, exponent * power / self.value),))

    __radd__, __rmul__ = __add__, __mul__


def terms_of(x):
    return x.terms if isinstance(x, node) else abs(x)


def value_of(x):
    return x.value if isinstance(x, node) else mpf(x)


def exp(x):
    if not isinstance(x, node):
        return mp_exp(x)
    y = mp_exp(x.value)
    return node(y, ((x, y),))


def log(x):
    return node(mp_log(x.value), ((x, 1 / x.value),)) if isinstance(x, node) else mp_log(x)


def sqrt(x):
    """With slope 0 at 0, the choice of every objective that takes a root."""
    if not isinstance(x, node):
        return mp_sqrt(x)
    y = mp_sqrt(x.value)
    return node(y, ((x, 1 / (2 * y) if y else mpf(0)),))


def magnitude(x):
    """|x|, with slope 0 at 0."""
    if not isinstance(x, node):
        return abs(x)
    return node(abs(x.value), ((x, mpf((x.value > 0) - (x.value < 0))),))


def total(terms):
    terms = list(terms)
    return node(sum((value_of(x) for x in terms), mpf(0)), tuple((x, 1) for x in terms if isinstance(x, node)),
                terms=sum((terms_of(x) for x in terms), mpf(0)))


def log_softmax(logits, temperature):
    """Logarithms of softmax(logits / temperature); None, a masked class, stays None. And log Σ e^{z/T}."""
    kept = [z for z in logits if z is not None]
    top = max(value_of(z) for z in kept)
    scaled = [None if z is None else (z - top) / temperature for z in logits]
    powers = [None if x is None else mp_exp(value_of(x)) for x in scaled]
    mass = sum(e for e in powers if e is not None)
    normaliser = node(mp_log(mass), tuple((x, e / mass) for x, e in zip(scaled, powers) if isinstance(x, node)), True)
    logs = [None if x is None else x - normaliser for x in scaled]
    for x in logs:
        if x is not None:
            x.raw = False
    return logs, normaliser + top / temperature


def differentiate(result):
    """Fills in the slope and the size of every node that the result depends on."""
    seen, waiting = {result.order: result}, [result]
    while waiting:
        for parent, _ in waiting.pop().parents:
            if parent.order not in seen:
                seen[parent.order] = parent
                waiting.append(parent)
    result.slope = mpf(1)
    for order in sorted(seen, reverse=True):
        x = seen[order]
        size = x.size if x.raw else abs(x.slope)
        for parent, derivative in x.parents:
            parent.slope += derivative * x.slope
            parent.size += abs(derivative) * size
