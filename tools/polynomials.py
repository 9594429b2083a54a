#!/usr/bin/env python3
"""Prints the polynomial tables of include/distill/core/math.hpp and standard_normal.hpp with the error each one adds.

Interpolation at Chebyshev nodes in 60-digit arithmetic; within a few per cent of the minimax polynomial.
Needs mpmath. Usage: tools/polynomials.py
"""
from mpmath import mp, mpf, cos, pi, log, expm1, sqrt, matrix, lu_solve, exp, fabs, tanh, cosh, erfc

mp.dps = 60


def fit(f, low, high, count):
    nodes = [(low + high) / 2 + (high - low) / 2 * cos(pi * (2 * k + 1) / (2 * count)) for k in range(count)]
    system = matrix(count, count)
    values = matrix(count, 1)
    for i, x in enumerate(nodes):
        values[i] = f(x)
        for j in range(count):
            system[i, j] = x**j
    return [lu_solve(system, values)[i] for i in range(count)]


def horner(c, x):
    total = mpf(0)
    for a in reversed(c):
        total = total * x + a
    return total


def show(name, f, low, high, count, bits):
    low, high = mpf(low), mpf(high)
    c = fit(f, low, high, count)
    points = [low + (high - low) * k / 4001 for k in range(4002)]
    worst = max(fabs(horner(c, x) / f(x) - 1) for x in points if f(x) != 0)
    digits = 10 if bits == 24 else 19
    print(f"// {name}: {count} coefficients on [{mp.nstr(low, 4)}, {mp.nstr(high, 4)}], "
          f"relative error {mp.nstr(worst, 2)} = {mp.nstr(worst * mpf(2)**bits, 2)} units of the last place")
    print(", ".join(mp.nstr(a, digits, min_fixed=0, max_fixed=0) for a in c))


def phi_over_square(x):
    """(e^x - 1 - x) / x^2"""
    if fabs(x) < mpf("1e-8"):
        return mpf(1) / 2 + x / 6 + x * x / 24
    return (expm1(x) - x) / (x * x)


def atanh_tail(z):
    """(log((1+s)/(1-s)) - 2s) / s^3 with z = s^2"""
    if z < mpf("1e-12"):
        return mpf(2) / 3 + 2 * z / 5
    s = sqrt(z)
    return (log((1 + s) / (1 - s)) - 2 * s) / s**3


def even_mixture(z):
    """(h tanh h - log cosh h) / h^2 with z = h^2: the Jensen-Shannon term of masses e^h and e^-h, over their mean"""
    if z < mpf("1e-25"):
        return mpf(1) / 2 - z / 4
    h = sqrt(z)
    return (h * tanh(h) - log(cosh(h))) / z


def log_cosh(z):
    """log cosh h / h^2 with z = h^2"""
    if z < mpf("1e-25"):
        return mpf(1) / 2 - z / 12
    return log(cosh(sqrt(z))) / z


def upper_tail(u):
    """(1 + t) (1 - Phi(t)) e^(t^2/2) with u = (t - 5)/(t + 5)"""
    t = 5 * (1 + u) / (1 - u)
    return (1 + t) * erfc(t / sqrt(2)) * exp(t * t / 2) / 2


half_log2 = log(2) / 2 * mpf("1.0001")
ratio = mpf(2) ** mpf("0.5862")  # half a power of two, and what a number's bits are off its logarithm
s_max = (ratio - 1) / (ratio + 1)
for bits, n_exp, n_phi, n_log, n_wide, n_mixture, n_tail, t_max in (
        (24, 5, 7, 3, 5, 6, 11, 14), (53, 10, 12, 8, 11, 12, 23, 40)):
    print("float" if bits == 24 else "double")
    show("(e^x - 1 - x)/x^2, exponential", phi_over_square, -half_log2, half_log2, n_exp, bits)
    show("(e^x - 1 - x)/x^2, phi", phi_over_square, -0.5, 0.5, n_phi, bits)
    show("(log((1+s)/(1-s)) - 2s)/s^3 in s^2", atanh_tail, 0, s_max * s_max, n_log, bits)
    show("(log((1+s)/(1-s)) - 2s)/s^3 in s^2, wide", atanh_tail, 0, mpf(1) / 9, n_wide, bits)
    show("(h tanh h - log cosh h)/h^2 in h^2", even_mixture, 0, mpf(1) / 4, n_mixture, bits)
    show("log cosh h / h^2 in h^2", log_cosh, 0, mpf(1) / 4, n_mixture, bits)
    show("(1 + t)(1 - Phi(t)) e^(t^2/2) in (t - 5)/(t + 5)", upper_tail, -1, mpf(t_max - 5) / (t_max + 5), n_tail, bits)
