#!/usr/bin/env python3
"""Writes the reference values that the tests of the objectives read: rows.txt and one file per objective.

Everything is computed with mpmath in far more than 50 digits straight from the definitions (objectives.py), and
differentiated by the chain rule (tape.py), by code that shares nothing with the library. A file is only written if the
same definitions in double precision, differentiated by PyTorch (second_opinion.py), agree with every case that double can
compute. Takes some minutes; writes the same bytes on every machine (the rows come from a generator of their own).

Usage: tests/reference/generate.py [--check] [--without-torch] [--to DIRECTORY] [NAME ...]
  NAME              the objectives; default: all of them
  --to DIRECTORY    where to write; default: the directory of this script
  --check           writes nothing; compares a sample of the slopes with differences of order 8, and every case of the
                    short rows with the same in twice as many digits
  --without-torch   no second opinion

rows.txt     row NAME COLUMNS KIND LABEL          KIND: both (every logit is a float) or double
             student LOGITS                       hexadecimal, exact; -inf is a masked class
             teacher LOGITS
             columns INDICES                      the columns whose gradient is listed; absent: all of them
OBJECTIVE.txt
             case ROW TEMPERATURE NAME=VALUE ...  the objective's parameters, numbers or words; there may be none
             value NUMBER [SIZE]                  temperature scaling as is the objective's default. SIZE, where terms of
                                                  both signs make up the value: the sum of their magnitudes
             student NUMBERS                      gradient with respect to the student's logits
             student_size NUMBERS                 what the contributions to each entry add up to in magnitude (tape.py);
                                                  absent where that is usual_sizes() below
             teacher NUMBERS, teacher_size NUMBERS
                                                  likewise; absent for objectives without a gradient to the teacher
top_k_*: the teacher is its k largest classes, the lower index first among equals, with the exact log-probabilities of its
whole softmax at the temperature. Gradients pass through the teacher unless the objective holds it constant: the weights
of adaptive_kl, bd_kd, wsl, the student's share of taid's target.
"""
import argparse
import pathlib
import sys

sys.dont_write_bytecode = True

from mpmath import floor, log10, mp, mpf  # noqa: E402

import objectives  # noqa: E402
import rows as rows_module  # noqa: E402

DIGITS = 330  # e^-200 squared, and 50 digits of what is left when 1 is taken from 1 + that

ALL, TWO, ONE = ("1", "2.5", "4"), ("1", "2.5"), ("1",)


class plan:
    """An objective's cases: (parameters, temperatures) each; what it reads; whether the teacher gets a gradient; whether
    T² is part of it; with which parameters its value can cancel; whether it sums over all pairs of classes."""

    def __init__(self, *cases, uses_teacher=True, teacher=None, labels=False, squared=True,
                 signed=lambda parameters: False, all_pairs=False):
        self.cases, self.uses_teacher, self.labels, self.squared, self.signed = (cases, uses_teacher, labels, squared,
                                                                                 signed)
        self.all_pairs = all_pairs
        self.teacher = uses_teacher if teacher is None else teacher


def each(name, words, temperatures, **more):
    return [({name: word, **more}, temperatures) for word in words.split()]


def pairs(words, temperatures, *names):
    return [(dict(zip(names, word.split(","))), temperatures) for word in words.split()]


def top_k():
    for convention in "raw_mass teacher_renormalised both_renormalised ghost_bucket".split():
        yield from pairs(f"{convention},1 {convention},6", ONE, "convention", "k")
        yield from pairs(f"{convention},3", TWO, "convention", "k")


LIST = "weights", "label_first", "head"
NOTHING = ({}, ALL)
PLANS = {
    "kl": plan(NOTHING),
    "reverse_kl": plan(NOTHING),
    "jeffreys": plan(NOTHING),
    "jensen_shannon": plan(*each("beta", "0 0.1 0.5 0.9 1", ALL, form="literal"),
                           *each("beta", "0.1 0.5 0.9", TWO, form="normalised"),
                           *each("beta", "0 1e-3 0.999 1", ONE, form="normalised"),
                           *each("beta", "0.1 0.9", TWO, form="swapped"),
                           *each("beta", "0 0.5 1", ONE, form="swapped")),
    "skew_kl": plan(*each("lambda", "0.1", ALL), *each("lambda", "0.5", TWO), *each("lambda", "0 0.9", ONE)),
    "skew_reverse_kl": plan(*each("lambda", "0.1", ALL), *each("lambda", "0.5", TWO), *each("lambda", "0 0.9", ONE)),
    "total_variation": plan(NOTHING),
    "brier": plan(NOTHING),
    "squared_hellinger": plan(NOTHING),
    "hellinger": plan(NOTHING),
    "bhattacharyya": plan(NOTHING),
    "pearson_chi2": plan(NOTHING),
    "neyman_chi2": plan(NOTHING),
    "amari_alpha": plan(*each("alpha", "0.5", ALL), *each("alpha", "-1 2", TWO), *each("alpha", "0 0.01 0.99 1", ONE)),
    "renyi": plan(*each("alpha", "0.5", ALL), *each("alpha", "2", TWO), *each("alpha", "0.1 0.99 1 5", ONE)),
    "tsallis": plan(*each("alpha", "0.5", ALL), *each("alpha", "2", TWO), *each("alpha", "0.1 0.99 1 5", ONE)),
    "beta_divergence": plan(*each("beta", "1", ALL), *each("beta", "0.5", TWO), *each("beta", "0 0.01 2", ONE)),
    "alpha_beta": plan(*pairs("0.2,0.7", ALL, "alpha", "beta"),
                       *pairs("1,0 0,1 0,0 0.5,0.5 1,1 0.5,-0.5 0,0.5 0.5,0 1.5,-0.5 -0.5,1.5 0.01,0.7 0.5,-0.49", ONE,
                              "alpha", "beta")),
    "adaptive_kl": plan(*each("head_mass", "0.5", ALL), *each("head_mass", "0.9", TWO), *each("head_mass", "0.1", ONE)),
    "soft_cross_entropy": plan(NOTHING),
    "entropy": plan(NOTHING, uses_teacher=False),
    "f_divergence": plan(NOTHING),
    "lpld": plan(({"background": "-1"}, TWO)),
    "logit_mse": plan(NOTHING),
    "absolute_error": plan(NOTHING),
    "smooth_l1": plan(*each("beta", "1 0.5", ALL)),
    "logit_cosine": plan(({}, ONE), signed=lambda parameters: True),
    "log_cosh": plan(NOTHING),
    "binary_kl": plan(NOTHING),
    "dac_kl": plan(*pairs("0,1", ALL, "lower", "upper"), *pairs("0.25,0.75", TWO, "lower", "upper"),
                   *pairs("0.5,1 0,0.5", ONE, "lower", "upper"), labels=True),
    "cross_entropy": plan(*each("label_smoothing", "0 0.1 1", ALL), uses_teacher=False, labels=True),
    "z_loss": plan(NOTHING, uses_teacher=False),
    "focal": plan(*each("gamma", "2", ALL), *each("gamma", "0.5", TWO), *each("gamma", "0 1 5", ONE),
                  uses_teacher=False, labels=True),
    "dkd": plan(*pairs("1,8", ALL, "alpha", "beta"), *pairs("1,1 1,0 0,1", ONE, "alpha", "beta"), labels=True),
    "nkd": plan(*each("gamma", "1.5", ALL), *each("gamma", "0 1", ONE), labels=True),
    "multi_level_kl": plan(({}, ONE)),
    "ofa": plan(*pairs("1,paper 1.5,paper 1.5,code", TWO, "gamma", "form"),
                *pairs("0.8,paper 1,code 0.8,code", ONE, "gamma", "form"), teacher=False, labels=True,
                squared=False),
    "taid": plan(*each("t", "0.4", ALL), *each("t", "0.9", TWO), *each("t", "0 1", ONE)),
    "bd_kd": plan(*each("delta", "2", ALL), *each("delta", "1 3", ONE)),
    "wsl": plan(NOTHING, labels=True),
    "top_k_kl": plan(*top_k(), teacher=False, signed=lambda parameters: parameters["convention"] == "raw_mass"),
    "top_k_reverse_kl": plan(*pairs("-20,1 -20,6 -3,3", ONE, "log_floor", "k"), *pairs("-20,3", TWO, "log_floor", "k"),
                             teacher=False, signed=lambda parameters: True),
    "class_mass": plan(({"classes": "all"}, ONE), ({"classes": "even"}, TWO), uses_teacher=False),
    "ps_kd": plan(*each("alpha", "0.8 0 0.3 1", ONE), labels=True),
    "uld": plan(NOTHING),
    "pld": plan(*pairs("teacher_mass,1,0 teacher_mass,0,0 teacher_mass,1,3", ("1", "4"), *LIST),
                *pairs("uniform,1,0 uniform,0,0 uniform,0,2 exponential,1,0 exponential,0,0 exponential,1,5", ONE,
                       *LIST), labels=True, squared=False),
    "wasserstein_1d": plan(*each("power", "1 2", ALL)),
    "margin_mse": plan(*each("pairs", "mean", TWO), *each("pairs", "sum", ONE), labels=True, squared=False),
    "hinge_rank": plan(*pairs("1,teacher_order", TWO, "margin", "pairs"),
                       *pairs("1,label_first", TWO, "margin", "pairs"),
                       *pairs("0.25,teacher_order 0,label_first", ONE, "margin", "pairs"), labels=True,
                       squared=False, all_pairs=True),
    "logistic_rank": plan(*each("pairs", "teacher_order label_first", TWO), labels=True, squared=False,
                          all_pairs=True),
}


def number(x, digits=20, size=1):
    """x in decimal; 0 if it is what is left of numbers of that size that cancel."""
    if abs(x) <= size * mpf(10)**(50 - DIGITS):
        return "0"
    exponent = int(floor(log10(abs(x))))
    # The last factor makes what lies half-way between two decimals go up, whatever its own last digits are.
    digits_of = int(floor(abs(x) * mpf(10)**(digits - 1 - exponent) * (1 + mpf(10)**-60) + mpf(1) / 2))
    if digits_of >= 10**digits:
        digits_of, exponent = digits_of // 10, exponent + 1
    text = str(digits_of).rstrip("0")
    return ("-" if x < 0 else "") + text[0] + ("." + text[1:] if text[1:] else "") + (f"e{exponent}" if exponent else "")


class case:
    """One row at one temperature with one set of parameters; `answer` is None where there is nothing to compare with."""

    def __init__(self, name, r, temperature, parameters):
        self.name, self.row, self.temperature, self.parameters = name, r, temperature, parameters

    def __str__(self):
        return " ".join([self.row.name, self.temperature] + [f"{name}={word}" for name, word in self.parameters.items()])

    def solve(self, **options):
        return objectives.solve(getattr(objectives, self.name), self.row, self.temperature, self.parameters, **options)

    def lines(self, answer):
        how = PLANS[self.name]
        value, gradients, terms, _ = answer
        usual, listed = self.usual_sizes(), self.row.listed()
        yield f"case {self}"
        yield f"value {number(value)}" + (f" {number(terms, 3)}" if how.signed(self.parameters) else "")
        for side, (slopes, sizes) in gradients.items():
            if side == "teacher" and not how.teacher:
                continue
            yield f"{side} " + " ".join(number(slopes[c], size=sizes[c] + usual[c]) for c in listed)
            if any(sizes[c] > usual[c] * mpf("1.01") for c in listed):
                yield f"{side}_size " + " ".join(number(sizes[c], 3) for c in listed)

    def usual_sizes(self):
        """T (p_s + p_t), and T more at a label; 1/T for T in an objective without T²."""
        with mp.workdps(30):
            x = objectives.problem(self.row, self.temperature, {})
            factor, result = x.T if PLANS[self.name].squared else 1 / x.T, [mpf(0)] * len(self.row.student)
            for side in ("student", "teacher") if PLANS[self.name].uses_teacher else ("student",):
                for c, (mass, _) in zip(x.columns, x.softmax(side)):
                    result[c] += factor * objectives.value_of(mass)
            if PLANS[self.name].labels:
                result[self.row.label] += factor
            return result


def cases_of(name, rows):
    for r in rows:
        for k, (parameters, temperatures) in enumerate(PLANS[name].cases):
            if r.few and PLANS[name].all_pairs and parameters["pairs"] == "teacher_order":
                temperatures = temperatures[:1 - k]  # half a million pairs: once
            for temperature in temperatures[:2] if r.few else temperatures:
                yield case(name, r, temperature, parameters)


class counts:
    def __init__(self):
        self.written = self.infinite = self.undefined = self.compared = 0

    def __str__(self):
        return (f"{self.written} cases, {self.compared} of them compared with double precision; left out: "
                f"{self.infinite} of infinite value, {self.undefined} undefined or undecidable")


def compared_slopes(one, answer):
    """(side, slopes, the unit of their comparison, whether they are that much smaller than what cancels in them that
    double precision cannot say)"""
    for side, (slopes, sizes) in answer[1].items():
        if side == "student" or PLANS[one.name].teacher:
            unit = max(max(abs(g) for g in slopes), mpf(float(one.temperature)))
            yield side, slopes, unit, max(sizes) > 100 * unit


def disagreement(one, answer, opinion):
    """What double precision and 50 digits say differently, beyond the rounding of double; None if they agree."""
    value = answer[0]
    if abs(mpf(opinion[0]) - value) > mpf("1e-12") * (abs(value) + 1):
        return f"value {number(value)}, in double precision {opinion[0]!r}"
    for (side, slopes, unit, _), other in zip(compared_slopes(one, answer), opinion[1:]):
        for c, g in enumerate(slopes):
            if abs(mpf(other[c]) - g) > mpf("1e-12") * unit:
                return f"{side} gradient at column {c} {number(g)}, in double precision {other[c]!r}"
    return None


def file_lines(name, rows, ask, count):
    for one in cases_of(name, rows):
        try:
            answer = one.solve()
        except objectives.infinite:
            count.infinite += 1
            continue
        except objectives.undefined:
            count.undefined += 1
            continue
        count.written += 1
        opinion = ask(name, one.row, one.temperature, one.parameters) if ask else None
        if opinion and not any(cancels for *_, cancels in compared_slopes(one, answer)):
            count.compared += 1
            complaint = disagreement(one, answer, opinion)
            if complaint:
                sys.exit(f"{name}: {one}: {complaint}; nothing is written")
        yield from one.lines(answer)


def differences_agree(one, answer):
    """Slopes of a few logits against central differences of order 8, the held constants kept where they are."""
    _, gradients, _, held = answer
    x = objectives.problem(one.row, one.temperature, one.parameters)
    h, weights = mpf(10)**-25, ((1, mpf(4) / 5), (2, -mpf(1) / 5), (3, mpf(4) / 105), (4, -mpf(1) / 280))
    for side, (slopes, _) in gradients.items():
        if side == "teacher" and not PLANS[one.name].teacher:
            continue
        for k in range(0, len(x.columns), max(1, len(x.columns) // 3)):
            if x.logits[side][k] is None:
                continue
            slope = sum(weight * sign * one.solve(shift=[(side, k, sign * steps * h)], remembered=held)[0]
                        for steps, weight in weights for sign in (1, -1)) / h
            exact = slopes[x.columns[k]]
            if abs(slope - exact) > mpf("1e-60") * (abs(exact) + 1):
                sys.exit(f"{one.name}: {one}: {side} slope {number(exact)} at column {x.columns[k]}, differences say "
                         f"{number(slope)}")


def check(name, rows):
    """The sample for differences: every parameter at one temperature, on rows without kinks."""
    smooth = {"random_3", "near_0.3", "near_1e-7", "wide", "masked_teacher", "masked_student", "masked_both",
              "sure_and_right"}
    compared, checked = 0, 0
    for one in cases_of(name, rows):
        try:
            answer = one.solve()
        except (objectives.infinite, objectives.undefined):
            continue
        if one.row.name in smooth and one.temperature in ("2.5", PLANS[name].cases[-1][1][-1]):
            differences_agree(one, answer)
            checked += 1
        if not one.row.few:
            text = list(one.lines(answer))
            mp.dps = 2 * DIGITS
            again = list(one.lines(one.solve()))
            mp.dps = DIGITS
            compared += 1
            if text != again:
                sys.exit(f"{name}: {one}: more digits change what is written:\n{text}\n{again}")
    print(f"{name}: {checked} cases agree with differences, {compared} with twice the digits", flush=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("names", nargs="*", metavar="NAME", default=list(PLANS))
    options.add_argument("--to", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    options.add_argument("--check", action="store_true")
    options.add_argument("--without-torch", action="store_true")
    options = options.parse_args()
    unknown = [name for name in options.names if name not in PLANS]
    if unknown:
        sys.exit(f"no plan for {', '.join(unknown)}; there are {', '.join(PLANS)}")
    mp.dps = DIGITS
    ask = None
    if options.without_torch:
        print("without PyTorch: no second opinion", flush=True)
    else:
        try:
            import second_opinion
        except ImportError as error:
            sys.exit(f"PyTorch is missing ({error}); --without-torch does without the second opinion")
        ask = second_opinion.ask

    rows = rows_module.all_rows()
    if not options.check:
        options.to.mkdir(parents=True, exist_ok=True)
        (options.to / "rows.txt").write_text("".join(line + "\n" for line in rows_module.lines(rows)))
    for name in options.names:
        if options.check:
            check(name, rows)
            continue
        count = counts()
        text = "".join(line + "\n" for line in file_lines(name, rows, ask, count))
        (options.to / f"{name}.txt").write_text(text)
        print(f"{name}: {count}; {len(text) // 1000} kB", flush=True)


if __name__ == "__main__":
    main()
