"""Every objective on two sets of features straight from its definition, one function each; tape.py differentiates them.

A function gets one item of a batch: x.student and x.teacher are lists of rows of numbers on the tape, x["beta"] is a
parameter. What it returns is the item's value; a case is worth the mean over its items. Conventions where a definition
leaves a choice: a row of zeros stays one when rows are brought to length 1, and has no gradient; a root and a magnitude
have slope 0 at 0; a row or a column without variance has correlation 0; what a comparison, a rank or a median selects
is a constant. Nothing here is in a stable form: there are digits enough.
"""
from mpmath import erfc, exp as mp_exp, mpf, pi, sqrt as mp_sqrt

import transport
from tape import differentiate, exp, log, log_softmax, magnitude, node, sqrt, total, value_of

TINY = mpf(10)**-60  # what rounding leaves of numbers that cancel, relative to them, is far below this


class undefined(Exception):
    """The definition says nothing."""


class item:
    """One item of every input, and what all items share; an input with a single item is shared."""

    def __init__(self, number, leaves, one):
        self.inputs = {name: stack[min(number, len(stack) - 1)] for name, stack in leaves.items()}
        self.maps, self.labels, self.parameters = one.maps, one.labels, one.parameters

    def __getattr__(self, name):
        try:
            return self.inputs[name]
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, name):
        # The library is given the nearest double of 0.1 and 0.07: so is the reference.
        return mpf(float(self.parameters[name]))

    def __contains__(self, name):
        return name in self.parameters

    def flag(self, name):
        return self.parameters[name] == "1"

    def word(self, name):
        return self.parameters[name]

    def list(self, name):
        return [mpf(float(word)) for word in self.parameters[name].split(",")]

    def sides(self):
        return self.student, self.teacher

    def map(self, name):
        """Height and width: the map that has as many pixels as the input has columns."""
        return next(size for size in self.maps if size[0] * size[1] == len(self.inputs[name][0]))


def solve(name, one):
    """The value of a case, and the slopes of every input in the order of its numbers."""
    leaves = {input_name: [[[node(mpf(v)) for v in row] for row in matrix] for matrix in stack]
              for input_name, stack in one.inputs.items()}
    result = mean(globals()[name](item(k, leaves, one)) for k in range(len(leaves["student"])))
    differentiate(result)
    return result.value, {input_name: [z.slope for matrix in stack for row in matrix for z in row]
                          for input_name, stack in leaves.items()}


# ---------------------------------------------------------------------------------------------- pieces


def dot(a, b):
    return total(x * y for x, y in zip(a, b, strict=True))


def over(x, count):
    """x / count; a count of Python's own must not become a double on the way."""
    return x * (1 / mpf(count))


def mean(numbers):
    numbers = list(numbers)
    return over(total(numbers), len(numbers))


def square(x):
    return x * x


def less(a, b):
    return [x - y for x, y in zip(a, b, strict=True)]


def flat(matrix):
    return [x for row in matrix for x in row]


def columns(matrix):
    return [list(column) for column in zip(*matrix)]


def fixed(matrix):
    """The numbers without the tape."""
    return [[value_of(x) for x in row] for row in matrix]


def length(row):
    return sqrt(dot(row, row))


def unit(row, added=0):
    norm = length(row)
    if value_of(norm) == 0:
        return [mpf(0)] * len(row)
    return [x / (norm + added) for x in row]


def unit_rows(matrix):
    return [unit(row) for row in matrix]


def absolute(x):
    return magnitude(x) if abs(value_of(x)) > TINY else mpf(0) * x


def smooth_l1(x):
    return square(x) / 2 if abs(value_of(x)) < 1 else magnitude(x) - mpf(1) / 2


def products(a, b):
    return [[dot(x, y) for y in b] for x in a]


def gram(matrix):
    return products(matrix, matrix)


def squared_distance(a, b):
    d = less(a, b)
    return dot(d, d)


def squared_distances(matrix):
    return [[squared_distance(a, b) for b in matrix] for a in matrix]


def scaled(matrix, factor):
    return [[x * factor for x in row] for row in matrix]


def squared_gap(a, b):
    """Σ (a - b)²"""
    return total(square(x - y) for x, y in zip(flat(a), flat(b), strict=True))


def inner(a, b):
    return dot(flat(a), flat(b))


def softmax_logs(row, temperature=1):
    return log_softmax(row, temperature)[0]


def softmax(row, temperature=1):
    return [exp(x) for x in softmax_logs(row, temperature)]


def divergence(target, own):
    """KL of two rows of log-probabilities: Σ q (log q - log p)"""
    return total(exp(q) * (q - p) for q, p in zip(target, own, strict=True))


def relation_logits(matrix):
    """XXᵀ/√columns"""
    return scaled(gram(matrix), 1 / mp_sqrt(mpf(len(matrix[0]))))


def correlation(a, b):
    for row in (a, b):
        numbers = [value_of(x) for x in row]
        if max(numbers) - min(numbers) <= TINY * max(abs(x) for x in numbers):
            return mpf(0)
    a, b = ([x - m for x in row] for row, m in ((a, mean(a)), (b, mean(b))))
    return dot(a, b) / (length(a) * length(b))


def window(k, size, pieces):
    """Which of `size` lines the k-th of `pieces` averages: they overlap where the sizes do not divide."""
    return range(k * size // pieces, -(-(k + 1) * size // pieces))


def pooled(row, size, to):
    """The adaptive average of a row of pixels, a map of that size, on a map of size `to`."""
    return [mean(row[r * size[1] + c] for r in window(i, size[0], to[0]) for c in window(j, size[1], to[1]))
            for i in range(to[0]) for j in range(to[1])]


# ---------------------------------------------------------------------------------------------- Gram matrices


def similarity_preserving(x):
    """‖Ĝ_s - Ĝ_t‖²/n², the rows of G = FFᵀ at length 1."""
    s, t = (unit_rows(gram(side)) for side in x.sides())
    return over(squared_gap(s, t), len(s)**2)


def channel_correlation(x):
    s, t = (unit_rows(gram(side)) for side in x.sides())
    return over(squared_gap(s, t), len(s))


def centred(kernel):
    """HKH of a symmetric matrix."""
    n = len(kernel)
    rows = [mean(row) for row in kernel]
    everything = mean(rows)
    return [[kernel[i][j] - rows[i] - rows[j] + everything for j in range(n)] for i in range(n)]


def u_centred(kernel):
    n = len(kernel)
    rows = [over(total(kernel[i][j] for j in range(n) if j != i), n - 2) for i in range(n)]
    shift = over(total(rows), 2 * (n - 1))
    rows = [m - shift for m in rows]
    return [[mpf(0) if i == j else kernel[i][j] - rows[i] - rows[j] for j in range(n)] for i in range(n)]


def aligned(a, b, before=None):
    """1 - ⟨A, B⟩/(‖A‖‖B‖); 1 where a norm is 0, be it after something was taken off the matrices `before`."""
    norms = [sqrt(inner(m, m)) for m in (a, b)]
    for norm, whole in zip(norms, before or (a, b)):
        if value_of(norm) <= TINY * mp_sqrt(value_of(inner(whole, whole))):
            return mpf(1)
    return 1 - inner(a, b) / (norms[0] * norms[1])


def cka_of(x, kernels):
    if x.flag("unbiased") and len(x.student) < 4:
        return mpf(1)
    return aligned(*(u_centred(k) if x.flag("unbiased") else centred(k) for k in kernels), before=kernels)


def cka(x):
    return cka_of(x, [gram(side) for side in x.sides()])


def median(numbers):
    numbers, half = sorted(numbers), len(numbers) // 2
    return numbers[half] if len(numbers) % 2 else (numbers[half - 1] + numbers[half]) / 2


def rbf_cka(x):
    """exp(-d²/(2σ²)); σ² given, or a share of the median of all n² squared distances, which is a constant."""
    def kernel(side):
        squares = squared_distances(side)
        variance = x["width"]**2 or x["median_share"]**2 * median([value_of(d) for d in flat(squares)])
        if variance == 0:  # most points coincide
            if any(value_of(d) != 0 for d in flat(squares)):
                raise undefined
            variance = 1
        return [[exp(d / (-2 * variance)) for d in row] for row in squares]

    return cka_of(x, [kernel(side) for side in x.sides()])


def kernel_alignment(x):
    return aligned(*(gram(side) for side in x.sides()))


def hsic(x):
    k, l = (gram(side) for side in x.sides())
    n = len(k)
    if x.flag("unbiased"):
        if n < 4:
            raise undefined
        return -over(inner(u_centred(k), u_centred(l)), n * (n - 3))
    if n < 2:
        raise undefined
    return -over(inner(centred(k), l), (n - 1)**2)


def pkt(x):
    def shares(side):
        rows = [unit(row, x["epsilon"]) for row in side]
        kernel = [[(k + 1) / 2 for k in row] for row in gram(rows)]
        return [[k / mass for k in row] for row, mass in ((row, total(row)) for row in kernel)]

    s, t = (flat(shares(side)) for side in x.sides())
    return mean(q * log((q + x["epsilon"]) / (p + x["epsilon"])) for p, q in zip(s, t))


def correlation_congruence(x):
    """K = e^{-2γ} Σ_p (2γ)^p/p! (x_i·x_j)^p of unit rows."""
    def kernel(side):
        def of(cosine):
            result, power, coefficient = mpf(1), mpf(1), mpf(1)
            for p in range(1, int(x["order"]) + 1):
                power, coefficient = power * cosine, coefficient * 2 * x["gamma"] / p
                result = result + power * coefficient
            return result * mp_exp(-2 * x["gamma"])

        return [[of(cosine) for cosine in row] for row in gram(unit_rows(side))]

    s, t = (kernel(side) for side in x.sides())
    return over(squared_gap(s, t), len(s)**2)


def neighbour_congruence(x):
    """mean_{i<n-1} Σ_d |s-t|_{i,d} |s-t|_{i+1,d}: depends on the order of the rows, as published code does."""
    if len(x.student) < 2:
        return mpf(0)
    gaps = [[absolute(d) for d in less(s, t)] for s, t in zip(*x.sides())]
    return mean(dot(a, b) for a, b in zip(gaps, gaps[1:]))


def contextual_similarity(x):
    s, t = ([softmax(row) for row in relation_logits(side)] for side in x.sides())
    return over(squared_gap(s, t), len(s)**2)


def relation_mse(x):
    s, t = (relation_logits(side) for side in x.sides())
    return over(squared_gap(s, t), len(s)**2)


def relation_kl(x):
    s, t = ([softmax_logs(row) for row in relation_logits(side)] for side in x.sides())
    return mean(divergence(q, p) for p, q in zip(s, t))


def spatial_affinity(x):
    s, t = (flat(gram(unit_rows(side))) for side in x.sides())
    return mean(absolute(a - b) for a, b in zip(s, t))


def batch_correlation(x):
    s, t = ([softmax(row, x["temperature"]) for row in side] for side in x.sides())
    return over(squared_gap(gram(s), gram(t)), len(s))


def class_correlation(x):
    s, t = (columns([softmax(row, x["temperature"]) for row in side]) for side in x.sides())
    return over(squared_gap(gram(s), gram(t)), len(s))


# ---------------------------------------------------------------------------------------------- distances, angles


def relational_distance(x):
    """Smooth L1 of the distances over their mean; the mean is over those that are not 0."""
    def relative(side):
        distances = [sqrt(d) for d in flat(squared_distances(side))]
        positive = [d for d in distances if value_of(d) > 0]
        if not positive:
            return [mpf(0)] * len(distances)
        middle = mean(positive)
        return [d / middle if value_of(d) > 0 else mpf(0) for d in distances]

    return mean(smooth_l1(a - b) for a, b in zip(*(relative(side) for side in x.sides())))


def relational_angle(x):
    """Smooth L1 of ⟨e_ij, e_ik⟩, e_ij = (x_j - x_i)/‖·‖, over all n³ triples."""
    def cosines(side):
        return [a for anchor in side for a in flat(gram([unit(less(row, anchor)) for row in side]))]

    return mean(smooth_l1(a - b) for a, b in zip(*(cosines(side) for side in x.sides())))


def rkd(x):
    return x["distance"] * relational_distance(x) + x["angle"] * relational_angle(x)


def token_graph(x):
    """Σ_i KL of the softmaxes of the rows of A: A_ij = exp(-d²/(2σ)) if i is one of the k nearest of j, else 0."""
    def graph(side):
        squares, n = squared_distances(side), len(side)
        result = [[mpf(0)] * n for _ in side]
        for j in range(n):
            ranked = sorted((i for i in range(n) if i != j), key=lambda i: (value_of(squares[i][j]), i))
            for i in ranked[:int(x["neighbours"])]:
                result[i][j] = exp(squares[i][j] / (-2 * x["sigma"]))
        return [softmax_logs(row) for row in result]

    s, t = (graph(side) for side in x.sides())
    return total(divergence(p, q) if x.flag("student_first") else divergence(q, p) for p, q in zip(s, t))


def discrepancy(s, t, kernel):
    """mean k(s, s) + mean k(t, t) - 2 mean k(s, t)"""
    def average(a, b):
        return mean(kernel(p, q) for p in a for q in b)

    return average(s, s) + average(t, t) - 2 * average(s, t)


def linear_mmd(x):
    return discrepancy(x.student, x.teacher, dot)


def polynomial_mmd(x):
    """(x·y + offset)^degree"""
    def kernel(a, b):
        base = result = dot(a, b) + x["offset"]
        for _ in range(1, int(x["degree"])):
            result = result * base
        return result

    return discrepancy(x.student, x.teacher, kernel)


def gaussian_mmd(x):
    """Σ_q exp(-‖x - y‖²/β_q), β_q = β 2^q/2^⌊kernels/2⌋; β given, or the mean squared distance of two different rows
    among all of both sides, which is a constant."""
    count, rows = int(x["kernels"]), x.student + x.teacher
    middle = x["width"]
    if middle == 0:
        middle = sum(value_of(d) for d in flat(squared_distances(rows))) / (len(rows)**2 - len(rows))
    if middle == 0:  # all rows coincide
        return mpf(0)

    def kernel(a, b):
        d = squared_distance(a, b)
        return total(exp(d * (-mpf(2)**(count // 2 - q) / middle)) for q in range(count))

    return discrepancy(x.student, x.teacher, kernel)


def nst(x):
    return discrepancy(unit_rows(x.student), unit_rows(x.teacher), lambda a, b: square(dot(a, b)))


def fsp(x):
    """M = (next stage)(stage)ᵀ/pixels"""
    def flow(stage, following):
        return scaled(products(following, stage), mpf(1) / len(stage[0]))

    s, t = flow(x.student, x.student_next), flow(x.teacher, x.teacher_next)
    return over(squared_gap(s, t), len(flat(s)))


# ---------------------------------------------------------------------------------------------- correlations


def dist(x):
    T = x["temperature"]
    s, t = ([softmax(row, T) for row in side] for side in x.sides())
    between = mean(1 - correlation(a, b) for a, b in zip(s, t))
    within = mean(1 - correlation(a, b) for a, b in zip(columns(s), columns(t)))
    return T**2 * (x["beta"] * between + x["gamma"] * within)


def pearson(x):
    return mean(1 - correlation(a, b) for a, b in zip(*x.sides()))


# ---------------------------------------------------------------------------------------------- ranks


def constant(row):
    numbers = [value_of(x) for x in row]
    return max(numbers) - min(numbers) <= TINY * max(abs(x) for x in numbers)


def average_ranks(row):
    """1 for the smallest; equal numbers share the mean of theirs."""
    numbers = [value_of(x) for x in row]
    return [sum(y < x for y in numbers) + mpf(sum(y == x for y in numbers) + 1) / 2 for x in numbers]


def soft_ranks(x, row):
    """The point of the permutahedron of 1..n next to row/strength: in descending order that less its isotonic fit, which
    is the least of the largest means of the runs that hold an entry. kl: of exponentials, the fit of logarithms."""
    n, strength = len(row), x["strength"]
    if strength == 0:
        if constant(row):
            return [mpf(n + 1) / 2] * n
        strength = sqrt(mean(square(d - mean(row)) for d in row)) * (x["softness"] * 2 * mp_sqrt(mpf(3)) / n)
    order = sorted(range(n), key=lambda i: (-value_of(row[i]), i))
    own = [row[i] / strength for i in order]

    def fit(first, end):
        run, ranks = own[first:end], [mpf(n - k) for k in range(first, end)]
        if x.word("regularisation") == "l2":
            return mean(a - b for a, b in zip(run, ranks))
        return log(total(exp(a) for a in run)) - log(sum(ranks))

    fits = {(first, end): fit(first, end) for first in range(n) for end in range(first + 1, n + 1)}
    result = [None] * n
    for k, i in enumerate(order):
        tops = [max((fits[first, end] for end in range(k + 1, n + 1)), key=value_of) for first in range(k + 1)]
        v = min(tops, key=value_of)
        result[i] = own[k] - v if x.word("regularisation") == "l2" else exp(own[k] - v)
    return result


def rank_distances(x):
    """1 - ρ of soft ranks and ranks, row by row."""
    pairs = [(soft_ranks(x, s), average_ranks(t)) for s, t in zip(*x.sides(), strict=True)]
    return [mpf(0) if constant(a) and constant(b) else 1 - correlation(a, b) for a, b in pairs]


def spearman(x):
    weights = x.list("weights")
    distances = rank_distances(x)
    return mean(w * d for w, d in zip(weights * (len(distances) // len(weights)), distances, strict=True))


def cmkd(x):
    weights, ranked = x.list("weights"), rank_distances(x)
    weights = weights * (len(ranked) // len(weights))
    plain = [mpf(0) if constant(s) and constant(t) else 1 - correlation(s, t) for s, t in zip(*x.sides())]
    return mean(w * p + (1 - w) * r for w, p, r in zip(weights, plain, ranked, strict=True))


# ---------------------------------------------------------------------------------------------- transport


def ground_cost(kind, a, b):
    if kind == "cosine":
        return 1 - dot(unit(a), unit(b))
    if kind == "l1":
        return total(absolute(d) for d in less(a, b))
    return squared_distance(a, b) if kind == "squared_l2" else sqrt(squared_distance(a, b))


def ground_costs(kind, a, b):
    return [[ground_cost(kind, row, other) for other in b] for row in a]


def transported(x, cost, source, target, value=None):
    annealing = (x["start"], x["ratio"]) if "start" in x else ()
    return transport.solved(value or x.word("value"), cost, source, target, x["epsilon"], int(x["iterations"]),
                            *annealing)


def between(x, a, b, value=None):
    """The transport of equal masses from the rows of a to those of b."""
    return transported(x, ground_costs(x.word("cost"), a, b), transport.uniform(len(a)), transport.uniform(len(b)),
                       value)


def sinkhorn(x):
    return between(x, *x.sides())


def sinkhorn_divergence(x):
    s, t = x.sides()
    return between(x, s, t, "entropic") - (between(x, s, s, "entropic") + between(x, t, t, "entropic")) / 2


def carried(x, cost):
    """Mass 1 in all, or 1 for every row and every column."""
    shape = len(cost), len(cost[0])
    masses = map(transport.uniform, shape) if x.flag("mean") else ([mpf(1)] * count for count in shape)
    return transported(x, cost, *masses, "cost") * x["scale"]


def sinkd(x):
    """L1 between the probabilities of two rows."""
    s, t = ([softmax(row, x["temperature"]) for row in side] for side in x.sides())
    return carried(x, ground_costs("l1", s, t))


def sinkd_samples(x):
    """The same of each row: its classes are points on a line, at their probabilities."""
    rows = zip(*([softmax(row, x["temperature"]) for row in side] for side in x.sides()), strict=True)
    return mean(carried(x, [[absolute(p - q) for q in t] for p in s]) for s, t in rows)


def class_transport(x):
    """From a row's probabilities to the other's, over classes whose distances are given."""
    ground = fixed(x.ground)
    return mean(transported(x, ground, softmax(s, x["temperature"]), softmax(t, x["temperature"]))
                for s, t in zip(*x.sides()))


# ---------------------------------------------------------------------------------------------- features


def hint(x):
    return over(squared_gap(*x.sides()), len(flat(x.student)))


def masked_generation(x):
    return squared_gap(*x.sides())


def attention_transfer(x):
    """The larger map is pooled to the smaller; A = mean_c |f|^p at length 1."""
    sizes = x.map("student"), x.map("teacher")
    smaller = min(sizes, key=lambda size: size[0] * size[1])

    def attention(side, size):
        maps = [row if size == smaller else pooled(row, size, smaller) for row in side]
        return unit([mean(absolute(f)**x["power"] if value_of(f) != 0 else mpf(0) for f in pixel)
                     for pixel in columns(maps)])

    gaps = less(*(attention(side, size) for side, size in zip(x.sides(), sizes)))
    return mean(square(d) for d in gaps)


def factor_transfer(x):
    gaps = less(*(unit(flat(side)) for side in x.sides()))
    return dot(gaps, gaps) if x.flag("squared") else mean(absolute(d) for d in gaps)


def review_hcl(x):
    """The whole map, weight 1; then pooled to l×l for l = 4, 2, 1 below its height, weights 1/2, 1/4, 1/8 in turn."""
    size = x.map("student")
    result, weight, weights = hint(x), mpf(1), mpf(1)
    for l in (4, 2, 1):
        if l >= size[0]:
            continue
        weight /= 2
        s, t = ([pooled(row, size, (l, l)) for row in side] for side in x.sides())
        result, weights = result + over(squared_gap(s, t), len(flat(s))) * weight, weights + weight
    return result / weights


def pooled_feature(x):
    return mean(square(mean(s) - mean(t)) for s, t in zip(*x.sides()))


def activation_boundary(x):
    m, terms = x["margin"], []
    for s, t in zip(flat(x.student), flat(x.teacher)):
        if value_of(t) <= 0 and value_of(s) > -m:
            terms.append(square(s + m))
        elif value_of(t) > 0 and value_of(s) <= m:
            terms.append(square(s - m))
    return total(terms)


def overhaul(x):
    terms = []
    for margin, own, other in zip(x.margins[0], *x.sides()):
        for s, t in zip(own, other):
            low = t if value_of(t) > value_of(margin) else value_of(margin)
            if value_of(s) > value_of(low) or value_of(t) > 0:
                terms.append(square(s - low))
    return total(terms)


def ofd_margin(beta, gamma):
    """E[z | z < 0] of a normal z of mean β and deviation |γ|; where that is 0, its limit."""
    gamma = abs(gamma)
    if gamma == 0:
        return min(beta, mpf(0))
    ratio = beta / gamma
    return beta - gamma * mp_exp(-ratio**2 / 2) / mp_sqrt(2 * pi) / (erfc(ratio / mp_sqrt(2)) / 2)


def variational_information(x):
    """½[(μ - t)²/v_c + log v_c], v_c = log(1 + e^a_c) + ε, over channels (rows) and pixels."""
    variances = [log(exp(a) + 1) + x["epsilon"] for a in x.log_variance[0]]
    return mean((square(m - value_of(t)) / v + log(v)) / 2
                for v, own, other in zip(variances, *x.sides(), strict=True) for m, t in zip(own, other, strict=True))


def norm_direction(x):
    """1 - ⟨f_s, e_y⟩/max(‖f_s‖, ‖f_t‖), e the direction of a class mean; the student's norm where they are equal."""
    directions = unit_rows(fixed(x.centres))

    def term(s, t, y):
        own, other = length(s), length(t)
        norm = own if value_of(dot(s, s)) >= value_of(dot(t, t)) else other
        return 1 - dot(s, directions[y]) / norm if value_of(norm) != 0 else mpf(1)

    return x["factor"] * mean(term(s, t, y) for s, t, y in zip(*x.sides(), x.labels))


def embedding_distance(x):
    """mean ‖unit(u) - t‖²; with dims: Σ_d w_d mean ‖unit(u_:d) - unit(t_:d)‖²"""
    if "dims" not in x:
        return mean(squared_distance(unit(u), t) for u, t in zip(*x.sides()))
    return total(weight * mean(squared_distance(unit(u[:int(d)]), unit(t[:int(d)])) for u, t in zip(*x.sides()))
                 for d, weight in zip(x.list("dims"), x.list("weights"), strict=True))


def dice_diversity(x):
    """mean over ordered pairs of masks of 2⟨a, b⟩/(‖a‖² + ‖b‖²); two masks of zeros share nothing."""
    masks = x.student
    terms = []
    for i, a in enumerate(masks):
        for j, b in enumerate(masks):
            size = dot(a, a) + dot(b, b)
            if i != j:
                terms.append(2 * dot(a, b) / size if value_of(size) != 0 else mpf(0))
    return mean(terms) if terms else mpf(0)


def soft_dice(x):
    """1 - (2 Σ p y + 1)/(Σ p + Σ y + 1) of every row, p = σ(student), y the teacher's row."""
    def term(logits, mask):
        p = [1 / (1 + exp(-z)) for z in logits]
        return 1 - (2 * dot(p, mask) + 1) / (total(p) + total(mask) + 1)

    return mean(term(logits, mask) for logits, mask in zip(*x.sides()))


def channel_distribution(x):
    T = x["temperature"]
    s, t = ([softmax_logs(row, T) for row in side] for side in x.sides())
    return T**2 * mean(divergence(q, p) for p, q in zip(s, t))


# ---------------------------------------------------------------------------------------------- contrast


def surprise(logits, right):
    """-log of the softmax's share at `right`."""
    return -softmax_logs(logits)[right]


def info_nce(x):
    """Anchors are the student's rows, keys the teacher's; symmetric adds the same the other way round."""
    scores = scaled(products(*(unit_rows(side) for side in x.sides())), 1 / x["temperature"])
    result = mean(surprise(row, i) for i, row in enumerate(scores))
    if x.flag("symmetric"):
        result = result + mean(surprise(row, i) for i, row in enumerate(columns(scores)))
    return result


def nt_xent(x):
    rows, n = unit_rows(x.student + x.teacher), len(x.student)
    scores = scaled(gram(rows), 1 / x["temperature"])
    terms = []
    for i, row in enumerate(scores):
        right = (i + n) % (2 * n)
        terms.append(surprise(row[:i] + row[i + 1:], right - (right > i)))
    return mean(terms)


def supcon(x):
    """An anchor that is alone in its class counts as one of value 0."""
    scores, labels = scaled(gram(unit_rows(x.student)), 1 / x["temperature"]), x.labels
    terms = []
    for i, row in enumerate(scores):
        others = [j for j in range(len(row)) if j != i]
        alike = [k for k, j in enumerate(others) if labels[j] == labels[i]]
        if alike:
            logs = softmax_logs([row[j] for j in others])
            terms.append(-mean(logs[k] for k in alike))
    return total(terms) * (x["temperature"] / x["base_temperature"] / len(scores))


def similarity_ce(x):
    """Keys are the teacher's rows; they and its similarities are constants. relative: less the targets' entropy."""
    keys = unit_rows(fixed(x.teacher))
    own = scaled(products(unit_rows(x.student), keys), 1 / x["student_temperature"])
    targets = scaled(gram(keys), 1 / x["teacher_temperature"])

    def term(target, row):
        logs = softmax_logs(target)
        cross = -total(value_of(exp(q)) * p for q, p in zip(logs, softmax_logs(row)))
        return cross + total(value_of(exp(q) * q) for q in logs) if x.flag("relative") else cross

    return mean(term(target, row) for target, row in zip(targets, own))
