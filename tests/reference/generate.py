#!/usr/bin/env python3
"""Writes the reference values that the tests of the objectives read: rows.txt and one file per objective.

Everything is computed with mpmath in 50 digits straight from the definitions (plain sums of p log p, plain logarithms of
softmaxes), by code that shares nothing with the library. Needs mpmath; takes about a minute; writes the same bytes on
every machine (the rows come from the linear congruential generator below).

Usage: tests/reference/generate.py [directory]        default: the directory of this script

rows.txt     row NAME COLUMNS KIND LABEL          KIND: both (every logit is a float) or double
             student LOGITS                       hexadecimal, exact; -inf is a masked class
             teacher LOGITS
             columns INDICES                      the columns whose gradient is listed; absent: all of them
OBJECTIVE.txt
             case ROW TEMPERATURE PARAMETER       PARAMETER: beta or label smoothing, 0 where there is none
             value NUMBER                         temperature scaling squared, as is the default
             student NUMBERS                      gradient with respect to the student's logits
             teacher NUMBERS                      likewise; absent for objectives of the student alone
"""
import pathlib
import struct
import sys

from mpmath import exp, inf, log, mp, mpf

mp.dps = 50


class generator:
    """x <- 6364136223846793005 x + 1442695040888963407 mod 2^64; the top 53 bits are the number."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 11) / 2**53

    def normal(self):
        return sum(self.uniform() for _ in range(12)) - 6  # near enough, and the same bits everywhere


def to_float(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


class row:
    def __init__(self, name, student, teacher, label=0, kind="both", columns=None, few=False):
        narrow = to_float if kind == "both" else float
        self.name, self.kind, self.label, self.few = name, kind, label, few
        self.student = [narrow(x) for x in student]
        self.teacher = [narrow(x) for x in teacher]
        self.columns = columns


def all_rows():
    g = generator(20240229)
    masked = float("-inf")

    def normals(count, sigma=1.0):
        return [sigma * g.normal() for _ in range(count)]

    def near(base, sigma):
        return [x + sigma * g.normal() for x in base]

    rows = [row("one_class", [1.5], [-2.25])]
    for count in (2, 3, 10):
        rows.append(row(f"random_{count}", normals(count, 2), normals(count, 2), count // 2))
    for name, sigma in (("0.3", 0.3), ("1e-3", 1e-3), ("1e-5", 1e-5)):
        base = [to_float(x) for x in normals(10, 2)]
        rows.append(row(f"near_{name}", near(base, sigma), base, 3))
    base = normals(10, 2)
    rows.append(row("near_1e-7", near(base, 1e-7), base, 3, "double"))
    base = normals(2, 1)
    rows.append(row("near_1e-7_of_2", near(base, 1e-7), base, 1, "double"))

    base = normals(10, 2)
    rows.append(row("equal", base, base, 7))
    shifted = [round(x * 2**12) / 2**12 for x in normals(10, 2)]
    rows.append(row("equal_but_for_a_shift", [x + 32 for x in shifted], shifted, 7))
    rows.append(row("far_apart", [round(x * 2**9) / 2**9 + 10000 for x in normals(10, 2)],
                    [round(x * 2**9) / 2**9 for x in normals(10, 2)], 2))
    rows.append(row("ties_everywhere", [0.5] * 5, [-3.0] * 5, 4))
    rows.append(row("two_levels", [float(k % 2) for k in range(6)], [float(k % 3 == 0) for k in range(6)], 1))

    rows.append(row("wide", [120 * g.uniform() - 60 for _ in range(10)], [120 * g.uniform() - 60 for _ in range(10)], 5))
    rows.append(row("opposed", [60.0, -60.0], [-60.0, 60.0], 1))
    rows.append(row("teacher_one_hot", normals(5), [0, 0, 80, 0, 0], 2))
    rows.append(row("student_one_hot", [0, 200, 0, 0, 0], normals(5), 2))
    rows.append(row("teacher_mask_but_one", normals(4), [masked, masked, 1.0, masked], 2))

    s, t = normals(6), normals(6)
    t[1] = t[4] = masked
    rows.append(row("masked_teacher", s, t, 1))
    s, t = normals(6), normals(6)
    s[0] = s[3] = masked
    rows.append(row("masked_student", s, t, 2))
    s, t = normals(6), normals(6)
    s[2] = t[2] = s[5] = t[5] = masked
    rows.append(row("masked_both", s, t, 3))
    s, t = normals(7), normals(7)
    s[0] = t[0] = s[1] = t[5] = masked
    rows.append(row("masked_here_and_there", s, t, 2))

    base = normals(100, 2)
    rows.append(row("random_100", normals(100, 2), base, 50, columns=list(range(0, 100, 9)), few=True))
    base = [to_float(x) for x in normals(1000, 1)]
    rows.append(row("near_1000", near(base, 1e-3), base, 625, columns=list(range(0, 1000, 83)) + [625, 999], few=True))
    rows.append(row("random_1000", normals(1000, 2), normals(1000, 2), 625, columns=list(range(0, 1000, 83)) + [625, 999],
                    few=True))
    return rows


def softmax(logits, temperature):
    """Probabilities and their logarithms; None for the logarithm of a masked class."""
    kept = [mpf(z) / temperature for z in logits if z != float("-inf")]
    top = max(kept)
    total = log(sum(exp(z - top) for z in kept)) + top
    logs = [None if z == float("-inf") else mpf(z) / temperature - total for z in logits]
    return [mpf(0) if x is None else exp(x) for x in logs], logs


def projected(p, slopes, temperature):
    total = sum(slopes)
    return [temperature * (s - q * total) for s, q in zip(slopes, p)]


def kl(student, teacher, temperature, _):
    p, log_p = softmax(student, temperature)
    q, log_q = softmax(teacher, temperature)
    if any(x is None and y > 0 for x, y in zip(log_p, q)):
        return None
    value = sum(y * (ly - lx) for y, ly, lx in zip(q, log_q, log_p) if y > 0)
    to_student = [temperature * (x - y) for x, y in zip(p, q)]
    slopes = [y * (ly - lx) if y > 0 else mpf(0) for y, ly, lx in zip(q, log_q, log_p)]
    return temperature**2 * value, to_student, projected(q, slopes, temperature)


def reverse_kl(student, teacher, temperature, _):
    turned = kl(teacher, student, temperature, 0)
    return turned and (turned[0], turned[2], turned[1])


def jensen_shannon(student, teacher, temperature, beta):
    if beta == 0:
        return kl(student, teacher, temperature, 0)
    if beta == 1:
        return reverse_kl(student, teacher, temperature, 0)
    p, log_p = softmax(student, temperature)
    q, log_q = softmax(teacher, temperature)
    mixture = [log(beta * y + (1 - beta) * x) if x + y > 0 else None for x, y in zip(p, q)]
    from_q = [beta * y * (ly - m) if y > 0 else mpf(0) for y, ly, m in zip(q, log_q, mixture)]
    from_p = [(1 - beta) * x * (lx - m) if x > 0 else mpf(0) for x, lx, m in zip(p, log_p, mixture)]
    value = temperature**2 * (sum(from_q) + sum(from_p))
    return value, projected(p, from_p, temperature), projected(q, from_q, temperature)


def cross_entropy(student, label, temperature, smoothing):
    p, log_p = softmax(student, temperature)
    kept = [x for x in log_p if x is not None]
    if log_p[label] is None and smoothing < 1:
        return None
    target = [mpf(0) if x is None else smoothing / len(kept) for x in log_p]
    target[label] += 1 - smoothing
    value = -sum(t * x for t, x in zip(target, log_p) if x is not None)
    return temperature**2 * value, [temperature * (x - t) for x, t in zip(p, target)], None


def number(x):
    if x == 0:
        return "0"
    return mp.nstr(x, 20, min_fixed=0, max_fixed=0, strip_zeros=True, show_zero_exponent=False)


def write(path, lines):
    path.write_text("".join(line + "\n" for line in lines))


def main():
    directory = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    rows = all_rows()
    lines = []
    for r in rows:
        lines.append(f"row {r.name} {len(r.student)} {r.kind} {r.label}")
        lines.append("student " + " ".join(x.hex() for x in r.student))
        lines.append("teacher " + " ".join(x.hex() for x in r.teacher))
        if r.columns:
            lines.append("columns " + " ".join(map(str, r.columns)))
    write(directory / "rows.txt", lines)

    temperatures = ("1", "2.5", "4")
    plans = {
        "kl": (kl, ("0",)),
        "reverse_kl": (reverse_kl, ("0",)),
        "jensen_shannon": (jensen_shannon, ("0", "0.1", "0.5", "0.9", "1")),
        "cross_entropy": (cross_entropy, ("0", "0.1", "1")),
    }
    for name, (objective, parameters) in plans.items():
        lines = []
        for r in rows:
            for temperature in temperatures:
                for parameter in parameters:
                    if r.few and temperature == "4":
                        continue
                    # The library is given the nearest double of 0.1 and 0.9: so is the reference.
                    hot, extra = mpf(float(temperature)), mpf(float(parameter))
                    other = r.label if objective is cross_entropy else r.teacher
                    answer = objective(r.student, other, hot, extra)
                    if answer is None:
                        continue  # an infinite value: tests/row/edges.cpp
                    value, to_student, to_teacher = answer
                    listed = r.columns or range(len(r.student))
                    lines.append(f"case {r.name} {temperature} {parameter}")
                    lines.append("value " + number(value))
                    lines.append("student " + " ".join(number(to_student[c]) for c in listed))
                    if to_teacher:
                        lines.append("teacher " + " ".join(number(to_teacher[c]) for c in listed))
        write(directory / f"{name}.txt", lines)


if __name__ == "__main__":
    main()
