#!/usr/bin/env python3
"""Writes what the tests of calibration compare with, from the definitions in NumPy, row by row and bin by bin: lines
"tag numbers" in calibration.txt. The logits are made by number(), which the test repeats.

Usage: tests/reference/generate_calibration.py [--check]
"""
import argparse
import math
import pathlib
import sys

import numpy as np

FILE = pathlib.Path(__file__).resolve().parent / "calibration.txt"
ROWS, CLASSES = 101, 5


def number(i, seed):
    return ((i * i * 37 + i * 7919 + seed * 104729) % 1021 - 510) / 128


def softmax(row):
    """One number after the other: equal rows have equal probabilities."""
    masses = [math.exp(z - max(row)) for z in row]
    return [m / math.fsum(masses) for m in masses]


def data():
    """Some rows twice: with the same confidence, of which one may be right."""
    z = np.array([[number(r * CLASSES + c, 5) + r * c / 4096 for c in range(CLASSES)] for r in range(ROWS)])
    z[1::3][:20] = z[0::3][:20]
    best = z.argmax(1)
    labels = np.array([best[r] if (r * r) % 7 < 4 else (best[r] + 1 + r) % CLASSES for r in range(ROWS)])
    return np.array([softmax(row) for row in z]), labels


def errors(bins):
    """bins: lists of (confidence, right)."""
    n = sum(map(len, bins))
    gaps = [(len(b) / n, abs(np.mean([r for _, r in b]) - np.mean([c for c, _ in b]))) for b in bins if b]
    return [sum(w * g for w, g in gaps), max(g for _, g in gaps), math.sqrt(sum(w * g * g for w, g in gaps))]


def of_width(p, right, m):
    bins = [[] for _ in range(m)]
    for c, r in zip(p, right):
        bins[max(0, next(k for k in range(m) if c <= (k + 1) / m))].append((c, r))
    return bins


def of_mass(p, right, m):
    bins = [[] for _ in range(m)]
    order = np.sort(p)
    starts = [k * len(p) // m for k in range(m)]
    for c, r in zip(p, right):
        first = int(np.searchsorted(order, c))  # how many are below
        bins[max(k for k in range(m) if starts[k] <= first)].append((c, r))
    return bins


def lines():
    p, labels = data()
    top, right = p.max(1), (p.argmax(1) == labels).astype(float)
    result = {"labels": labels.tolist()}
    for m in (1, 4, 15, 200):
        result[f"calibration{m}"] = errors(of_width(top, right, m))
        adaptive = of_mass(top, right, m)
        result[f"adaptive{m}"] = errors(adaptive)
        result[f"counts{m}"] = [len(b) for b in adaptive]
        result[f"classwise{m}"] = [errors(of_width(p[:, c], (labels == c).astype(float), m))[0] for c in range(CLASSES)]
    result["brier"] = [np.mean([((row - np.eye(CLASSES)[y]) ** 2).sum() for row, y in zip(p, labels)])]
    result["nll"] = [-np.mean([math.log(row[y]) for row, y in zip(p, labels)])]
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    text = "".join(f"{tag} {' '.join(repr(float(n)) for n in numbers)}\n" for tag, numbers in lines().items())
    if not parser.parse_args().check:
        FILE.write_text(text)
        return
    found = {tag: list(map(float, rest)) for tag, *rest in map(str.split, FILE.read_text().splitlines())}
    wanted = {tag: list(map(float, rest)) for tag, *rest in map(str.split, text.splitlines())}
    sys.exit(found.keys() != wanted.keys() or not all(np.allclose(found[t], wanted[t], 1e-13, 1e-14) for t in wanted))


if __name__ == "__main__":
    main()
