#!/usr/bin/env python3
"""Writes the reference values that the tests of the objectives on two sets of features read: pair/OBJECTIVE.txt.

Everything is computed with mpmath in far more than 50 digits straight from the definitions (pairs.py), differentiated by
the chain rule (tape.py), by code that shares nothing with the library. Takes seconds; writes the same bytes on every
machine (the inputs come from the generator of rows.py, one for each objective).

Usage: tests/reference/generate_pairs.py [--check] [--without-torch] [--to DIRECTORY] [NAME ...]
  NAME              the objectives, and ofd_margin; default: all of them
  --to DIRECTORY    where to write, or to read with --check; default: pair/ beside this script
  --check           writes nothing; the files must be what comes out with twice as many digits, and the definitions in
                    double precision, written another way below and differentiated by PyTorch, must agree with them
  --without-torch   no second opinion

OBJECTIVE.txt
  case NAME=VALUE ...                        the objective's parameters, numbers or lists of them; flags are 0 or 1
  input NAME ITEMS ROWS COLUMNS NUMBERS      row by row; multiples of 1/64, which float holds. student and teacher are
                                             features, of two stages with student_next and teacher_next; others are
                                             what the objective has besides, one item for all
  map HEIGHT WIDTH                           inputs of as many columns are maps of that size; one line for each size
  labels NUMBERS                             of the rows
  value NUMBER                               the mean over the items
  gradient NAME NUMBERS                      of the value, for every input that has one
ofd_margin.txt
  BETA GAMMA MARGIN
"""
import argparse
import itertools
import pathlib
import sys
import zlib

sys.dont_write_bytecode = True

from mpmath import mp, mpf  # noqa: E402

import pairs  # noqa: E402
from generate import number  # noqa: E402
from rows import generator  # noqa: E402

DIGITS = 150
NOTHING = mpf(10)**-100  # no input is so small, and no result that is not 0 but for rounding

FEATURES = ("student", "teacher", "student_next", "teacher_next")
GRADIENTS = {  # of those with others than all features
    "activation_boundary": ("student",),
    "variational_information": ("student", "log_variance"),
    "similarity_ce": ("student",),
    "class_transport": ("student", "teacher"),
}


class case:
    """Numbers of every input as [item][row][column]."""

    def __init__(self, parameters, inputs, maps=(), labels=None):
        self.parameters, self.inputs, self.maps, self.labels = parameters, inputs, list(maps), labels

    def __str__(self):
        return " ".join(f"{name}={word}" for name, word in self.parameters.items())


# ---------------------------------------------------------------------------------------------- inputs


def grid(x):
    return round(64 * x) / 64


def normals(g, rows, columns, scale=1.0):
    return [[grid(scale * g.normal()) for _ in range(columns)] for _ in range(rows)]


def uniforms(g, rows, columns):
    return [[grid(g.uniform()) for _ in range(columns)] for _ in range(rows)]


def two_sides(g, kind, student, teacher, scale=1.0):
    """One item of both sides, (rows, columns) each.
    near: the teacher is the student but for ±1/64 here and there; duplicates: two equal rows on each side, and two on
    both; zero: a row of zeros on each side; offset: everything lies about 1024; still: all rows of the student are
    equal; flat: each side has a row of equal numbers; nothing: the student is 0."""
    s = normals(g, *student, scale)
    if kind in ("near", "equal"):
        step = 1 / 64 if kind == "near" else 0.0
        return s, [[x + step * (int(3 * g.uniform()) - 1) for x in row] for row in s]
    t = normals(g, *teacher, scale)
    if kind == "duplicates":
        s[1], t[2] = list(s[0]), list(t[1])
        if len(s) > 4:
            s[4], t[4] = list(s[3]), list(t[3])
    elif kind == "zero":
        s[1], t[-1] = [0.0] * student[1], [0.0] * teacher[1]
    elif kind == "offset":
        s, t = ([[x + 1024 for x in row] for row in side] for side in (s, t))
    elif kind == "still":
        s = [list(s[0]) for _ in s]
    elif kind == "flat":
        s[0], t[1] = [0.5] * student[1], [-1.25] * teacher[1]
    elif kind == "nothing":
        s = [[0.0] * student[1] for _ in s]
    elif kind != "random":
        raise ValueError(kind)
    return s, t


def features(kind, rows, student, teacher=None, items=1, scale=1.0, teacher_rows=None, maps=(), **parameters):
    """How to make a case: the widths of both sides."""
    def make(g):
        both = [two_sides(g, kind, (rows, student), (teacher_rows or rows, teacher or student), scale)
                for _ in range(items)]
        return case(parameters, dict(zip(FEATURES, map(list, zip(*both)))), maps)

    return make


def maps(kind, channels, size, teacher_size=None, teacher_channels=None, items=1, scale=1.0, **parameters):
    """Channels in rows, pixels in columns."""
    other = teacher_size or size
    return features(kind, channels, size[0] * size[1], other[0] * other[1], items, scale, teacher_channels or channels,
                    [size] if other == size else [size, other], **parameters)


def given(student, teacher, labels=None, **parameters):
    """A case of one item whose numbers matter."""
    return lambda g: case(parameters, {name: [[[float(x) for x in row] for row in side]]
                                       for name, side in zip(FEATURES, (student, teacher)) if side}, (), labels)


def all_kinds(*parameters, same_width=False, offset=False, zero=True):
    """The kinds of rows that every relation should meet, with one set of parameters after the other."""
    def width(own, other):
        return own, own if same_width else other

    shapes = [("random", 6, *width(5, 4)), ("near", 6, 5, 5), ("duplicates", 6, *width(4, 5)),
              ("random", 1, *width(4, 3)), ("random", 2, *width(3, 2))]
    shapes += [("zero", 5, *width(3, 4))] * zero + [("offset", 5, 4, 4)] * offset
    ways = itertools.cycle(parameters or ({},))
    yield from (features(*shape, **next(ways)) for shape in shapes)
    yield features("random", 3, *width(4, 2), items=2, **next(ways))


def stages(kind, first, following, pixels, teacher_pixels=None, items=1):
    """Two stages of both networks with as many channels on both sides."""
    def make(g):
        inputs = {}
        for channels, names in ((first, FEATURES[:2]), (following, FEATURES[2:])):
            both = [two_sides(g, kind, (channels, pixels), (channels, teacher_pixels or pixels)) for _ in range(items)]
            inputs.update(zip(names, map(list, zip(*both))))
        return case({}, {name: inputs[name] for name in FEATURES})

    return make


def with_others(make, **more):
    """Besides: name = a function of the case and the generator."""
    def made(g):
        one = make(g)
        for name, of in more.items():
            if name == "labels":
                one.labels = of
            else:
                one.inputs[name] = [of(one, g) if callable(of) else of]
        return one

    return made


def lone(rows, columns, items=1, change=lambda matrix: None, numbers=normals, labels=None, **parameters):
    """Only the student."""
    def make(g):
        stack = [numbers(g, rows, columns) for _ in range(items)]
        for matrix in stack:
            change(matrix)
        return case(parameters, {"student": stack}, (), labels)

    return make


def put(*places):
    """(row, number or row) pairs put into a matrix."""
    def change(matrix):
        for row, of in places:
            matrix[row] = list(matrix[of]) if isinstance(of, int) else [of] * len(matrix[row])

    return change


def masks(make, soft=False):
    """The teacher as masks of 0 and 1, or of anything between."""
    def made(g):
        one = make(g)
        one.inputs["teacher"] = [[[grid(g.uniform()) if soft else float(g.uniform() < 0.5) for _ in row]
                                  for row in matrix] for matrix in one.inputs["teacher"]]
        return one

    return made


# Many distances are equal.
SQUARE, CROSS, LINE = [[0, 0], [1, 0], [0, 1], [1, 1], [2, 1]], [[0, 0], [2, 0], [0, 2], [2, 2], [1, 1]], [
    [0, 0], [1, 0], [2, 0], [3, 0], [4, 0]]


# Logits of a sure network, equal rows, rows without any difference, ties.
SURE = [[60, -60, 0, -60], [-60, 60, -60, -60], [60, -60, 0, -60], [0, 0, 0, 0], [1, 1, -60, 2]]
OTHERS = [[60, -60, -59, 1], [59, 0, -60, -60], [60, 60, -60, -60], [1, 2, 3, 3], [0.5, 0.5, 0.5, 0.5]]


def ranks(strength="0", softness="1", regularisation="l2", weights="1"):
    return dict(softness=softness, strength=strength, regularisation=regularisation, weights=weights)


def rank_plans(share):
    """Rows of other lengths; ties; rows that are constant on one side or on both."""
    l2, kl = ranks(weights=share), ranks(regularisation="kl", weights=share)
    yield from all_kinds(l2, kl, ranks("0.25", weights=share), ranks("0.5", regularisation="kl", weights=share),
                         same_width=True, offset=True)
    yield features("random", 3, 8, **ranks(softness="0.25", weights=share))
    yield features("random", 3, 8, **ranks(softness="4", regularisation="kl", weights=share))
    yield features("random", 3, 5, **ranks("0.0078125", weights=share))  # hard
    yield features("random", 3, 5, **ranks("64", weights=share))  # one block
    yield features("random", 2, 5, **ranks("0.0078125", regularisation="kl", weights=share))
    yield features("random", 4, 5, **ranks(weights="0.75,0,1,0.25"))
    yield features("random", 2, 6, items=2, **ranks(regularisation="kl", weights="1,0.125"))
    for own in (l2, kl, ranks("2", weights=share), ranks("2", regularisation="kl", weights=share)):
        yield given(SURE, OTHERS, **own)
    yield features("flat", 4, 3, **l2)
    yield features("still", 3, 4, **kl)
    yield given([[2, 2, 2], [1, 1, 2]], [[-1, -1, -1], [3, 3, 4]], **l2)
    yield given([[1, 2]], [[2, 1]], **l2)
    yield given([[3]], [[4]], **l2)


def solved_by(epsilon, iterations, value="entropic", cost="squared_l2", **more):
    return dict(cost=cost, value=value, gradient="unrolled", epsilon=epsilon, iterations=iterations, **more)


def without(name, parameters):
    return {own: word for own, word in parameters.items() if own != name}


def sinkhorn_plans():
    for cost in ("l1", "l2", "squared_l2", "cosine"):
        for value in ("cost", "entropic"):
            yield features("random", 4, 3, **solved_by("0.5", "6", value, cost))
        yield features("random", 5, 3, teacher_rows=3, **solved_by("0.25", "5", "cost", cost))
        yield features("duplicates", 5, 3, **solved_by("0.5", "4", "entropic", cost))
        yield features("zero", 4, 3, **solved_by("1", "3", "cost", cost))
        yield features("equal", 4, 3, **solved_by("0.5", "10", "entropic", cost))
    yield features("near", 4, 3, **solved_by("0.1", "20"))
    yield features("random", 3, 4, teacher_rows=6, items=2, **solved_by("0.5", "8", "cost"))
    yield features("random", 4, 2, **solved_by("0.1", "12", "cost", "l2", start="2", ratio="0.5"))
    yield features("random", 4, 2, **solved_by("0.125", "6", start="8", ratio="0.25"))
    yield features("offset", 4, 3, **solved_by("0.5", "5", "cost"))
    yield features("still", 3, 4, **solved_by("0.5", "3", "cost", "l1"))
    yield features("random", 1, 3, **solved_by("0.1", "3", "cost", "l2"))
    yield features("random", 1, 3, teacher_rows=4, **solved_by("0.5", "3"))
    yield features("random", 4, 3, **solved_by("0.015625", "6", "cost"))


def divergence_plans():
    for cost in ("l1", "l2", "squared_l2", "cosine"):
        yield features("random", 4, 3, **without("value", solved_by("0.5", "6", cost=cost)))
        yield features("duplicates", 4, 2, teacher_rows=3, **without("value", solved_by("1", "4", cost=cost)))
    for make in (("near", 4, 3), ("equal", 3, 3), ("zero", 4, 3), ("still", 3, 2)):
        yield features(*make, **without("value", solved_by("0.5", "10")))
    yield features("random", 3, 4, items=2, **without("value", solved_by("0.5", "8", start="4", ratio="0.5")))
    yield features("random", 1, 3, **without("value", solved_by("0.5", "3")))


def sinkd_plans(*more):
    def of(make, temperature="2", epsilon="0.1", iterations="20", scale="1", mean="1"):
        def made(g):
            one = make(g)
            one.parameters = dict(temperature=temperature, epsilon=epsilon, iterations=iterations, scale=scale,
                                  mean=mean)
            return one

        return made

    return [of(features("random", 5, 4)), of(features("near", 4, 5)), of(features("random", 5, 4), mean="0"),
            of(features("duplicates", 5, 3), iterations="6"), of(features("equal", 4, 3), iterations="5"),
            of(features("zero", 4, 3), "1", "0.25", "4", "0.001", "0"),
            of(features("random", 4, 4, scale=4), "1", "0.05", "10"),
            of(features("random", 3, 5, scale=20), "1", iterations="8"),
            of(given(SURE, OTHERS), "1", iterations="6"), of(given(SURE, OTHERS), "40", "0.5", "3", mean="0"),
            of(features("still", 3, 4), iterations="3"), of(features("random", 1, 4), iterations="3"),
            of(features("random", 3, 4, items=2), iterations="5", scale="0.5"),
            of(features("random", 4, 1), iterations="2"), *map(of, more)]


def class_plans():
    def by(temperature="1", epsilon="0.25", iterations="8", value="entropic"):
        return dict(value=value, gradient="unrolled", temperature=temperature, epsilon=epsilon, iterations=iterations)

    def line(one, g):
        count = len(one.inputs["student"][0][0])
        return [[abs(i - j) / 4 for j in range(count)] for i in range(count)]

    def drawn(one, g):
        """Neither symmetric nor without a cost of staying."""
        count = len(one.inputs["student"][0][0])
        return [[abs(x) for x in row] for row in normals(g, count, count)]

    for make, ground in ((features("random", 3, 4, **by()), line),
                         (features("random", 3, 4, **by(value="cost")), line),
                         (features("random", 3, 4, **by(temperature="2", value="cost")), drawn),
                         (features("near", 3, 5, **by(epsilon="0.1", iterations="15")), drawn),
                         (features("equal", 2, 4, **by(value="cost")), line),
                         (features("random", 2, 3, scale=6, **by(epsilon="0.5", iterations="5", value="cost")), drawn),
                         (given(SURE, OTHERS, **by(iterations="5")), line),
                         (given(SURE, OTHERS, **by(temperature="2", iterations="5", value="cost")), line),
                         (features("flat", 3, 4, **by(iterations="6", value="cost")), drawn),
                         (features("random", 2, 4, items=2, **by(iterations="3")), drawn),
                         (features("random", 2, 1, **by(iterations="2")), drawn),
                         (features("random", 3, 4, **by(iterations="1", value="cost")), drawn)):
        yield with_others(make, ground=ground)


def biased(**more):
    return [{**more, "unbiased": "0"}, {**more, "unbiased": "1"}]


PLANS = {
    "similarity_preserving": [*all_kinds()],
    "cka": [*all_kinds(*biased(), offset=True), features("near", 6, 4, unbiased="1"),
            features("still", 4, 3, 2, unbiased="0"), features("random", 4, 2, 5, unbiased="1")],
    "rbf_cka": [*all_kinds(*biased(width="0", median_share="1"), offset=True),
                features("random", 5, 4, 3, width="1.5", median_share="1", unbiased="0"),
                features("random", 4, 3, 3, width="0", median_share="0.5", unbiased="1"),
                features("still", 4, 3, 2, width="0", median_share="1", unbiased="0")],
    "kernel_alignment": [*all_kinds(), features("nothing", 3, 2, 2)],
    "hsic": [features("random", 6, 5, 4, unbiased="0"), features("random", 6, 5, 4, unbiased="1"),
             features("near", 5, 4, unbiased="1"), features("duplicates", 6, 4, 5, unbiased="0"),
             features("zero", 4, 3, 4, unbiased="1"), features("random", 2, 3, 2, unbiased="0"),
             features("random", 3, 4, 2, items=2, unbiased="0"), features("offset", 5, 4, 4, unbiased="0")],
    "relational_distance": [*all_kinds(offset=True), features("still", 4, 3, 2)],
    "relational_angle": [*all_kinds(offset=True)],
    "rkd": [*all_kinds({"distance": "25", "angle": "50"}, {"distance": "1", "angle": "2"}, offset=True)],
    "pkt": [*all_kinds({"epsilon": "1e-7"}, {"epsilon": "1e-3"})],
    "correlation_congruence": [*all_kinds({"gamma": "0.4", "order": "2"}, {"gamma": "0.4", "order": "3"},
                                          {"gamma": "1", "order": "1"})],
    "neighbour_congruence": [*all_kinds(same_width=True, offset=True)],
    "dist": [*all_kinds({"beta": "1", "gamma": "1", "temperature": "1"},
                        {"beta": "2", "gamma": "0.5", "temperature": "4"}, same_width=True, offset=True),
             features("flat", 4, 3, beta="1", gamma="2", temperature="1"),
             features("still", 3, 4, beta="1", gamma="1", temperature="1")],
    "pearson": [*all_kinds(same_width=True, offset=True), features("flat", 4, 3)],
    "token_graph": [features("random", 6, 5, 4, neighbours="8", sigma="1", student_first="1"),
                    features("random", 6, 5, 4, neighbours="2", sigma="2", student_first="0"),
                    features("near", 6, 4, neighbours="3", sigma="1", student_first="1"),
                    features("duplicates", 6, 3, 4, neighbours="2", sigma="1", student_first="1"),
                    given(SQUARE, [[2 * a, b] for b, a in SQUARE], neighbours="2", sigma="1", student_first="1"),
                    given(CROSS, LINE, neighbours="1", sigma="0.5", student_first="0"),
                    features("offset", 5, 4, 4, neighbours="2", sigma="1", student_first="1"),
                    features("random", 1, 3, 2, neighbours="8", sigma="1", student_first="1"),
                    features("random", 3, 3, 3, items=2, neighbours="1", sigma="1", student_first="1")],
    "contextual_similarity": [*all_kinds()],
    "relation_mse": [*all_kinds()],
    "relation_kl": [*all_kinds()],
    "spatial_affinity": [*all_kinds()],
    "channel_correlation": [*all_kinds()],
    "batch_correlation": [*all_kinds({"temperature": "4"}, {"temperature": "1"}, offset=True)],
    "class_correlation": [*all_kinds({"temperature": "4"}, {"temperature": "1"}, same_width=True, offset=True)],
    "linear_mmd": [features("random", 5, 4), features("near", 5, 6), features("duplicates", 5, 3),
                   features("zero", 4, 3), features("offset", 4, 3), features("random", 5, 3, teacher_rows=2),
                   features("random", 1, 4, items=2)],
    "polynomial_mmd": [features("random", 5, 4, degree="2", offset="1"),
                       features("random", 5, 3, degree="3", offset="0.5"),
                       features("near", 5, 6, degree="2", offset="1"),
                       features("duplicates", 5, 3, degree="4", offset="0"),
                       features("zero", 4, 3, degree="2", offset="1"),
                       features("random", 1, 4, items=2, degree="1", offset="1"),
                       features("random", 5, 3, teacher_rows=2, degree="2", offset="0")],
    "gaussian_mmd": [features("random", 5, 4, kernels="5", width="0"),
                     features("random", 5, 4, kernels="1", width="1.5"),
                     features("near", 5, 6, kernels="5", width="0"),
                     features("duplicates", 5, 3, kernels="5", width="4"),
                     features("zero", 4, 3, kernels="2", width="0"), features("offset", 4, 3, kernels="5", width="0"),
                     features("random", 5, 3, teacher_rows=2, kernels="3", width="0"),
                     features("random", 1, 4, items=2, kernels="5", width="0"),
                     given([[1, 2]] * 3, [[1, 2]] * 2, kernels="5", width="0")],
    "nst": [features("random", 5, 4), features("random", 4, 6, teacher_rows=3), features("near", 4, 5),
            features("zero", 4, 3), features("duplicates", 5, 4), features("random", 1, 4, teacher_rows=2),
            features("random", 3, 4, items=2)],
    "fsp": [stages("random", 3, 4, 4), stages("random", 2, 3, 6, 4), stages("near", 3, 2, 4), stages("zero", 3, 3, 4),
            stages("random", 1, 1, 1), stages("random", 2, 3, 4, items=2), stages("duplicates", 3, 3, 5)],
    "hint": [features("random", 4, 5), features("near", 5, 6), features("zero", 4, 3), features("offset", 4, 5),
             features("random", 1, 1), features("random", 3, 4, items=2), features("equal", 2, 3)],
    "masked_generation": [features("random", 4, 5), features("near", 5, 6), features("zero", 4, 3),
                          features("offset", 4, 5), features("random", 1, 1), features("random", 3, 4, items=2)],
    "attention_transfer": [maps("random", 3, (3, 3), teacher_channels=2, items=2, power="2"),
                           maps("random", 2, (4, 4), (2, 2), teacher_channels=4, power="2"),
                           maps("random", 3, (3, 3), (4, 4), power="1"), maps("near", 4, (3, 4), power="2"),
                           maps("random", 2, (3, 2), (2, 2), power="4"), maps("nothing", 2, (2, 3), power="2"),
                           maps("zero", 3, (2, 2), power="3"), maps("random", 3, (2, 3), power="1.5"),
                           maps("random", 2, (1, 1), power="2")],
    "factor_transfer": [features("random", 3, 6, squared="0"), features("random", 3, 6, squared="1"),
                        features("near", 4, 4, squared="0"), features("near", 4, 4, squared="1"),
                        features("nothing", 2, 4, squared="0"), features("zero", 3, 4, items=2, squared="1"),
                        features("random", 1, 4, squared="0"), features("equal", 2, 3, squared="0")],
    "review_hcl": [maps("random", 2, (4, 4), items=2), maps("random", 2, (6, 5)), maps("random", 2, (5, 3)),
                   maps("near", 3, (3, 3)), maps("random", 3, (2, 2)), maps("random", 4, (1, 1)),
                   maps("offset", 2, (4, 3)), maps("zero", 2, (2, 4))],
    "pooled_feature": [maps("random", 3, (3, 3), items=2), maps("random", 3, (4, 4), (2, 3)), maps("near", 4, (3, 4)),
                       maps("offset", 3, (3, 3)), maps("random", 2, (1, 1)), maps("zero", 3, (2, 2))],
    "activation_boundary": [features("random", 4, 6, scale=2, margin="1"), features("near", 4, 5, margin="0.5"),
                            features("random", 3, 4, items=2, scale=2, margin="2"), features("zero", 3, 4, margin="1"),
                            given([[1, 1, -1, -1, 0.5, 0], [2, -2, 0, 0, -3, 3]],
                                  [[0, 1, 0, 1, 0, 0], [1, 1, 0, 2, 0, -1]], margin="1"),
                            features("random", 1, 1, margin="1")],
    "overhaul": [with_others(make, margins=lambda one, g: [[-abs(grid(g.normal())) for _ in one.inputs["student"][0]]])
                 for make in (maps("random", 3, (3, 3), items=2), maps("near", 4, (3, 3)),
                              maps("random", 2, (2, 3), scale=4), maps("zero", 3, (2, 2)),
                              maps("random", 2, (1, 1), items=3))],
    "variational_information": [
        with_others(make, log_variance=log_variance) for make, log_variance in (
            (maps("random", 3, (3, 3), items=2, epsilon="1e-5"), lambda one, g: normals(g, 1, 3)),
            (maps("near", 4, (2, 3), epsilon="1e-5"), lambda one, g: normals(g, 1, 4, 3)),
            (maps("random", 4, (2, 2), epsilon="1e-5"), [[100.0, 0.0, -20.0, 4.984375]]),
            (maps("zero", 2, (2, 2), epsilon="1e-3"), [[-4.0, 30.0]]),
            (maps("offset", 2, (2, 2), epsilon="1e-5"), lambda one, g: normals(g, 1, 2)),
            (maps("random", 1, (1, 1), epsilon="1e-5"), [[1.0]]))],
    "norm_direction": [
        with_others(make, labels=labels, centres=lambda one, g, d=d: normals(g, 3, d))
        for make, labels, d in ((features("random", 6, 5, factor="1"), [0, 2, 1, 1, 0, 2], 5),
                                (features("random", 4, 3, scale=3, factor="2"), [2, 2, 0, 1], 3),
                                (features("near", 5, 4, factor="1"), [0, 1, 2, 0, 1], 4),
                                (features("zero", 4, 3, factor="0.5"), [0, 1, 2, 2], 3),
                                (features("random", 1, 4, factor="1"), [1], 4))] + [
        # Equal norms; both zero; the student zero; a class without a mean; the teacher longer.
        with_others(given([[3, 4, 0], [0, 0, 0], [0, 0, 0], [1, 2, 2], [0.5, 0, 0]],
                          [[0, -5, 0], [0, 0, 0], [1, 0, 2], [0, 1, 0], [0, 2, 1]], [0, 0, 1, 2, 1], factor="1"),
                    centres=[[1.0, 2.0, 3.0], [-1.0, 0.5, 0.25], [0.0, 0.0, 0.0]])],
    "embedding_distance": [features("random", 5, 6), features("near", 6, 5), features("zero", 4, 3),
                           features("random", 1, 4),
                           features("random", 3, 6, items=2, dims="2,4", weights="1,0.5"),
                           features("near", 4, 4, dims="2,4", weights="1,0.5"), features("duplicates", 5, 3),
                           features("random", 2, 6, dims="1,3,6", weights="0.25,1,2")],
    "dice_diversity": [lone(6, 5, numbers=uniforms), lone(2, 4, numbers=uniforms), lone(1, 5, numbers=uniforms),
                       lone(4, 4, numbers=uniforms, change=put((1, 0.0))),
                       lone(4, 4, numbers=uniforms, change=put((1, 0.0), (3, 0.0))),
                       lone(5, 3, numbers=uniforms, change=put((4, 0))), lone(3, 4, items=2, numbers=uniforms)],
    "soft_dice": [masks(features("random", 4, 6)), masks(features("random", 1, 5, items=3)),
                  masks(features("random", 3, 5), soft=True), masks(features("random", 2, 4, scale=12)),
                  given([[-1.5, 0.25, 2]], [[0, 0, 0]]), given([[20, -20, 40, -40], [200, -200, -200, 200]],
                                                               [[1, 0, 0, 1], [1, 0, 0, 1]])],
    "channel_distribution": [
        maps("random", 3, (3, 3), items=2, temperature="1"), maps("random", 4, (2, 3), temperature="4"),
        maps("near", 3, (3, 4), temperature="1"), maps("random", 2, (2, 2), scale=40, temperature="1"),
        maps("zero", 3, (2, 2), temperature="4"), maps("offset", 2, (3, 2), temperature="1"),
        maps("random", 2, (1, 1), temperature="1")],
    "info_nce": [features("random", 6, 5, temperature="0.1", symmetric="0"),
                 features("random", 6, 5, temperature="0.07", symmetric="1"),
                 features("near", 6, 4, temperature="0.1", symmetric="1"),
                 features("duplicates", 6, 4, temperature="0.1", symmetric="0"),
                 features("zero", 5, 3, temperature="0.5", symmetric="1"),
                 features("random", 1, 4, temperature="0.1", symmetric="1"),
                 features("random", 2, 3, temperature="1", symmetric="0"),
                 features("random", 3, 4, temperature="0.1", symmetric="0")],
    "nt_xent": [features("random", 6, 5, temperature="0.5"), features("random", 4, 5, temperature="0.1"),
                features("near", 6, 4, temperature="0.5"), features("duplicates", 6, 4, temperature="0.5"),
                features("zero", 5, 3, temperature="0.5"), features("random", 1, 4, temperature="0.5"),
                features("random", 2, 3, temperature="1"), features("random", 3, 4, temperature="0.07")],
    "supcon": [lone(6, 5, labels=[0, 1, 0, 1, 1, 0], temperature="0.07", base_temperature="0.07"),
               lone(6, 4, labels=[0, 1, 0, 2, 1, 1], temperature="0.1", base_temperature="0.07"),
               lone(5, 4, labels=[3, 3, 3, 3, 3], temperature="0.5", base_temperature="0.5"),
               lone(4, 3, labels=[0, 1, 2, 3], temperature="0.07", base_temperature="0.07"),
               lone(6, 4, labels=[0, 0, 1, 1, 0, 1], change=put((1, 0), (4, 3)), temperature="0.1",
                    base_temperature="0.1"),
               lone(5, 3, labels=[0, 1, 0, 1, 0], change=put((2, 0.0)), temperature="0.5", base_temperature="0.07"),
               lone(1, 4, labels=[0], temperature="0.07", base_temperature="0.07"),
               lone(2, 3, labels=[1, 1], temperature="0.07", base_temperature="0.07")],
    "similarity_ce": [features("random", 6, 5, student_temperature="0.05", teacher_temperature="0.1", relative="0"),
                      features("random", 6, 5, student_temperature="0.05", teacher_temperature="0.1", relative="1"),
                      features("near", 6, 4, student_temperature="0.1", teacher_temperature="0.1", relative="1"),
                      features("near", 6, 4, student_temperature="0.5", teacher_temperature="0.25", relative="0"),
                      features("duplicates", 6, 4, student_temperature="0.05", teacher_temperature="0.1", relative="0"),
                      features("zero", 5, 3, student_temperature="0.5", teacher_temperature="0.25", relative="1"),
                      features("random", 1, 4, student_temperature="0.05", teacher_temperature="0.1", relative="0"),
                      features("random", 3, 4, student_temperature="0.05", teacher_temperature="0.1", relative="0")],
    "spearman": [*rank_plans("1"), features("random", 3, 6, **ranks("1", weights="2"))],
    "cmkd": [*rank_plans("0.5"), features("random", 3, 6, **ranks("1", weights="1")),
             features("random", 3, 6, **ranks("1", weights="0"))],
    "sinkhorn": [*sinkhorn_plans()],
    "sinkhorn_divergence": [*divergence_plans()],
    "sinkd": [*sinkd_plans()],
    "sinkd_samples": [*sinkd_plans(features("random", 3, 5, 3))],
    "class_transport": [*class_plans()],
}

MARGINS = ((0, 0), (-1.5, 0), (2, 0), (0, 1), (0, -0.5), (0.5, 1), (-0.5, 1), (0.25, -0.75), (1, 0.5), (-1, 0.5),
           (3, 1), (3.0625, 1), (3.125, 1), (-3, 1), (5, 1), (-5, 1), (8, -1), (-8, -1), (5, 0.5), (2, 0.125), (-2, 0.125),
           (15, 0.75), (20, 1), (-20, 1), (30, 1), (10, 0.25), (40, 1), (-40, 1), (20, -0.5), (0.015625, 64),
           (-0.015625, 64), (1024, 1024), (-1024, 512))


# ---------------------------------------------------------------------------------------------- files


def written(x):
    return "0" if abs(x) < NOTHING else number(x)


def exact(x):
    text = repr(float(x))
    return text[:-2] if text.endswith(".0") else text


def flat(stack):
    return [x for matrix in stack for row in matrix for x in row]


def cases_of(name):
    g = generator(zlib.crc32(name.encode()))
    return [make(g) for make in PLANS[name]]


def lines(name):
    if name == "ofd_margin":
        for beta, gamma in MARGINS:
            yield f"{exact(beta)} {exact(gamma)} {written(pairs.ofd_margin(mpf(beta), mpf(gamma)))}"
        return
    for one in cases_of(name):
        value, slopes = pairs.solve(name, one)
        yield f"case {one}".rstrip()
        for own, stack in one.inputs.items():
            yield f"input {own} {len(stack)} {len(stack[0])} {len(stack[0][0])} " + " ".join(map(exact, flat(stack)))
        for height, width in one.maps:
            yield f"map {height} {width}"
        if one.labels is not None:
            yield "labels " + " ".join(map(str, one.labels))
        yield f"value {written(value)}"
        for own in one.inputs:
            if own in GRADIENTS.get(name, FEATURES):
                yield f"gradient {own} " + " ".join(map(written, slopes[own]))


def read(text):
    """(case, value, gradients) of every case of a file."""
    for block in ("\n" + text).split("\ncase")[1:]:
        first, *rest = block.splitlines()
        one, value, gradients = case(dict(word.split("=") for word in first.split()), {}), None, {}
        for line in rest:
            tag, *words = line.split()
            if tag == "input":
                items, rows, columns = map(int, words[1:4])
                numbers = iter(map(float, words[4:]))
                one.inputs[words[0]] = [[[next(numbers) for _ in range(columns)] for _ in range(rows)]
                                        for _ in range(items)]
            elif tag == "map":
                one.maps.append(tuple(map(int, words)))
            elif tag == "labels":
                one.labels = [int(word) for word in words]
            elif tag == "value":
                value = float(words[0])
            elif tag == "gradient":
                gradients[words[0]] = [float(word) for word in words[1:]]
        yield one, value, gradients


# ---------------------------------------------------------------------------------------------- a second opinion


class opinions:
    """The objectives on tensors of one item: s, t, the parameters p, and the rest of the case x."""

    def __init__(self, torch):
        self.torch, self.F = torch, torch.nn.functional
        torch.set_num_threads(1)
        torch.set_default_dtype(torch.float64)

    def ask(self, name, one):
        torch = self.torch
        tensors = {own: torch.tensor(stack, requires_grad=True) for own, stack in one.inputs.items()}
        value = 0
        for k in range(len(tensors["student"])):
            x = {own: stack[min(k, len(stack) - 1)] for own, stack in tensors.items()}
            x["maps"], x["labels"] = one.maps, one.labels
            value = value + getattr(self, name)(x["student"], x.get("teacher"), one.parameters, x)
        value = value / len(tensors["student"])
        if value.requires_grad:
            value.backward()
        return value.item(), {own: (torch.zeros_like(z) if z.grad is None else z.grad).flatten().tolist()
                              for own, z in tensors.items()}

    def unit(self, x, added=0.0):
        norm = self.torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        return self.torch.where(norm > 0, x / (self.torch.where(norm > 0, norm, 1.0) + added), 0.0)

    # Gram matrices

    def similarity_preserving(self, s, t, p, x):
        return self.F.mse_loss(self.unit(s @ s.mT), self.unit(t @ t.mT))

    def channel_correlation(self, s, t, p, x):
        return self.F.mse_loss(self.unit(s @ s.mT), self.unit(t @ t.mT)) * len(s)

    def trace_hsic(self, k, l):
        n, torch = len(k), self.torch
        k, l = (m - torch.diag(torch.diag(m)) for m in (k, l))
        both = torch.trace(k @ l) + k.sum() * l.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (k @ l).sum()
        return both / (n * (n - 3))

    def cka_of(self, k, l, unbiased):
        n, torch = len(k), self.torch
        if unbiased:
            if n < 4:
                return torch.tensor(1.0)
            # Uncentred kernels of distant rows would leave few digits.
            h = torch.eye(n) - 1 / n
            k, l = h @ k @ h, h @ l @ h
            return 1 - self.trace_hsic(k, l) / torch.sqrt(self.trace_hsic(k, k) * self.trace_hsic(l, l))
        h = torch.eye(n) - 1 / n
        k, l = (h @ k @ h).flatten(), (h @ l @ h).flatten()
        if min(k.abs().max(), l.abs().max()) < 1e-12:
            return torch.tensor(1.0)
        return 1 - self.F.cosine_similarity(k, l, dim=0, eps=0)

    def cka(self, s, t, p, x):
        if p["unbiased"] == "0":
            s, t = s - s.mean(0), t - t.mean(0)
            sizes = [self.torch.linalg.matrix_norm(a.mT @ a) for a in (s, t)]
            if min(sizes) < 1e-12:
                return self.torch.tensor(1.0)
            return 1 - (s.mT @ t).square().sum() / (sizes[0] * sizes[1])
        s, t = s - s.mean(0), t - t.mean(0)
        return self.cka_of(s @ s.mT, t @ t.mT, True)

    def rbf_cka(self, s, t, p, x):
        def kernel(m):
            d = (m[:, None] - m[None]).square().sum(-1)
            width = float(p["width"])
            variance = width**2
            if not width:
                variance = float(p["median_share"])**2 * self.torch.quantile(d.detach().flatten(), 0.5)
            return self.torch.exp(-d / (2 * variance)) if variance else self.torch.ones_like(d)

        return self.cka_of(kernel(s), kernel(t), p["unbiased"] == "1")

    def kernel_alignment(self, s, t, p, x):
        if not s.any():
            return self.torch.tensor(1.0)
        return 1 - self.F.cosine_similarity((s @ s.mT).flatten(), (t @ t.mT).flatten(), dim=0, eps=0)

    def hsic(self, s, t, p, x):
        s, t = s - s.mean(0), t - t.mean(0)
        if p["unbiased"] == "1":
            return -self.trace_hsic(s @ s.mT, t @ t.mT)
        return -(s.mT @ t).square().sum() / (len(s) - 1)**2

    def pkt(self, s, t, p, x):
        e = float(p["epsilon"])
        a, b = ((m / m.sum(1, keepdim=True)) for m in ((y @ y.mT + 1) / 2 for y in (self.unit(s, e), self.unit(t, e))))
        return self.torch.mean(b * self.torch.log((b + e) / (a + e)))

    def correlation_congruence(self, s, t, p, x):
        def kernel(m):
            m, gamma = self.unit(m), float(p["gamma"])
            return sum(self.torch.exp(self.torch.tensor(-2 * gamma)) * (2 * gamma)**k
                       / self.torch.exp(self.torch.lgamma(self.torch.tensor(k + 1.0))) * (m @ m.mT)**k
                       for k in range(int(p["order"]) + 1))

        return self.F.mse_loss(kernel(s), kernel(t))

    def neighbour_congruence(self, s, t, p, x):
        d = (s - t).abs()
        return (d[:-1] * d[1:]).sum(1).mean() if len(s) > 1 else self.torch.tensor(0.0)

    def relation(self, m):
        return m @ m.mT / m.shape[1]**0.5

    def contextual_similarity(self, s, t, p, x):
        return self.F.mse_loss(self.F.softmax(self.relation(s), 1), self.F.softmax(self.relation(t), 1))

    def relation_mse(self, s, t, p, x):
        return self.F.mse_loss(self.relation(s), self.relation(t))

    def relation_kl(self, s, t, p, x):
        s, t = (self.F.log_softmax(self.relation(m), 1) for m in (s, t))
        return self.F.kl_div(s, t, reduction="batchmean", log_target=True)

    def spatial_affinity(self, s, t, p, x):
        s, t = self.unit(s), self.unit(t)
        return self.F.l1_loss(s @ s.mT, t @ t.mT)

    def batch_correlation(self, s, t, p, x):
        a, b = (self.F.softmax(m / float(p["temperature"]), 1) for m in (s, t))
        return (b @ b.mT - a @ a.mT).square().sum() / len(a)

    def class_correlation(self, s, t, p, x):
        a, b = (self.F.softmax(m / float(p["temperature"]), 1) for m in (s, t))
        return (b.mT @ b - a.mT @ a).square().sum() / a.shape[1]

    # distances, angles, correlations

    def relational_distance(self, s, t, p, x):
        def relative(m):
            d = self.torch.linalg.vector_norm(m[:, None] - m[None], dim=-1)
            return d / d[d > 0].mean() if (d > 0).any() else d.detach()

        return self.F.smooth_l1_loss(relative(s), relative(t))

    def relational_angle(self, s, t, p, x):
        s, t = (self.unit(m[None] - m[:, None]) for m in (s, t))
        return self.F.smooth_l1_loss(self.torch.bmm(s, s.mT), self.torch.bmm(t, t.mT))

    def rkd(self, s, t, p, x):
        return (float(p["distance"]) * self.relational_distance(s, t, p, x)
                + float(p["angle"]) * self.relational_angle(s, t, p, x))

    def token_graph(self, s, t, p, x):
        torch = self.torch

        def graph(m):
            d = (m[:, None] - m[None]).square().sum(-1)
            chosen = torch.argsort(d.detach() + torch.diag(torch.full((len(m),), torch.inf)), dim=0, stable=True)
            chosen = chosen[:min(int(p["neighbours"]), len(m) - 1)]
            near = torch.zeros_like(d, dtype=torch.bool).scatter(0, chosen, True)
            return self.F.log_softmax(torch.where(near, torch.exp(-d / (2 * float(p["sigma"]))), 0.0), 1)

        a, b = graph(s), graph(t)
        if p["student_first"] == "1":
            a, b = b, a
        return self.F.kl_div(a, b, reduction="sum", log_target=True)

    def of_kernel(self, s, t, kernel):
        """wᵀKw over the rows of both"""
        w = self.torch.cat([self.torch.full((len(s),), 1 / len(s)), self.torch.full((len(t),), -1 / len(t))])
        return w @ kernel(self.torch.cat([s, t])) @ w

    def linear_mmd(self, s, t, p, x):
        return (s.mean(0) - t.mean(0)).square().sum()

    def polynomial_mmd(self, s, t, p, x):
        return self.of_kernel(s, t, lambda m: (m @ m.mT + float(p["offset"]))**int(p["degree"]))

    def gaussian_mmd(self, s, t, p, x):
        def kernel(m):
            d, width = (m[:, None] - m[None]).square().sum(-1), float(p["width"])
            if not width:
                width = d.detach().sum().item() / (len(m)**2 - len(m)) or 1.0
            width /= 2**(int(p["kernels"]) // 2)
            return sum(self.torch.exp(-d / (width * 2**q)) for q in range(int(p["kernels"])))

        return self.of_kernel(s, t, kernel)

    def nst(self, s, t, p, x):
        return self.of_kernel(self.unit(s), self.unit(t), lambda m: (m @ m.mT).square())

    def fsp(self, s, t, p, x):
        a, b = (self.torch.einsum("ip,jp->ij", top, low) / low.shape[1]
                for low, top in ((s, x["student_next"]), (t, x["teacher_next"])))
        return self.F.mse_loss(a, b)

    def correlations(self, a, b):
        a, b = (m - m.mean(1, keepdim=True) for m in (a, b))
        a, b = (self.torch.where(m.abs().amax(1, keepdim=True) > 1e-14, m, 0.0) for m in (a, b))
        return (self.unit(a) * self.unit(b)).sum(1)

    def dist(self, s, t, p, x):
        T = float(p["temperature"])
        a, b = (self.F.softmax(m / T, 1) for m in (s, t))
        return T**2 * (float(p["beta"]) * (1 - self.correlations(a, b).mean())
                       + float(p["gamma"]) * (1 - self.correlations(a.mT, b.mT).mean()))

    def pearson(self, s, t, p, x):
        return 1 - self.correlations(s, t).mean()

    # ranks

    def average_ranks(self, m):
        less = (m[:, :, None] > m[:, None]).sum(-1)
        return less + ((m[:, :, None] == m[:, None]).sum(-1) + 1) / 2

    def soft_ranks(self, row, p):
        """Blocks by pooling neighbours."""
        torch, n, strength, plain = self.torch, len(row), float(p["strength"]), p["regularisation"] == "l2"
        if not strength:
            if row.max() == row.min():
                return torch.full((n,), (n + 1) / 2) + 0 * row
            strength = float(p["softness"]) * 12**0.5 * row.std(correction=0) / n
        order = torch.argsort(row.detach(), descending=True, stable=True)
        own, ranks = (row / strength)[order], torch.arange(n, 0, -1.0)

        def fit(block):
            if plain:
                return (own[block] - ranks[block]).mean()
            return torch.logsumexp(own[block], 0) - torch.log(ranks[block].sum())

        blocks = []
        for k in range(n):
            blocks.append([k])
            while len(blocks) > 1 and fit(blocks[-2]) <= fit(blocks[-1]):
                last = blocks.pop()
                blocks[-1] += last
        fits = torch.cat([fit(block).expand(len(block)) for block in blocks])
        ranked = own - fits if plain else torch.exp(own - fits)
        return torch.zeros_like(row).scatter(0, order, ranked)

    def distances(self, a, b):
        """1 - ρ; 0 where both are constant."""
        both = (a.detach().std(1, correction=0) < 1e-12) & (b.std(1, correction=0) < 1e-12)
        return self.torch.where(both, 0.0, 1 - self.correlations(a, b))

    def spearman(self, s, t, p, x):
        soft = self.torch.stack([self.soft_ranks(row, p) for row in s])
        weights = self.torch.tensor([float(w) for w in p["weights"].split(",")])
        return (weights * self.distances(soft, self.average_ranks(t.detach()))).mean()

    def cmkd(self, s, t, p, x):
        w = self.torch.tensor([float(w) for w in p["weights"].split(",")])
        soft = self.torch.stack([self.soft_ranks(row, p) for row in s])
        ranked = self.distances(soft, self.average_ranks(t.detach()))
        return (w * self.distances(s, t) + (1 - w) * ranked).mean()

    # transport

    def ground(self, kind, a, b):
        if kind == "cosine":
            return 1 - self.unit(a) @ self.unit(b).mT
        gap = a[:, None] - b[None]
        if kind == "l1":
            return gap.abs().sum(-1)
        return gap.square().sum(-1) if kind == "squared_l2" else self.torch.linalg.vector_norm(gap, dim=-1)

    def transported(self, p, cost, log_a, log_b, value=None):
        """By logarithms."""
        torch, value = self.torch, value or p["value"]
        g, epsilon = torch.zeros(len(log_b)), float(p["epsilon"])
        for k in range(int(p["iterations"])):
            e = max(epsilon, float(p.get("start", 0)) * float(p.get("ratio", 0))**k)
            f = -e * torch.logsumexp(log_b + (g - cost) / e, 1)
            g = -e * torch.logsumexp(log_a[:, None] + (f[:, None] - cost) / e, 0)
        if value == "entropic":
            return torch.exp(log_a) @ f + torch.exp(log_b) @ g
        return (torch.exp(log_a[:, None] + log_b + (f[:, None] + g - cost) / epsilon) * cost).sum()

    def between(self, p, a, b, value=None):
        cost = self.ground(p["cost"], a, b)
        return self.transported(p, cost, *(-self.torch.log(self.torch.full((len(m),), float(len(m)))) for m in (a, b)),
                                value)

    def sinkhorn(self, s, t, p, x):
        return self.between(p, s, t)

    def sinkhorn_divergence(self, s, t, p, x):
        own, other = (self.between(p, m, m, "entropic") for m in (s, t))
        return self.between(p, s, t, "entropic") - (own + other) / 2

    def carried(self, p, cost):
        """Where every row has mass 1, the plan is as many times that of a mass of 1."""
        mass = float(p["scale"]) * (1 if p["mean"] == "1" else len(cost))
        return mass * self.transported(p, cost, *(-self.torch.log(self.torch.full((k,), float(k))) for k in cost.shape),
                                       "cost")

    def sinkd(self, s, t, p, x):
        s, t = (self.F.softmax(m / float(p["temperature"]), 1) for m in (s, t))
        return self.carried(p, self.torch.cdist(s, t, p=1))

    def sinkd_samples(self, s, t, p, x):
        s, t = (self.F.softmax(m / float(p["temperature"]), 1) for m in (s, t))
        return sum(self.carried(p, (a[:, None] - b).abs()) for a, b in zip(s, t)) / len(s)

    def class_transport(self, s, t, p, x):
        s, t = (self.F.log_softmax(m / float(p["temperature"]), 1) for m in (s, t))
        return sum(self.transported(p, x["ground"].detach(), *rows) for rows in zip(s, t)) / len(s)

    # features

    def hint(self, s, t, p, x):
        return self.F.mse_loss(s, t)

    def masked_generation(self, s, t, p, x):
        return self.F.mse_loss(s, t, reduction="sum")

    def as_maps(self, m, x):
        return m.reshape(len(m), *next(size for size in x["maps"] if size[0] * size[1] == m.shape[1]))

    def attention_transfer(self, s, t, p, x):
        s, t = self.as_maps(s, x), self.as_maps(t, x)
        if s[0].numel() > t[0].numel():
            s = self.F.adaptive_avg_pool2d(s, t.shape[1:])
        elif s[0].numel() < t[0].numel():
            t = self.F.adaptive_avg_pool2d(t, s.shape[1:])
        return self.F.mse_loss(*(self.unit(m.abs().pow(float(p["power"])).mean(0).flatten()) for m in (s, t)))

    def factor_transfer(self, s, t, p, x):
        s, t = self.unit(s.flatten()), self.unit(t.flatten())
        return self.F.mse_loss(s, t, reduction="sum") if p["squared"] == "1" else self.F.l1_loss(s, t)

    def review_hcl(self, s, t, p, x):
        s, t = self.as_maps(s, x), self.as_maps(t, x)
        loss, weight, all_weights = self.F.mse_loss(s, t), 1.0, 1.0
        for l in (4, 2, 1):
            if l < s.shape[1]:
                weight /= 2
                loss = loss + weight * self.F.mse_loss(*(self.F.adaptive_avg_pool2d(m, (l, l)) for m in (s, t)))
                all_weights += weight
        return loss / all_weights

    def pooled_feature(self, s, t, p, x):
        return self.F.mse_loss(s.mean(1), t.mean(1))

    def activation_boundary(self, s, t, p, x):
        m = float(p["margin"])
        return ((s + m)**2 * ((s > -m) & (t <= 0)) + (s - m)**2 * ((s <= m) & (t > 0))).sum()

    def overhaul(self, s, t, p, x):
        t_low = self.torch.maximum(t, x["margins"].detach().mT)
        return (self.F.mse_loss(s, t_low, reduction="none") * ((s > t_low) | (t > 0))).sum()

    def variational_information(self, s, t, p, x):
        variance = self.F.softplus(x["log_variance"], threshold=200) + float(p["epsilon"])
        return self.F.gaussian_nll_loss(s, t, variance.mT.expand_as(s), eps=1e-300)

    def norm_direction(self, s, t, p, x):
        torch = self.torch
        e = self.unit(x["centres"].detach())[torch.tensor(x["labels"])]
        own, other = (torch.linalg.vector_norm(m, dim=1) for m in (s, t))
        norm = torch.where(own >= other, own, other)
        cosine = torch.where(norm > 0, (s * e).sum(1) / torch.where(norm > 0, norm, 1.0), 0.0)
        return float(p["factor"]) * (1 - cosine).mean()

    def embedding_distance(self, s, t, p, x):
        if "dims" not in p:
            return (self.unit(s) - t).square().sum(1).mean()
        return sum(float(w) * (2 - 2 * self.F.cosine_similarity(s[:, :int(d)], t[:, :int(d)], dim=1, eps=0)).mean()
                   for d, w in zip(p["dims"].split(","), p["weights"].split(",")))

    def dice_diversity(self, s, t, p, x):
        n, square = len(s), s.square().sum(1)
        if n == 1:
            return self.torch.tensor(0.0)
        sizes = square[:, None] + square[None]
        ratio = 2 * s @ s.mT / self.torch.where(sizes > 0, sizes, 1.0)
        return (ratio.sum() - ratio.diagonal().sum()) / (n * (n - 1))

    def soft_dice(self, s, t, p, x):
        own = self.torch.exp(self.F.logsigmoid(s))  # whose slope has no 1 - p
        return (1 - (2 * (own * t).sum(1) + 1) / (own.sum(1) + t.sum(1) + 1)).mean()

    def channel_distribution(self, s, t, p, x):
        T = float(p["temperature"])
        s, t = (self.F.log_softmax((m - m.detach().amax(1, keepdim=True)) / T, 1) for m in (s, t))
        return T**2 * self.F.kl_div(s, t, reduction="batchmean", log_target=True)

    # contrast

    def info_nce(self, s, t, p, x):
        scores, right = self.unit(s) @ self.unit(t).mT / float(p["temperature"]), self.torch.arange(len(s))
        row = self.F.cross_entropy(scores, right)
        return row + self.F.cross_entropy(scores.mT, right) if p["symmetric"] == "1" else row

    def nt_xent(self, s, t, p, x):
        n, z = len(s), self.unit(self.torch.cat([s, t]))
        scores, itself = z @ z.mT / float(p["temperature"]), self.torch.eye(2 * n, dtype=self.torch.bool)
        return self.F.cross_entropy(scores.masked_fill(itself, -self.torch.inf), self.torch.arange(2 * n).roll(n))

    def supcon(self, s, t, p, x):
        z, T, y = self.unit(s), float(p["temperature"]), self.torch.tensor(x["labels"])
        itself = self.torch.eye(len(z), dtype=self.torch.bool)
        scores = z @ z.mT / T
        alike = (y[:, None] == y[None]) & ~itself
        log_mass = self.torch.logsumexp(scores.masked_fill(itself, -1e300), 1, keepdim=True)
        terms = (alike * (scores - log_mass)).sum(1) / alike.sum(1).clamp(min=1)
        return -(T / float(p["base_temperature"])) * terms.mean()

    def similarity_ce(self, s, t, p, x):
        keys = self.unit(t).detach()
        target = self.F.softmax(keys @ keys.mT / float(p["teacher_temperature"]), 1)
        own = self.unit(s) @ keys.mT / float(p["student_temperature"])
        if p["relative"] == "1":
            return self.F.kl_div(self.F.log_softmax(own, 1), target, reduction="batchmean")
        return self.F.cross_entropy(own, target)

    def ofd_margin(self, beta, gamma):
        if gamma == 0:
            return min(beta, 0.0)
        ratio = self.torch.tensor(beta / abs(gamma))
        log_density = -ratio**2 / 2 - self.torch.log(self.torch.tensor(2 * self.torch.pi)) / 2
        return (beta - abs(gamma) * self.torch.exp(log_density - self.torch.special.log_ndtr(-ratio))).item()


def apart(got, expected):
    """The largest difference over the largest number; as it is where they are all 0."""
    largest = max((abs(x) for x in expected), default=0.0)
    return max((abs(a - b) for a, b in zip(got, expected, strict=True)), default=0.0) / (largest or 1.0)


def check(name, text, second):
    mp.dps = 2 * DIGITS
    again = "".join(line + "\n" for line in lines(name))
    mp.dps = DIGITS
    if text != again:
        sys.exit(f"{name}: what is written is not what comes out with more digits")
    if second is None:
        print(f"{name}: twice the digits agree", flush=True)
        return 0
    worst, where = {}, {}

    def note(what, distance, number_of_case):
        if what not in worst or not distance <= worst[what]:
            worst[what], where[what] = distance, number_of_case

    if name == "ofd_margin":
        for k, line in enumerate(text.splitlines()):
            beta, gamma, margin = map(float, line.split())
            note("value", apart([second.ofd_margin(beta, gamma)], [margin]), k + 1)
    else:
        for k, (one, value, gradients) in enumerate(read(text)):
            other_value, other_gradients = second.ask(name, one)
            note("value", apart([other_value], [value]), k + 1)
            for own, slopes in gradients.items():
                note(own, apart(other_gradients[own], slopes), k + 1)
    print(f"{name}: " + ", ".join(f"{what} {distance:.1e} (case {where[what]})" for what, distance in worst.items()),
          flush=True)
    return max(worst.values())


def main():
    options = argparse.ArgumentParser()
    options.add_argument("names", nargs="*", metavar="NAME", default=[*PLANS, "ofd_margin"])
    options.add_argument("--to", type=pathlib.Path, default=pathlib.Path(__file__).parent / "pair")
    options.add_argument("--check", action="store_true")
    options.add_argument("--without-torch", action="store_true")
    options = options.parse_args()
    unknown = [name for name in options.names if name not in PLANS and name != "ofd_margin"]
    if unknown:
        sys.exit(f"no plan for {', '.join(unknown)}; there are {', '.join(PLANS)}, ofd_margin")
    mp.dps = DIGITS
    if not options.check:
        options.to.mkdir(parents=True, exist_ok=True)
        for name in options.names:
            text = "".join(line + "\n" for line in lines(name))
            (options.to / f"{name}.txt").write_text(text)
            count = len(MARGINS) if name == "ofd_margin" else len(PLANS[name])
            print(f"{name}: {count} cases; {len(text) / 1000:.1f} kB", flush=True)
        return
    second = None
    if not options.without_torch:
        try:
            import torch
        except ImportError as error:
            sys.exit(f"PyTorch is missing ({error}); --without-torch does without the second opinion")
        second = opinions(torch)
    worst = max(check(name, (options.to / f"{name}.txt").read_text(), second) for name in options.names)
    if not worst <= 1e-8:
        sys.exit("double precision disagrees")


if __name__ == "__main__":
    main()
