#!/usr/bin/env python3
"""Writes the reference values that the tests of the transport solver read: transport.txt.

Everything is computed with mpmath in far more than 50 digits straight from the definitions (transport.py), differentiated
by the chain rule (tape.py). Takes a minute; writes the same bytes on every machine.

Usage: tests/reference/generate_transport.py [--check] [--without-torch] [--to DIRECTORY]
  --to DIRECTORY    where to write, or to read with --check; default: the directory of this script
  --check           writes nothing; the file must be what comes out with twice as many digits, and PyTorch in double
                    precision, in the log domain and by autograd, must agree with it
  --without-torch   no second opinion

transport.txt
  case NAME=VALUE ...            value=cost|entropic gradient=unrolled|implicit epsilon=NUMBER iterations=NUMBER, and
                                 start=NUMBER ratio=NUMBER where ε begins larger: ε_k = max(ε, start ratio^k)
  cost ROWS COLUMNS NUMBERS      row by row; floats hold them, negative ones too
  source NUMBERS                 a, one for each row, and
  target NUMBERS                 b, one for each column; absent: uniform. Doubles hold them
  value NUMBER                   Σ P C, or ⟨a, f⟩ + ⟨b, g⟩
  marginal_error NUMBER          Σ_i |Σ_j P_ij - a_i| / Σ a; only with unrolled
  gradient_cost NUMBERS
  gradient_source NUMBERS        also where the marginals are uniform; at an entry without mass from above
  gradient_target NUMBERS
unrolled: after exactly so many iterations, and the derivative of that. implicit: the fixed point's; `iterations` bring the
marginal error under 1e-15. There the slopes to a marginal have a meaning up to a common constant: the mean over the entries
with mass is taken off them.
"""
import argparse
import pathlib
import sys
import zlib

sys.dont_write_bytecode = True

from mpmath import mp, mpf  # noqa: E402

import transport  # noqa: E402
from generate_pairs import apart, exact, normals, uniforms, written  # noqa: E402
from rows import generator  # noqa: E402
from tape import differentiate  # noqa: E402

DIGITS = 150
PARTS = ("cost", "source", "target")


class case:
    def __init__(self, parameters, cost, source=None, target=None):
        self.parameters, self.cost, self.source, self.target = parameters, cost, source, target

    def __str__(self):
        return " ".join(f"{name}={word}" for name, word in self.parameters.items())

    def __getitem__(self, name):
        return mpf(float(self.parameters[name]))

    def annealing(self):
        return (self["start"], self["ratio"]) if "start" in self.parameters else (mpf(0), mpf(1) / 2)

    def problem(self):
        """Costs, a, b as numbers of full precision."""
        sides = zip((self.source, self.target), (len(self.cost), len(self.cost[0])))
        return ([[mpf(c) for c in row] for row in self.cost],
                *([mpf(x) for x in given] if given else transport.uniform(count) for given, count in sides))


def masses(g, count, without=(), total=64):
    """Multiples of 1/64 that add up to total/64, none at `without`."""
    used = [k for k in range(count) if k not in without]
    shares = [1] * len(used)
    for _ in range(total - len(used)):
        shares[int(g.uniform() * len(used))] += 1
    result = [0.0] * count
    for k, share in zip(used, shares):
        result[k] = share / 64
    return result


def random(rows, columns):
    """Not negative, of size 1, as costs are."""
    return lambda g: [[abs(x) for x in row] for row in normals(g, rows, columns)]


def shifted(rows, columns, by, scale=1.0):
    return lambda g: [[x + by for x in row] for row in normals(g, rows, columns, scale)]


def given(numbers):
    return lambda g: [[float(x) for x in row] for row in numbers]


def distances(rows, columns):
    """Between points on a line, in order: many optimal plans of the unregularised problem are near."""
    return lambda g: [[abs(i / (rows - 1) - j / (columns - 1)) for j in range(columns)] for i in range(rows)]


# Nearly all of the mass in one place, as of a sure softmax.
SURE_5 = [2.0**-86, 1 - 2.0**-20 - 2.0**-86, 2.0**-20, 2.0**-86, 2.0**-60]
SURE_4 = [2.0**-70, 2.0**-86, 1 - 2.0**-10, 2.0**-10]
# The same with sums that are 1 to the last digit: otherwise there is no fixed point.
ONE_5 = [2.0**-40, 1 - 2.0**-20 - 2.0**-30, 2.0**-20, 2.0**-30 - 2.0**-39, 2.0**-40]
ONE_4 = [2.0**-40, 2.0**-30 - 2.0**-40, 1 - 2.0**-10, 2.0**-10 - 2.0**-30]
TIES = [[0, 1, 1, 0], [1, 0, 0, 1], [1, 1, 0, 0]]

# How to make costs; what a and b are: None is uniform, a list of columns without mass, or numbers; the parameters.
UNROLLED = [
    (random(4, 5), None, None, dict(epsilon="0.5", iterations="7")),
    (random(4, 4), None, None, dict(epsilon="0.1", iterations="20")),
    (random(5, 3), [], [], dict(epsilon="0.25", iterations="6")),
    (random(5, 4), [1, 4], [0], dict(epsilon="0.1", iterations="5")),
    (random(3, 6), [2], [1, 2, 5], dict(epsilon="0.5", iterations="3")),
    (lambda g: uniforms(g, 5, 5), [], None, dict(epsilon="0.05", iterations="10")),
    (random(4, 3), None, None, dict(epsilon="1", iterations="1")),
    (random(1, 4), None, [], dict(epsilon="0.1", iterations="3")),
    (random(4, 1), [], None, dict(epsilon="0.1", iterations="3")),
    (random(1, 1), None, None, dict(epsilon="0.1", iterations="2")),
    (random(4, 5), None, None, dict(epsilon="0.1", iterations="12", start="2", ratio="0.5")),
    (random(5, 4), [0], [], dict(epsilon="0.25", iterations="8", start="4", ratio="0.25")),
    (given(TIES), None, None, dict(epsilon="0.1", iterations="8")),
    (given([[0.75] * 4] * 3), [], [], dict(epsilon="0.1", iterations="4")),
    (given([[0] * 3] * 3), None, None, dict(epsilon="0.1", iterations="4")),
    (distances(5, 5), [], [], dict(epsilon="0.0625", iterations="15")),
    (shifted(4, 4, 0.0), None, None, dict(epsilon="0.3", iterations="6")),
    (shifted(4, 3, 1024.0), None, [], dict(epsilon="0.5", iterations="6")),
    (shifted(3, 4, 0.0, 60.0), None, None, dict(epsilon="1", iterations="6")),
    (random(4, 4), None, None, dict(epsilon="0.0009765625", iterations="12")),
    (random(5, 4), SURE_5, SURE_4, dict(epsilon="0.1", iterations="9")),
    (random(3, 3), [1.0] * 3, [1.0] * 3, dict(epsilon="0.2", iterations="10")),
    (random(3, 4), [2.0, 0.5, 1.5], [1.0] * 4, dict(epsilon="0.2", iterations="5")),
]
IMPLICIT = [
    (random(4, 5), None, None, dict(epsilon="0.5")),
    (random(5, 5), [], [], dict(epsilon="0.25")),
    (random(5, 4), [1, 4], [0], dict(epsilon="0.25")),
    (distances(4, 4), [], None, dict(epsilon="0.125")),
    (given(TIES), None, [], dict(epsilon="0.25")),
    (given([[0.75] * 4] * 3), [], [], dict(epsilon="0.1")),
    (shifted(4, 3, 0.0), [], [], dict(epsilon="1")),
    (random(1, 3), None, [], dict(epsilon="0.1")),
    (random(3, 1), [], None, dict(epsilon="0.1")),
    (random(5, 4), ONE_5, ONE_4, dict(epsilon="0.25")),
    (random(3, 4), [2.0, 0.5, 1.5], [1.0] * 4, dict(epsilon="0.5")),
]


def cases():
    for gradient, plans in (("unrolled", UNROLLED), ("implicit", IMPLICIT)):
        g = generator(zlib.crc32(gradient.encode()))
        for make, source, target, parameters in plans:
            cost = make(g)
            sides = [masses(g, count, side) if isinstance(side, list) and len(side) < count and
                     all(isinstance(x, int) for x in side) else side
                     for side, count in ((source, len(cost)), (target, len(cost[0])))]
            for kind in ("cost", "entropic"):
                yield case(dict(value=kind, gradient=gradient, **parameters), cost, *sides)


def solve(one):
    """Value, slopes, the marginal error; of an implicit case the number of iterations instead."""
    problem, kind = one.problem(), one.parameters["value"]
    if one.parameters["gradient"] == "implicit":
        return transport.implicit(kind, *problem, one["epsilon"], mpf(10)**-(DIGITS - 40))
    at = transport.leaves(*problem, [])
    f, g = transport.potentials(at.cost, at.source, at.target, one["epsilon"], int(one["iterations"]), *one.annealing())
    result = transport.value(kind, at.cost, at.source, at.target, f, g, one["epsilon"])
    differentiate(result)
    return result.value, at.slopes(), transport.marginal_error(at.cost, at.source, at.target, f, g, one["epsilon"])


def lines():
    for one in cases():
        value, slopes, more = solve(one)
        unrolled = one.parameters["gradient"] == "unrolled"
        if not unrolled:
            one.parameters["iterations"] = str(more)
        yield f"case {one}"
        yield f"cost {len(one.cost)} {len(one.cost[0])} " + " ".join(exact(c) for row in one.cost for c in row)
        for name, side in (("source", one.source), ("target", one.target)):
            if side is not None:
                yield f"{name} " + " ".join(map(exact, side))
        yield f"value {written(value)}"
        if unrolled:
            yield f"marginal_error {written(more)}"
        for name, numbers in zip(PARTS, slopes):
            yield f"gradient_{name} " + " ".join(map(written, numbers))


def read(text):
    """(case, value, marginal error, gradients) of every case."""
    for block in ("\n" + text).split("\ncase ")[1:]:
        first, *rest = block.splitlines()
        found = {line.split()[0]: line.split()[1:] for line in rest}
        rows, columns = map(int, found["cost"][:2])
        numbers = {name: [float(x) for x in words] for name, words in found.items()}
        cost = [numbers["cost"][2 + i * columns:2 + (i + 1) * columns] for i in range(rows)]
        yield (case(dict(word.split("=") for word in first.split()), cost, numbers.get("source"),
                    numbers.get("target")), numbers["value"][0], numbers.get("marginal_error", [0.0])[0],
               [numbers[f"gradient_{name}"] for name in PARTS])


def opinion(torch, one):
    """The same in double precision, with the largest exponents taken out."""
    problem = [torch.tensor([[float(c) for c in row] for row in part] if k == 0 else [float(x) for x in part],
                            requires_grad=True) for k, part in enumerate(one.problem())]
    cost, a, b = problem
    implicit = one.parameters["gradient"] == "implicit"
    epsilon, (start, ratio) = float(one["epsilon"]), map(float, one.annealing())

    def softmin(scores, masses, e, dim):
        top = scores.detach().amax(dim, keepdim=True)
        return -e * (torch.log((masses * torch.exp(scores - top)).sum(dim)) + top.squeeze(dim))

    f, g = None, torch.zeros(len(b))
    for k in range(3 * int(one["iterations"]) if implicit else int(one["iterations"])):
        e = max(epsilon, start * ratio**k)
        f = softmin((g - cost) / e, b, e, 1)
        g = softmin((f[:, None] - cost) / e, a[:, None], e, 0)
    plan = a[:, None] * b * torch.exp((f[:, None] + g - cost) / epsilon)
    value = (plan * cost).sum() if one.parameters["value"] == "cost" else a @ f + b @ g
    value.backward()
    slopes = [x.grad.flatten() for x in problem]
    if implicit:
        for x, side in zip(slopes[1:], (a, b)):
            x -= x[side > 0].mean()
    error = (plan.sum(1) - a).abs().sum() / a.sum()
    return value.item(), error.item(), [x.tolist() for x in slopes]


def check(text, torch):
    mp.dps = 2 * DIGITS
    again = "".join(line + "\n" for line in lines())
    mp.dps = DIGITS
    if text != again:
        sys.exit("what is written is not what comes out with more digits")
    print("twice the digits agree", flush=True)
    if torch is None:
        return
    worst = {}
    for k, (one, value, error, slopes) in enumerate(read(text)):
        other, other_error, other_slopes = opinion(torch, one)
        found = {"value": abs(other - value) / max(abs(value), 1e-3), "marginal error": abs(other_error - error)}
        # Slopes to a sure marginal are up to ε over the smallest mass; a common scale says what double can know.
        scale = max(1e-3, *(abs(x) for part in slopes for x in part))
        found |= {f"to {name}": max(abs(a - b) for a, b in zip(x, y)) / scale
                  for name, x, y in zip(PARTS, other_slopes, slopes)}
        for what, distance in found.items():
            if what not in worst or not distance <= worst[what][0]:
                worst[what] = distance, k + 1
    print("in double precision: " + ", ".join(f"{what} {d:.1e} (case {k})" for what, (d, k) in worst.items()))
    if not max(d for d, _ in worst.values()) <= 1e-9:
        sys.exit("double precision disagrees")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--to", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    options.add_argument("--check", action="store_true")
    options.add_argument("--without-torch", action="store_true")
    options = options.parse_args()
    mp.dps = DIGITS
    path = options.to / "transport.txt"
    if not options.check:
        options.to.mkdir(parents=True, exist_ok=True)
        text = "".join(line + "\n" for line in lines())
        path.write_text(text)
        print(f"transport: {text.count('case ')} cases; {len(text) / 1000:.1f} kB", flush=True)
        return
    torch = None
    if not options.without_torch:
        try:
            import torch
        except ImportError as error:
            sys.exit(f"PyTorch is missing ({error}); --without-torch does without the second opinion")
        torch.set_num_threads(1)
        torch.set_default_dtype(torch.float64)
    check(path.read_text(), torch)


if __name__ == "__main__":
    main()
