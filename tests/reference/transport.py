"""Entropic transport straight from its definition; tape.py differentiates it.

P_ij = a_i b_j e^{(f_i + g_j - C_ij)/ε}. One iteration: f_i such that the rows of P sum to a, then g_j such that its columns
sum to b; g begins at 0. A row or a column without mass is in no sum with a weight, but has a potential, which is the slope
to its mass. Nothing here is in a stable form.
"""
from mpmath import lu_solve, matrix, mpf

from tape import differentiate, exp, log, node, total, value_of


def updated(cost, masses, potentials, epsilon):
    """-ε log Σ_j b_j e^{(g_j - C_j)/ε} of one row of costs."""
    return log(total(b * exp((g - c) / epsilon) for c, b, g in zip(cost, masses, potentials, strict=True))) * -epsilon


def iteration(cost, source, target, g, epsilon):
    f = [updated(row, target, g, epsilon) for row in cost]
    return f, [updated(column, source, f, epsilon) for column in zip(*cost)]


def epsilon_of(k, epsilon, start, ratio):
    return max(epsilon, start * ratio**k)


def potentials(cost, source, target, epsilon, iterations, start=mpf(0), ratio=mpf(1) / 2):
    f, g = None, [mpf(0)] * len(target)
    for k in range(iterations):
        f, g = iteration(cost, source, target, g, epsilon_of(k, epsilon, start, ratio))
    return f, g


def plan(cost, source, target, f, g, epsilon):
    return [[a * b * exp((f_i + g_j - c) / epsilon) for c, b, g_j in zip(row, target, g, strict=True)]
            for row, a, f_i in zip(cost, source, f, strict=True)]


def value(kind, cost, source, target, f, g, epsilon):
    """cost: Σ P C; entropic: ⟨a, f⟩ + ⟨b, g⟩"""
    if kind == "cost":
        return total(p * c for row, costs in zip(plan(cost, source, target, f, g, epsilon), cost)
                     for p, c in zip(row, costs))
    return total(mass * potential for mass, potential in zip([*source, *target], [*f, *g], strict=True))


def uniform(count):
    return [1 / mpf(count)] * count


def solved(kind, cost, source, target, epsilon, iterations, start=mpf(0), ratio=mpf(1) / 2):
    f, g = potentials(cost, source, target, epsilon, iterations, start, ratio)
    return value(kind, cost, source, target, f, g, epsilon)


def marginal_error(cost, source, target, f, g, epsilon):
    """Σ_i |Σ_j P_ij - a_i| over the mass."""
    rows = [sum(map(value_of, row)) for row in plan(cost, source, target, f, g, epsilon)]
    return sum(abs(row - value_of(mass)) for row, mass in zip(rows, source)) / sum(map(value_of, source))


def fixed_point(cost, source, target, epsilon, precision):
    """f and g at the end of the iteration, and how many iterations bring the marginal error under 1e-15."""
    g, count, enough = [mpf(0)] * len(target), 0, None
    while True:
        f, g = ([value_of(x) for x in side] for side in iteration(cost, source, target, g, epsilon))
        count += 1
        error = marginal_error(cost, source, target, f, g, epsilon)
        if enough is None and error < mpf(10)**-15:
            enough = count
        if error < precision:
            return f, g, enough


class leaves:
    """Costs, marginals and g on a tape of their own."""

    def __init__(self, cost, source, target, g):
        self.cost = [[node(mpf(c)) for c in row] for row in cost]
        self.source, self.target, self.g = ([node(mpf(x)) for x in side] for side in (source, target, g))

    def slopes(self):
        return ([z.slope for row in self.cost for z in row], [z.slope for z in self.source],
                [z.slope for z in self.target])


def implicit(kind, cost, source, target, epsilon, precision):
    """Value and slopes of the fixed point, and the iterations that double precision needs.

    The iteration maps g to Φ(g); with g = Φ(g) the slope is ∂L + λ ∂Φ, λ (1 - Φ') = ∂L/∂g. Constants added to g pass
    through Φ as they are, so that 1 - Φ' is singular and one λ is free: it moves the slopes to a marginal by a constant,
    which has no meaning, for the fixed point exists only while both masses are equal. Their mean is taken off.
    """
    _, g, iterations = fixed_point(cost, source, target, epsilon, precision)
    count = len(g)

    def differentiated(result_of):
        at = leaves(cost, source, target, g)
        result = result_of(at, *iteration(at.cost, at.source, at.target, at.g, epsilon))
        differentiate(result)
        return result.value, [z.slope for z in at.g], at.slopes()

    result, to_g, direct = differentiated(
        lambda at, f, after: value(kind, at.cost, at.source, at.target, f, after, epsilon))
    through = [differentiated(lambda at, f, after, j=j: after[j]) for j in range(count)]
    system, right = matrix(count), matrix(to_g)
    for j in range(count):
        for k in range(count):
            system[k, j] = (j == k) - through[j][1][k]
    free = max(range(count), key=lambda j: target[j])  # its equation follows from the others: this λ is 0
    for j in range(count):
        system[free, j] = mpf(j == free)
    right[free] = mpf(0)
    multipliers = lu_solve(system, right)
    to_cost, to_source, to_target = (
        [x + sum(multipliers[j] * through[j][2][part][k] for j in range(count)) for k, x in enumerate(direct[part])]
        for part in range(3))
    return result, (to_cost, centred(to_source, source), centred(to_target, target)), iterations


def centred(slopes, masses):
    """Less their mean over the entries with mass."""
    used = [slope for slope, mass in zip(slopes, masses, strict=True) if mass > 0]
    return [slope - sum(used) / len(used) for slope in slopes]
