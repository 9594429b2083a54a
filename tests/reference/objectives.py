"""Every objective straight from its definition, one function each: plain sums of p log p, no stable form of anything.

p = softmax(z_s / T) is the student, q = softmax(z_t / T) the teacher, y the label. A class masked on both sides is
deleted before anything is looked at; one masked on a single side has mass 0 there. `tempered` multiplies by T².
"""
import functools

from mpmath import ceil, floor, mpf

from rows import MASKED
from tape import differentiate, exp, log, log_softmax, magnitude, node, sqrt, total, value_of


class infinite(Exception):
    """The value is not finite: tested by hand elsewhere."""


class undefined(Exception):
    """The definition says nothing, or float arithmetic cannot take a decision that the definition asks for."""


class problem:
    """One row at one temperature, its logits as leaves of a tape; `shift` moves logits by hand for differences."""

    def __init__(self, r, temperature, parameters, shift=None, remembered=None):
        self.columns = [c for c in range(len(r.student)) if max(r.student[c], r.teacher[c]) > MASKED]
        self.last_kept = self.columns[-1] == len(r.student) - 1
        self.T = mpf(float(temperature))
        self.parameters = parameters
        # The library is given the nearest double of 0.1 and 0.9: so is the reference.
        self.numbers = {name: mpf(float(word)) for name, word in parameters.items() if _is_number(word)}
        self.label = self.columns.index(r.label) if r.label in self.columns else None
        self.narrow = r.kind == "both"
        self.bits = {"student": [r.student[c] for c in self.columns], "teacher": [r.teacher[c] for c in self.columns]}
        self.logits = {side: [None if z == MASKED else node(mpf(z), raw=True) for z in bits]
                       for side, bits in self.bits.items()}
        for side, k, by in shift or ():
            self.logits[side][k].value += by
        self.held_values, self.remembered = [], remembered

    def __getitem__(self, name):
        return self.numbers[name]

    def word(self, name):
        return self.parameters[name]

    def classes(self):
        return range(len(self.columns))

    def others(self):
        if self.label is None:
            raise infinite
        return [c for c in self.classes() if c != self.label]

    def softmax(self, side, temperature=None, among=None):
        """A distribution: (mass, log mass) of each class `among` them; mass 0 without a logarithm where masked."""
        logits = [self.logits[side][c] for c in (self.classes() if among is None else among)]
        return self.softmax_of(logits, self.T if temperature is None else temperature)

    @staticmethod
    def softmax_of(logits, temperature):
        if all(z is None for z in logits):
            raise undefined
        logs, _ = log_softmax(logits, temperature)
        return [(mpf(0), None) if x is None else (exp(x), x) for x in logs]

    def student(self, *at, **among):
        return self.softmax("student", *at, **among)

    def teacher(self, *at, **among):
        return self.softmax("teacher", *at, **among)

    def both(self, *at, **among):
        return self.student(*at, **among), self.teacher(*at, **among)

    def masses(self):
        return [(p, q) for (p, _), (q, _) in zip(*self.both())]

    def differences(self):
        """z_s - z_t of every class."""
        pairs = list(zip(self.logits["student"], self.logits["teacher"]))
        if any(s is None or t is None for s, t in pairs):
            raise infinite
        return [s - t for s, t in pairs]

    def held(self, x):
        """A constant for the gradient. Difference quotients keep it where it was at the point itself."""
        self.held_values.append(value_of(x))
        return self.held_values[-1] if self.remembered is None else self.remembered[len(self.held_values) - 1]

    def decide(self, a, b, margin):
        """a compared with b decides something: refuse a case in which rounding could turn it. Equal rows are equal."""
        a, b = value_of(a), value_of(b)
        if 0 < abs(a - b) <= (margin if self.narrow else margin * mpf(2)**-29) * (abs(a) + abs(b)):
            raise undefined

    def rows_equal(self):
        tops = {side: max(z for z in bits) for side, bits in self.bits.items()}
        return all(s - tops["student"] == t - tops["teacher"] for s, t in zip(self.bits["student"], self.bits["teacher"]))


def _is_number(word):
    try:
        float(word)
    except ValueError:
        return False
    return True


def tempered(function):
    @functools.wraps(function)
    def with_factor(x):
        return function(x) * x.T**2

    return with_factor


# ---------------------------------------------------------------------------------------------- pieces


def surprise(mass, log_mass):
    """-log of a mass that something else weighs."""
    if log_mass is None or value_of(mass) == 0:
        raise infinite
    return -log_mass


def cross(a, b):
    """-Σ a log b"""
    return total(x * surprise(*y) for (x, _), y in zip(a, b) if value_of(x) != 0)


def uncertainty(a):
    """-Σ a log a"""
    return cross(a, a)


def divergence(a, b):
    """KL(a‖b) = Σ a (log a - log b)"""
    return total(x * (log_x + surprise(*y)) for (x, log_x), y in zip(a, b) if value_of(x) != 0)


def mixture(weight, a, b):
    """weight a + (1 - weight) b"""
    masses = [weight * x + (1 - weight) * y for (x, _), (y, _) in zip(a, b)]
    return [(m, log(m) if value_of(m) != 0 else None) for m in masses]


def power(x, exponent):
    if value_of(x) != 0:
        return x**exponent
    if exponent < 0:
        raise infinite
    return mpf(exponent == 0)


def merged(items):
    """(mass, log mass) of several classes together."""
    mass = total(m for m, _ in items)
    return mass, log(mass) if value_of(mass) != 0 else None


# ---------------------------------------------------------------------------------------------- divergences


@tempered
def kl(x):
    p, q = x.both()
    return divergence(q, p)


@tempered
def reverse_kl(x):
    p, q = x.both()
    return divergence(p, q)


@tempered
def jeffreys(x):
    p, q = x.both()
    return divergence(q, p) + divergence(p, q)


@tempered
def jensen_shannon(x):
    p, q = x.both()
    beta, form = x["beta"], x.word("form")
    if beta == 0:
        return divergence(q, p)
    if beta == 1:
        return divergence(p, q)
    m = mixture(beta, q, p)
    if form == "swapped":
        return (1 - beta) * divergence(q, m) + beta * divergence(p, m)
    literal = beta * divergence(q, m) + (1 - beta) * divergence(p, m)
    return literal / (beta * (1 - beta)) if form == "normalised" else literal


@tempered
def skew_kl(x):
    p, q = x.both()
    return divergence(q, mixture(x["lambda"], q, p))


@tempered
def skew_reverse_kl(x):
    """KL(p‖(1-λ) q + λ p): at λ = 0 the reverse KL."""
    p, q = x.both()
    return divergence(p, mixture(x["lambda"], p, q))


@tempered
def total_variation(x):
    masses = x.masses()
    for p, q in masses:
        x.decide(p, q, mpf("3e-7"))
    return total(magnitude(p - q) for p, q in masses) / 2


@tempered
def brier(x):
    return total((p - q) * (p - q) for p, q in x.masses())


def _hellinger(x):
    return total((sqrt(p) - sqrt(q))**2 if value_of(p) != value_of(q) else mpf(0) for p, q in x.masses()) / 2


@tempered
def squared_hellinger(x):
    return _hellinger(x)


@tempered
def hellinger(x):
    return sqrt(_hellinger(x))


@tempered
def bhattacharyya(x):
    overlap = total(sqrt(p * q) for p, q in x.masses() if value_of(p) != 0 and value_of(q) != 0)
    if value_of(overlap) == 0:
        raise infinite
    return -log(overlap)


@tempered
def pearson_chi2(x):
    return total((p - q) * (p - q) * power(p, -1) for p, q in x.masses())


@tempered
def neyman_chi2(x):
    return total((p - q) * (p - q) * power(q, -1) for p, q in x.masses())


def _overlap(x, alpha):
    """Σ q^α p^(1-α)"""
    return total(power(q, alpha) * power(p, 1 - alpha) for p, q in x.masses())


@tempered
def amari_alpha(x):
    p, q = x.both()
    alpha = x["alpha"]
    if alpha == 1:
        return divergence(q, p)
    if alpha == 0:
        return divergence(p, q)
    return (_overlap(x, alpha) - 1) / (alpha * (alpha - 1))


@tempered
def renyi(x):
    p, q = x.both()
    alpha = x["alpha"]
    if alpha == 1:
        return divergence(q, p)
    overlap = _overlap(x, alpha)
    if value_of(overlap) == 0:
        raise infinite
    return log(overlap) / (alpha - 1)


@tempered
def tsallis(x):
    p, q = x.both()
    alpha = x["alpha"]
    return divergence(q, p) if alpha == 1 else (_overlap(x, alpha) - 1) / (alpha - 1)


@tempered
def beta_divergence(x):
    p, q = x.both()
    beta = x["beta"]
    if beta == 0:
        return divergence(q, p)
    return total(power(b, 1 + beta) / (beta * (1 + beta)) + power(a, 1 + beta) / (1 + beta) - b * power(a, beta) / beta
                 for a, b in x.masses())


@tempered
def alpha_beta(x):
    """α is the teacher's exponent, β the student's: (1, 0) is KL(q‖p), (0, 1) is KL(p‖q)."""
    (p, q), alpha, beta = x.both(), x["alpha"], x["beta"]

    def ratio(k):
        """log p - log q"""
        return surprise(*q[k]) - surprise(*p[k])

    def term(k):
        a, b = p[k][0], q[k][0]
        if alpha == 0 and beta == 0:
            return ratio(k)**2 / 2 if value_of(ratio(k)) != 0 else mpf(0)
        if alpha == 0:
            logarithm = power(a, beta) * (ratio(k) if value_of(a) != 0 else mpf(0))
            return (logarithm * beta - power(a, beta) + power(b, beta)) / beta**2
        if beta == 0:
            logarithm = power(b, alpha) * (ratio(k) if value_of(b) != 0 else mpf(0))
            return (-logarithm * alpha - power(b, alpha) + power(a, alpha)) / alpha**2
        if alpha + beta == 0:
            return (ratio(k) * alpha + exp(-alpha * ratio(k)) - 1) / alpha**2
        both = alpha + beta
        return (power(b, alpha) * power(a, beta) - power(b, both) * (alpha / both) - power(a, both) * (beta / both)) * (
            -1 / (alpha * beta))

    return total(term(k) for k in x.classes())


@tempered
def adaptive_kl(x):
    """w KL + (1-w) RKL: w, without gradient, is the share of Σ |p - q| that lies in the teacher's head."""
    p, q = x.both()
    ranked = sorted(x.classes(), key=lambda k: (-x.bits["teacher"][k], k))
    head, mass = {ranked[0]}, mpf(0)
    for k in ranked:
        mass += value_of(q[k][0])
        x.decide(mass, x["head_mass"], mpf("1e-5"))
        if mass <= x["head_mass"]:
            head.add(k)
    gaps = [abs(value_of(p[k][0]) - value_of(q[k][0])) for k in x.classes()]
    all_gaps = sum(gaps)
    if 0 < all_gaps < mpf("1e-2") and not 0.5 < value_of(divergence(q, p)) / value_of(divergence(p, q)) < 2:
        raise undefined  # almost all mass on one class: its own gap is a difference of numbers next to 1
    w = x.held(sum(g for k, g in enumerate(gaps) if k in head) / all_gaps if all_gaps else mpf("0.5"))
    return w * divergence(q, p) + (1 - w) * divergence(p, q)


@tempered
def f_divergence(x):
    """The generator (r-1)²/(2 (r+1)) of r = q/p: Σ (p-q)²/(2 (p+q))."""
    return total((p - q) * (p - q) / (2 * (p + q)) for p, q in x.masses())


@tempered
def lpld(x):
    """KL from the teacher's softmax without the last column."""
    last = len(x.bits["student"]) - 1 if x.last_kept else None
    front, p = [c for c in x.classes() if c != last], x.student()
    return divergence(x.teacher(among=front), [p[c] for c in front])


@tempered
def entropy(x):
    return uncertainty(x.student())


@tempered
def soft_cross_entropy(x):
    p, q = x.both()
    return cross(q, p)


def multi_level_kl(x):
    """Has its own temperatures."""
    return total(divergence(x.teacher(mpf(T)), x.student(mpf(T))) * T**2 for T in (4, 3, 5, 2, 6))


# ---------------------------------------------------------------------------------------------- logits


@tempered
def logit_mse(x):
    d = x.differences()
    return total((z / x.T)**2 for z in d if value_of(z) != 0) / len(d)


@tempered
def absolute_error(x):
    d = x.differences()
    return total(magnitude(z / x.T) for z in d) / mpf(len(d))


@tempered
def smooth_l1(x):
    beta = x["beta"]

    def term(u):
        return u * u / (2 * beta) if abs(value_of(u)) < beta else magnitude(u) - beta / 2

    d = x.differences()
    return total(term(z / x.T) for z in d) / mpf(len(d))


def logit_cosine(x):
    """The raw logits: no temperature."""
    x.differences()
    s, t = x.logits["student"], x.logits["teacher"]
    lengths = [sqrt(total(z * z for z in logits)) for logits in (s, t)]
    if any(value_of(length) == 0 for length in lengths):
        raise undefined
    return 1 - total(a * b for a, b in zip(s, t)) / (lengths[0] * lengths[1])


@tempered
def log_cosh(x):
    return total(log((exp(d) + exp(-d)) / 2) for d in (z / (2 * x.T) for z in x.differences()))


@tempered
def binary_kl(x):
    def pair(z):
        """Bernoulli(σ(z)) with logarithms; a masked logit is a sure no."""
        if z is None:
            return [(mpf(0), None), (mpf(1), mpf(0))]
        return [(1 / (1 + exp(-z / x.T)), -log(1 + exp(-z / x.T))), (1 / (1 + exp(z / x.T)), -log(1 + exp(z / x.T)))]

    return total(divergence(pair(t), pair(s)) for s, t in zip(x.logits["student"], x.logits["teacher"]))


# ---------------------------------------------------------------------------------------------- labels


@tempered
def cross_entropy(x):
    p, epsilon = x.student(), x["label_smoothing"]
    kept = [one for one in p if one[1] is not None]
    result = mpf(0)
    if epsilon < 1:
        if x.label is None:
            raise infinite
        result = result + (1 - epsilon) * surprise(*p[x.label])
    if epsilon > 0:
        result = result + total(surprise(*one) for one in kept) * (epsilon / len(kept))
    return result


@tempered
def z_loss(x):
    _, normaliser = log_softmax(x.logits["student"], x.T)
    return normaliser**2


@tempered
def focal(x):
    others = x.others()
    p = x.student()
    rest = total(p[c][0] for c in others)
    if value_of(rest) == 0:
        return mpf(0) * surprise(*p[x.label])
    return power(rest, x["gamma"]) * surprise(*p[x.label])


@tempered
def dkd(x):
    """α KL of (the label, the rest) + β KL among the rest."""
    others = x.others()
    p, q = x.both()
    (p_two, q_two) = ([side[x.label], merged([side[c] for c in others])] for side in (p, q))
    result = x["alpha"] * divergence(q_two, p_two)
    if not others:
        return result
    return result + x["beta"] * divergence(x.teacher(among=others), x.student(among=others))


def nkd(x):
    """The label's term is at temperature 1, the others' is tempered."""
    others = x.others()
    p, q = x.both(1)
    sure = q[x.label][0]
    result = sure * surprise(*p[x.label]) if value_of(sure) != 0 else mpf(0)
    if others:
        result = result + (x["gamma"] * x.T**2) * cross(x.teacher(among=others), x.student(among=others))
    return result


def ofa(x):
    """-Σ w log p, as published without T². paper: w = (1 + q_y)^γ at the label, q elsewhere; code: (q + [y])^γ - [y] everywhere."""
    p, q = x.both()
    if x.label is None:
        raise infinite
    gamma = x["gamma"]

    def weight(c):
        mass = q[c][0]
        if c == x.label:
            return (1 + mass)**gamma - (1 if x.word("form") == "code" else 0) if value_of(mass) != 0 else mpf(
                x.word("form") == "paper")
        return power(mass, gamma) if x.word("form") == "code" else mass

    weights = [weight(c) for c in x.classes()]
    return total(w * surprise(*p[c]) for c, w in enumerate(weights) if value_of(w) != 0)


@tempered
def dac_kl(x):
    """KL of the softmaxes over the classes whose teacher logit lies between two quantiles of them, and the label's."""
    if x.label is None:
        raise infinite
    ranked = sorted(x.bits["teacher"])
    lower, upper = x["lower"] * (len(ranked) - 1), x["upper"] * (len(ranked) - 1)
    low, high = ranked[int(ceil(lower))], ranked[int(floor(upper))]
    chosen = [c for c, z in enumerate(x.bits["teacher"]) if low <= z <= high or c == x.label]
    return divergence(x.teacher(among=chosen), x.student(among=chosen))


# ---------------------------------------------------------------------------------------------- schedules and weights


@tempered
def taid(x):
    """-Σ softmax((1-t) z_s + t z_t) log p, z_s a constant in the softmax of the mix, which has the temperature too."""
    t, mix = x["t"], []
    for s, z in zip(x.logits["student"], x.logits["teacher"]):
        if (s is None and t < 1) or (z is None and t > 0):
            mix.append(None)
        else:
            mix.append(((1 - t) * x.held(s) if t < 1 else 0) + (z * t if t > 0 else 0))
    return cross(x.softmax_of(mix, x.T), x.student())


@tempered
def bd_kd(x):
    """The surer network's KL weighs δ: forward if the student's entropy is not above the teacher's. No gradient there."""
    p, q = x.both()
    student_entropy, teacher_entropy = value_of(uncertainty(p)), value_of(uncertainty(q))
    if not x.rows_equal() and abs(student_entropy - teacher_entropy) < (mpf("1e-5") if x.narrow else mpf("1e-13")):
        raise undefined
    if x.held(mpf(student_entropy > teacher_entropy)):
        return divergence(q, p) + x["delta"] * divergence(p, q)
    return x["delta"] * divergence(q, p) + divergence(p, q)


@tempered
def wsl(x):
    """(1 - e^{-CE_s/CE_t}) soft cross-entropy; the hard cross-entropies are at temperature 1, the weight a constant."""
    if x.label is None:
        raise infinite
    p, q = x.both(1)
    student = value_of(surprise(*p[x.label]))
    if q[x.label][1] is None:
        w = mpf(0)
    else:
        teacher = value_of(surprise(*q[x.label]))
        w = 1 - exp(-student / teacher) if teacher else mpf(1)
    soft = cross(x.teacher(), x.student())
    return x.held(w) * soft


# ---------------------------------------------------------------------------------------------- sparse and sorted


def _stored(x):
    """The k classes, the others, and the teacher's whole distribution as constants."""
    k = int(x["k"])
    if k > sum(z is not None for z in x.logits["teacher"]):
        raise undefined
    chosen = sorted(x.classes(), key=lambda c: (-x.bits["teacher"][c], c))[:k]
    q = [(x.held(mass), None if logarithm is None else x.held(logarithm)) for mass, logarithm in x.teacher()]
    return chosen, [c for c in x.classes() if c not in chosen], q


@tempered
def top_k_kl(x):
    """The teacher is k log-probabilities of its whole softmax: constants."""
    chosen, rest, q = _stored(x)
    p = x.student()
    p_kept, q_kept = [p[c] for c in chosen], [q[c] for c in chosen]
    if x.word("convention") == "raw_mass":
        return divergence(q_kept, p_kept)
    if x.word("convention") == "ghost_bucket":
        if 0 < sum(q[c][0] for c in rest) < mpf("1e-6"):
            raise undefined  # 1 minus the stored masses, which are rounded
        return divergence(q_kept + [merged([q[c] for c in rest])], p_kept + [merged([p[c] for c in rest])])
    mass = sum(one for one, _ in q_kept)
    q_kept = [(one / mass, logarithm - log(mass)) for one, logarithm in q_kept]
    return divergence(q_kept, p_kept if x.word("convention") == "teacher_renormalised" else x.student(among=chosen))


@tempered
def top_k_reverse_kl(x):
    """Every class that is not stored has the teacher's log-probability log_floor."""
    chosen, rest, q = _stored(x)
    p = x.student()
    return (divergence([p[c] for c in chosen], [q[c] for c in chosen]) - uncertainty([p[c] for c in rest]) -
            x["log_floor"] * total(p[c][0] for c in rest))


def class_mass(x):
    """The student's mass on all classes or on the columns of even index."""
    chosen = [k for k, c in enumerate(x.columns) if x.word("classes") == "all" or c % 2 == 0]
    if all(x.logits["student"][k] is None for k in chosen):
        raise undefined
    p = x.student()
    return total(p[k][0] for k in chosen)


def ps_kd(x):
    """(1-α) hard labels + α the past prediction, which is the teacher's row."""
    if x.label is None:
        raise infinite
    p, q = x.both()
    result = mpf(0)
    if x["alpha"] < 1:
        result = result + (1 - x["alpha"]) * surprise(*p[x.label])
    if x["alpha"] > 0:
        result = result + x["alpha"] * cross(q, p)
    return result


@tempered
def uld(x):
    """Σ |p - q| of the two rows sorted each for itself; masked classes are the padding with zeros."""
    sides = []
    for side, row in zip(("student", "teacher"), x.both()):
        ranked = sorted(x.classes(), key=lambda c: (-x.bits[side][c], c))
        sides.append([row[c][0] for c in ranked])
    for p, q in zip(*sides):
        x.decide(p, q, mpf("2e-6"))
    return total(magnitude(p - q) for p, q in zip(*sides))


# ---------------------------------------------------------------------------------------------- rankings


def _list_weights(x, order):
    """How much each position counts."""
    count = len(order)
    if x.word("weights") == "teacher_mass":
        q = x.teacher()
        return [q[c][0] for c in order]
    if x.word("weights") == "uniform":
        return [mpf(1) / count] * count
    gains = [mpf(2)**(count - k) - 1 for k in range(1, count + 1)]
    return [gain / (sum(gains) or 1) for gain in gains]


def pld(x):
    """Σ_k α_k (LSE(s_π_k, ..., s_π_C) - s_π_k); the temperature is the weights'."""
    label = x.label if x["label_first"] else None
    if x["label_first"] and label is None:
        raise infinite
    order = sorted(x.classes(), key=lambda c: (c != label, -x.bits["teacher"][c], c))
    weights = _list_weights(x, order)
    if x["head"]:
        weights = weights[:int(x["head"])]
    terms, behind = [], mpf(0)  # the exponentials of what has not been drawn
    for k in reversed(range(len(order))):
        s = x.logits["student"][order[k]]
        if s is not None:
            behind = behind + exp(s)
        if k < len(weights) and value_of(weights[k]) != 0:
            if s is None:
                raise infinite
            terms.append(weights[k] * (log(behind) - s))
    return total(terms)


@tempered
def wasserstein_1d(x):
    """Σ |F_s - F_t|^power over all classes but the last, F the cumulative masses."""
    masses = x.masses()
    gap, rises, falls, terms = mpf(0), mpf(0), mpf(0), []
    for p, q in masses[:-1]:
        gap = gap + (p - q)
        rises += max(value_of(p) - value_of(q), mpf(0))
        falls += max(value_of(q) - value_of(p), mpf(0))
        if x["power"] == 1:
            x.decide(rises, falls, mpf("3e-7"))
        terms.append(magnitude(gap) if x["power"] == 1 else gap * gap)
    return total(terms)


def _scores(x, side):
    """z/T"""
    return [None if z is None else z / x.T for z in x.logits[side]]


def margin_mse(x):
    """e = (u_s,+ - u_s,k) - (u_t,+ - u_t,k), + the label: the mean or the sum of e² over the others."""
    s, t = _scores(x, "student"), _scores(x, "teacher")
    there = [c for c in x.classes() if s[c] is not None and t[c] is not None]
    if x.label not in there or len(there) == 1:
        return mpf(0)
    errors = [(s[x.label] - s[c]) - (t[x.label] - t[c]) for c in there if c != x.label]
    squares = total(e * e for e in errors)
    return squares if x.word("pairs") == "sum" else squares / len(errors)


def _mean_over_pairs(x, losses):
    """Of the losses of u_i - u_j, i what is to be before j: as the teacher says, or the label before every other class.
    losses(u_i, [u_j]) is their sum and their slopes to every u_j: a node for every i, not one for every pair."""
    s = _scores(x, "student")
    there = [c for c in x.classes() if s[c] is not None and x.logits["teacher"][c] is not None]
    if x.word("pairs") == "label_first":
        behind = {x.label: [c for c in there if c != x.label]} if x.label in there else {}
    else:
        t = x.bits["teacher"]
        behind = {i: [j for j in there if t[i] > t[j]] for i in there}
    count, sums = sum(map(len, behind.values())), []
    if not count:
        return mpf(0)
    for i, others in behind.items():
        loss, slopes = losses(value_of(s[i]), [value_of(s[j]) for j in others])
        sums.append(node(loss, ((s[i], -sum(slopes, mpf(0))), *((s[j], slope) for j, slope in zip(others, slopes)))))
    return total(sums) / count


def hinge_rank(x):
    """max(0, m - (u_i - u_j)), with slope 0 at the kink."""
    m = x["margin"]

    def losses(before, behind):
        for other in behind:
            x.decide(before, other + m, mpf("3e-7"))
        gaps = [m - (before - other) for other in behind]
        return sum((gap for gap in gaps if gap > 0), mpf(0)), [mpf(gap > 0) for gap in gaps]

    return _mean_over_pairs(x, losses)


def logistic_rank(x):
    """log(1 + e^{-(u_i - u_j)}): together the logarithm of Π (e^{u_i} + e^{u_j}) less as many u_i."""
    def losses(before, behind):
        own, masses, product = exp(before), [exp(other) for other in behind], mpf(1)
        for mass in masses:
            product *= own + mass
        return log(product) - len(behind) * before, [mass / (own + mass) for mass in masses]

    return _mean_over_pairs(x, losses)


def solve(function, r, temperature, parameters, **options):
    """Value, {side: (slopes, sizes)} by column of the row, Σ |terms| of the value, the constants held."""
    x = problem(r, temperature, parameters, **options)
    result = function(x)
    if not isinstance(result, node):
        result = node(mpf(result))
    differentiate(result)
    gradients = {}
    for side, logits in x.logits.items():
        slopes, sizes = [mpf(0)] * len(r.student), [mpf(0)] * len(r.student)
        for c, z in zip(x.columns, logits):
            if z is not None:
                slopes[c], sizes[c] = z.slope, z.size
        gradients[side] = (slopes, sizes)
    return result.value, gradients, result.terms, x.held_values
