"""What is measured: objectives, shapes, inputs, and the values they must come to, in float64."""

import functools

import numpy as np

SHAPES = [(128, 10), (2048, 1000), (512, 32000), (128, 131072)]
LARGE = [(2048, 1000), (128, 131072)]  # also measured with the allocator as shipped
OBJECTIVES = {
    "kl_t4": "KL, T = 4",
    "kl_t1": "KL, T = 1",
    "js": "JS, fastest formula",
    "js_stack": "JS, as in GKD",
    "mix": "0.1 CE + 0.9 T² KL",
}
PAIR_SHAPES = [(128, 512), (1024, 512)]
PAIRS = {
    "sp": "similarity-preserving",
    "cka": "linear CKA",
    "rkd_distance": "RKD distances",
    "info_nce": "InfoNCE, τ = 0.1",
}
RANKINGS = {
    "pld": "PLD, label first",
    "uld": "ULD",
}
RANKING_SHAPES = {"pld": (1024, 1000), "uld": (16, 131072)}
TRANSPORTS = {
    "sinkhorn_value": "Sinkhorn: Σ P C",
    "sinkhorn_envelope": "Sinkhorn: entropic value, envelope gradient",
    "sinkhorn_unrolled": "Sinkhorn: Σ P C, unrolled gradient",
    "sinkhorn_implicit": "Sinkhorn: Σ P C, implicit gradient",
}
TRANSPORT_SHAPE = (1024, 1024)
EPSILON, ITERATIONS = 0.1, 50
TRAININGS = {
    "train_mlp": "MLP 784-256-128-10",
    "train_lenet": "CNN 16, 32",
    "train_deep": "CNN 32, 32, 64, 64",
}
TRAINING_SHAPE = (128, 784)
TITLES = OBJECTIVES | PAIRS | RANKINGS | TRANSPORTS | TRAININGS
PEERS = ["ours", "eager", "compile", "jax", "pot", "pot_torch", "best"]
TRANSPORT_PEERS = ["ours", "eager", "jax", "pot", "pot_torch"]
TOLERANCE = 1e-3  # relative, against float64; the gradient's in the Euclidean norm


def shapes_of(objective):
    if objective in RANKINGS:
        return [RANKING_SHAPES[objective]]
    if objective in TRANSPORTS:
        return [TRANSPORT_SHAPE]
    if objective in TRAININGS:
        return [TRAINING_SHAPE]
    return PAIR_SHAPES if objective in PAIRS else SHAPES


def student_of(objective):
    return objective.removeprefix("train_")


def peers_of(objective):
    """A loop of 50 iterations is not for torch.compile, which would unroll it; POT on PyTorch is what has a gradient.
    Training stands beside PyTorch's defaults and the best of it."""
    if objective in TRAININGS:
        return ["ours", "eager", "best"]
    if objective not in TRANSPORTS:
        return PEERS[:4]
    return [peer for peer in TRANSPORT_PEERS if peer != "pot" or has_no_loop_behind(objective)]


def has_no_loop_behind(objective):
    """Whether its gradient is none or the plan, so that no iteration has to be remembered."""
    return objective in ("sinkhorn_value", "sinkhorn_envelope")


@functools.cache
def inputs(rows, columns):
    """Student, teacher, labels: a student near its teacher, logits of standard deviation 2. For transport the student
    is the costs: squared distances between points in a cube, the largest possible one 1; the teacher is not used."""
    random = np.random.default_rng(columns)
    if (rows, columns) == TRANSPORT_SHAPE:
        source, target = random.random((rows, 16)), random.random((columns, 16))
        costs = np.stack([((point - target) ** 2).mean(1) for point in source]).astype(np.float32)
        return costs, np.zeros((1, 1), np.float32), np.zeros(1, np.int64)
    teacher = 2 * random.standard_normal((rows, columns), dtype=np.float32)
    student = teacher + np.float32(0.6) * random.standard_normal((rows, columns), dtype=np.float32)
    return student, teacher, random.integers(0, columns, rows)


def checked_rows(rows):
    """The rows whose gradients are compared. The value is compared over all of them."""
    return np.unique(np.linspace(0, rows - 1, 32).astype(int))


def log_softmax(z):
    z = z - z.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def kl(s, t, temperature):
    p, q = log_softmax(s / temperature), log_softmax(t / temperature)
    ep, eq = np.exp(p), np.exp(q)
    return temperature**2 * (eq * (q - p)).sum(), temperature * (ep - eq)


def jensen_shannon(s, t, beta=0.5):
    p, q = log_softmax(s), log_softmax(t)
    ep, eq = np.exp(p), np.exp(q)
    m = np.log(beta * eq + (1 - beta) * ep)
    slope = (1 - beta) * ep * (p - m)
    return beta * (eq * (q - m)).sum() + slope.sum(), slope - ep * slope.sum(-1, keepdims=True)


def cross_entropy(s, labels):
    p, label = log_softmax(s), (np.arange(len(s)), labels)
    gradient = np.exp(p)
    gradient[label] -= 1
    return -p[label].sum(), gradient


def row_block(s, t, labels):
    """Objective: sum of values, rows of gradients."""
    result = {"kl_t4": kl(s, t, 4.0), "kl_t1": kl(s, t, 1.0), "js": jensen_shannon(s, t)}
    pairs = zip(result["kl_t4"], cross_entropy(s, labels))
    return result | {"js_stack": result["js"], "mix": tuple(0.9 * a + 0.1 * b for a, b in pairs)}


def reference(rows, columns):
    """Objective: mean value over the rows, and the gradient of that mean in the checked rows."""
    student, teacher, labels = inputs(rows, columns)
    keep, step = checked_rows(rows), max(1, (1 << 18) // columns)
    values, gradients = dict.fromkeys(OBJECTIVES, 0.0), {name: [] for name in OBJECTIVES}
    for first in range(0, rows, step):
        block = slice(first, first + step)
        local = keep[(keep >= first) & (keep < first + step)] - first
        parts = row_block(student[block].astype(float), teacher[block].astype(float), labels[block])
        for name, (value, gradient) in parts.items():
            values[name] += value
            gradients[name].append(gradient[local])
    return {name: (values[name] / rows, np.concatenate(gradients[name]) / rows) for name in OBJECTIVES}


def similarity_preserving(s, t):
    def rows(x):
        gram = x @ x.T
        return gram, np.linalg.norm(gram, axis=1, keepdims=True)

    (g, length), (other, other_length) = rows(s), rows(t)
    unit = g / length
    gap = unit - other / other_length
    slope = 2 * gap / gap.size
    slope = (slope - unit * (slope * unit).sum(1, keepdims=True)) / length
    return (gap**2).mean(), (slope + slope.T) @ s


def cka(s, t):
    s, t = s - s.mean(0), t - t.mean(0)
    k, l = s @ s.T, t @ t.T
    a, b = np.linalg.norm(k), np.linalg.norm(l)
    alike = (k * l).sum() / (a * b)
    return 1 - alike, -2 * (l / (a * b) - alike * k / a**2) @ s


def rkd_distance(s, t):
    def distances(x):
        d = np.sqrt(np.stack([((row - x) ** 2).sum(-1) for row in x]))
        return d, d[d > 0].mean()

    (d, mean), (other, other_mean) = distances(s), distances(t)
    gap, pairs = d / mean - other / other_mean, (d > 0).sum()
    value = np.where(abs(gap) < 1, gap**2 / 2, abs(gap) - 0.5).mean()
    slope = np.clip(gap, -1, 1) / gap.size
    slope = np.where(d > 0, slope / mean - (slope * d).sum() / (mean**2 * pairs), 0)
    pull = np.divide(slope + slope.T, d, out=np.zeros_like(d), where=d > 0)
    return value, pull.sum(1, keepdims=True) * s - pull @ s


def info_nce(s, t, temperature=0.1):
    length = np.linalg.norm(s, axis=1, keepdims=True)
    a, k = s / length, t / np.linalg.norm(t, axis=1, keepdims=True)
    p = log_softmax(a @ k.T / temperature)
    to_a = (np.exp(p) - np.eye(len(s))) @ k / (temperature * len(s))
    return -np.diag(p).mean(), (to_a - a * (to_a * a).sum(1, keepdims=True)) / length


def pair_reference(rows, columns):
    """Objective: value, and its gradient in the checked rows."""
    s, t = (x.astype(float) for x in inputs(rows, columns)[:2])
    blocks = {"sp": similarity_preserving, "cka": cka, "rkd_distance": rkd_distance, "info_nce": info_nce}
    found = {name: f(s, t) for name, f in blocks.items()}
    return {name: (value, gradient[checked_rows(rows)]) for name, (value, gradient) in found.items()}


def pld(s, t, labels):
    """Mean over the rows and its gradient: from the last position of each row to the first."""
    value, gradient = 0.0, np.zeros_like(s)
    for i, label in enumerate(labels):
        order = np.argsort(-t[i], kind="stable")
        order = np.concatenate([[label], order[order != label]])
        weights, p = np.exp(log_softmax(t[i]))[order], np.exp(log_softmax(s[i]))[order]
        behind = np.cumsum(p[::-1])[::-1]
        value += (weights * (np.log(behind) - np.log(p))).sum()
        gradient[i, order] = p * np.cumsum(weights / behind) - weights
    return value / len(s), gradient / len(s)


def uld(s, t, labels):
    value, gradient = 0.0, np.zeros_like(s)
    for i in range(len(s)):
        p, q = np.exp(log_softmax(s[i])), np.exp(log_softmax(t[i]))
        order = np.argsort(-p, kind="stable")
        gap = p[order] - np.sort(q)[::-1]
        slope = np.zeros_like(p)
        slope[order] = p[order] * np.sign(gap)
        value += abs(gap).sum()
        gradient[i] = slope - p * slope.sum()
    return value / len(s), gradient / len(s)


def ranking_reference(rows, columns):
    s, t, labels = inputs(rows, columns)
    found = {name: globals()[name](s.astype(float), t.astype(float), labels)
             for name, shape in RANKING_SHAPES.items() if shape == (rows, columns)}
    return {name: (value, gradient[checked_rows(rows)]) for name, (value, gradient) in found.items()}


def softmin(scores, epsilon):
    """-ε log mean e^scores along the rows"""
    top = scores.max(1)
    return -epsilon * (np.log(np.exp(scores - top[:, None]).mean(1)) + top)


def transport_reference(rows, columns):
    """Σ P C and ⟨a, f⟩ + ⟨b, g⟩ after the iterations; the gradient of the former backwards through them. It is the
    implicit one's too: by then the marginals are met."""
    cost, e = inputs(rows, columns)[0].astype(float), EPSILON
    g, history = np.zeros(columns), []
    for _ in range(ITERATIONS):
        f = softmin((g - cost) / e, e)
        history.append((f, g))
        g = softmin((f - cost.T) / e, e)
    plan = np.exp((f[:, None] + g - cost) / e) / (rows * columns)
    slope, to_f, to_g = plan * (1 - cost / e), (plan * cost).sum(1) / e, (plan * cost).sum(0) / e
    for f, before in reversed(history):
        share = np.exp((f[:, None] + g - cost) / e) / rows  # of f_i in g_j: the columns sum to 1
        to_f, slope = to_f - share @ to_g, slope + share * to_g
        share = np.exp((f[:, None] + before - cost) / e) / columns
        to_g, slope, g = -share.T @ to_f, slope + share * to_f[:, None], before
        to_f = np.zeros(rows)
    keep, (f, before) = checked_rows(rows), history[-1]
    g = softmin((f - cost.T) / e, e)
    paid, dual = (plan * cost).sum(), f.mean() + g.mean()
    return {"sinkhorn_value": (paid, np.zeros((len(keep), 0))), "sinkhorn_envelope": (dual, plan[keep]),
            "sinkhorn_unrolled": (paid, slope[keep]), "sinkhorn_implicit": (paid, slope[keep])}


def reference_of(shape):
    if shape == TRANSPORT_SHAPE:
        return transport_reference
    if shape in RANKING_SHAPES.values():
        return ranking_reference
    if shape == TRAINING_SHAPE:
        import training  # PyTorch, which the workers of other peers do without

        return training.reference
    return pair_reference if shape in PAIR_SHAPES else reference


def write(folder, shapes=None):
    """Inputs and references, for the workers to load."""
    for shape in shapes or dict.fromkeys(shape for objective in TITLES for shape in shapes_of(objective)):
        arrays = dict(zip(("student", "teacher", "labels"), inputs(*shape)))
        for name, (value, gradient) in reference_of(shape)(*shape).items():
            arrays |= {f"{name} value": value, f"{name} gradient": gradient}
        np.savez(folder / f"{shape[0]}x{shape[1]}.npz", **arrays)
    inputs.cache_clear()
