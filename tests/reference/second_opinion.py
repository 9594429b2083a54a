"""The same definitions in double precision, differentiated by PyTorch: what the 50 digits must agree with."""
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

NEGATIVE_INFINITY = float("-inf")


def kl_between(teacher_logits, student_logits):
    log_q = F.log_softmax(teacher_logits, -1)
    log_p = F.log_softmax(student_logits, -1)
    return torch.sum(torch.exp(log_q) * (log_q - log_p))


def kl_of_masses(a, b):
    return torch.sum(torch.xlogy(a, a) - torch.xlogy(a, b))


class row:
    """s and t are logits / T without their maxima, so that a distant row loses nothing."""

    def __init__(self, student, teacher, columns, last, label, T, parameters):
        self.columns, self.last_kept = columns, columns[-1] == last
        self.z_s, self.z_t, self.y, self.T, self.parameters = student, teacher, label, T, parameters
        self.s, self.t = self.at(T)
        self.log_p, self.log_q = F.log_softmax(self.s, -1), F.log_softmax(self.t, -1)
        self.p, self.q = F.softmax(self.s, -1), F.softmax(self.t, -1)

    def __getitem__(self, name):
        return float(self.parameters[name])

    def at(self, T):
        return (self.z_s - self.z_s.detach().max()) / T, (self.z_t - self.z_t.detach().max()) / T

    def off_label(self, T):
        keep = torch.arange(len(self.z_s)) != self.y
        return tuple((z[keep] - z[keep].detach().max()) / T for z in (self.z_s, self.z_t))


def kl(r):
    return F.kl_div(r.log_p, r.log_q, reduction="sum", log_target=True)


def reverse_kl(r):
    return F.kl_div(r.log_q, r.log_p, reduction="sum", log_target=True)


def jeffreys(r):
    return torch.sum((r.p - r.q) * (r.log_p - r.log_q))


def jensen_shannon(r):
    beta, form = r["beta"], r.parameters["form"]
    if beta in (0, 1):
        return kl(r) if beta == 0 else reverse_kl(r)
    m = torch.log(beta * r.q + (1 - beta) * r.p)
    of_teacher, of_student = torch.sum(r.q * (r.log_q - m)), torch.sum(r.p * (r.log_p - m))
    if form == "swapped":
        return torch.lerp(of_teacher, of_student, beta)
    literal = torch.lerp(of_student, of_teacher, beta)
    return literal / beta / (1 - beta) if form == "normalised" else literal


def skew_kl(r):
    return kl_of_masses(r.q, torch.lerp(r.p, r.q, r["lambda"]))


def skew_reverse_kl(r):
    return kl_of_masses(r.p, torch.lerp(r.q, r.p, r["lambda"]))


def total_variation(r):
    return torch.norm(r.p - r.q, p=1) / 2


def brier(r):
    return torch.sum(torch.square(r.p - r.q))


def squared_hellinger(r):
    return torch.sum(torch.square(torch.exp(r.log_p / 2) - torch.exp(r.log_q / 2))) / 2


def hellinger(r):
    squared = squared_hellinger(r)
    # Its derivative divides by the distance, which double knows to 1e-16.
    return torch.sqrt(squared) if squared > 1e-7 else None


def bhattacharyya(r):
    return -torch.logsumexp((r.log_p + r.log_q) / 2, -1)


def pearson_chi2(r):
    return torch.sum(torch.exp(2 * r.log_q - r.log_p)) - 1


def neyman_chi2(r):
    return torch.sum(torch.exp(2 * r.log_p - r.log_q)) - 1


def overlap(r, alpha):
    return torch.logsumexp(alpha * r.log_q + (1 - alpha) * r.log_p, -1)


def amari_alpha(r):
    alpha = r["alpha"]
    if alpha in (0, 1):
        return kl(r) if alpha == 1 else reverse_kl(r)
    return torch.expm1(overlap(r, alpha)) / (alpha * (alpha - 1))


def renyi(r):
    return kl(r) if r["alpha"] == 1 else overlap(r, r["alpha"]) / (r["alpha"] - 1)


def tsallis(r):
    return kl(r) if r["alpha"] == 1 else torch.expm1(overlap(r, r["alpha"])) / (r["alpha"] - 1)


def beta_divergence(r):
    b = r["beta"]
    if b == 0:
        return kl(r)
    return torch.sum(r.q ** (1 + b) / b - (1 + b) / b * r.q * r.p**b + r.p ** (1 + b)) / (1 + b)


def alpha_beta(r):
    a, b = r["alpha"], r["beta"]
    d = r.log_p - r.log_q
    if a == 0 and b == 0:
        return torch.sum(d * d) / 2
    if a == 0:
        return torch.sum(r.p**b * b * d - r.p**b + r.q**b) / b**2
    if b == 0:
        return torch.sum(-(r.q**a) * a * d - r.q**a + r.p**a) / a**2
    if a + b == 0:
        return torch.sum(a * d + torch.expm1(-a * d)) / a**2
    c = a + b
    return torch.sum(a / c * r.q**c + b / c * r.p**c - torch.exp(a * r.log_q + b * r.log_p)) / (a * b)


def adaptive_kl(r):
    order = torch.argsort(r.z_t.detach(), descending=True, stable=True)
    gap = torch.abs(r.p - r.q).detach()[order]
    head = torch.cumsum(r.q.detach()[order], -1) <= r["head_mass"]
    head[0] = True
    w = gap[head].sum() / gap.sum() if gap.sum() > 0 else torch.tensor(0.5)
    return w * kl(r) + (1 - w) * reverse_kl(r)


def soft_cross_entropy(r):
    return F.cross_entropy(r.s, r.q)


def entropy(r):
    return torch.special.entr(r.p).sum()


def f_divergence(r):
    middle = (r.p + r.q) / 2
    return (torch.sum(r.q * r.q / middle) + torch.sum(r.p * r.p / middle)) / 4 - torch.sum(r.p * r.q / middle) / 2


def lpld(r):
    if not r.last_kept or len(r.t) == 1:
        return None
    log_q = F.log_softmax(r.t[:-1], -1)
    return torch.sum(torch.exp(log_q) * (log_q - r.log_p[:-1]))


def logit_mse(r):
    return F.mse_loss(r.z_s / r.T, r.z_t / r.T)


def absolute_error(r):
    return F.l1_loss(r.z_s / r.T, r.z_t / r.T)


def smooth_l1(r):
    return F.smooth_l1_loss(r.z_s / r.T, r.z_t / r.T, beta=r["beta"])


def logit_cosine(r):
    return 1 - F.cosine_similarity(r.z_s, r.z_t, -1)


def log_cosh(r):
    x = (r.z_s - r.z_t) / (2 * r.T)
    return torch.sum(F.softplus(-2 * x, threshold=1e9) + x - torch.log(torch.tensor(2.0)))


def binary_kl(r):
    s, t = r.z_s / r.T, r.z_t / r.T
    target = torch.sigmoid(t)
    own = F.logsigmoid
    return torch.sum(target * (own(t) - own(s)) + torch.sigmoid(-t) * (own(-t) - own(-s)))


def dac_kl(r):
    rank = torch.quantile(r.z_t.detach(), torch.tensor([r["lower"], r["upper"]]), interpolation="linear")
    keep = (r.z_t.detach() >= rank[0]) & (r.z_t.detach() <= rank[1])
    keep[r.y] = True
    if not bool(torch.all(torch.isfinite(r.z_t))):
        return None
    return kl_between(r.t[keep], r.s[keep])


def cross_entropy(r):
    return F.cross_entropy(r.s, torch.tensor(r.y), label_smoothing=r["label_smoothing"])


def z_loss(r):
    return torch.square(torch.logsumexp(r.z_s / r.T, -1))


def focal(r):
    if len(r.s) == 1:
        return None
    here = r.log_p[r.y]
    rest = torch.logsumexp(r.s[torch.arange(len(r.s)) != r.y], -1) - torch.logsumexp(r.s, -1)
    return -torch.exp(r["gamma"] * rest) * here


def dkd(r):
    if len(r.s) == 1:
        return None
    y = torch.arange(len(r.s)) == r.y
    two = [torch.stack([z[r.y], torch.logsumexp(z[~y], -1)]) for z in (r.s, r.t)]
    target = kl_between(two[1], two[0])
    off_s, off_t = r.off_label(r.T)
    return r["alpha"] * target + r["beta"] * kl_between(off_t, off_s)


def nkd(r):
    if len(r.s) == 1:
        return None
    s, t = r.at(1)
    off_s, off_t = r.off_label(r.T)
    others = F.cross_entropy(off_s, F.softmax(off_t, -1))
    return F.softmax(t, -1)[r.y] * F.cross_entropy(s, torch.tensor(r.y)) + r["gamma"] * r.T**2 * others


def multi_level_kl(r):
    return sum(T**2 * kl_between(*reversed(r.at(T))) for T in (2, 3, 4, 5, 6))


def ofa(r):
    here = F.one_hot(torch.tensor(r.y), len(r.s)).to(torch.float64)
    if r.parameters["form"] == "code":
        w = torch.pow(r.q + here, r["gamma"]) - here
    else:
        w = torch.where(here > 0, torch.pow(1 + r.q, r["gamma"]), r.q)
    return -torch.sum(w * r.log_p)


def taid(r):
    s, t = (z for z in (r.z_s.detach(), r.z_t))
    mix = torch.lerp(s, t, torch.tensor(r["t"]))
    return F.cross_entropy(r.s, F.softmax((mix - mix.detach().max()) / r.T, -1))


def bd_kd(r):
    gap = torch.special.entr(r.p).sum() - torch.special.entr(r.q).sum()
    equal = bool(torch.equal(r.s, r.t))
    forward, backward = (1, r["delta"]) if gap > 0 and not equal else (r["delta"], 1)
    return forward * kl(r) + backward * reverse_kl(r)


def wsl(r):
    s, t = r.at(1)
    y = torch.tensor(r.y)
    with torch.no_grad():
        hard_s, hard_t = F.cross_entropy(s, y), F.cross_entropy(t, y)
        w = -torch.expm1(-hard_s / hard_t) if hard_t > 0 else torch.tensor(1.0)
    return w * soft_cross_entropy(r)


def stored(r):
    """ids, a mask of the other classes"""
    ids = torch.argsort(r.z_t.detach(), descending=True, stable=True)[:int(r["k"])]
    outside = torch.ones(len(r.s), dtype=torch.bool)
    outside[ids] = False
    return ids, outside


def top_k_kl(r):
    convention, (ids, outside) = r.parameters["convention"], stored(r)
    log_q, log_p = r.log_q.detach()[ids], r.log_p[ids]
    q = torch.exp(log_q)
    renormalised = log_q - torch.logsumexp(log_q, -1)
    if convention == "raw_mass":
        return torch.sum(q * (log_q - log_p))
    if convention == "teacher_renormalised":
        return torch.sum(torch.exp(renormalised) * (renormalised - log_p))
    if convention == "both_renormalised":
        return torch.sum(torch.exp(renormalised) * (renormalised - F.log_softmax(r.s[ids], -1)))
    result = torch.sum(q * (log_q - log_p))
    if outside.any():
        rest_q = torch.logsumexp(r.log_q.detach()[outside], -1)
        result = result + torch.exp(rest_q) * (rest_q - torch.logsumexp(r.log_p[outside], -1))
    return result


def top_k_reverse_kl(r):
    _, outside = stored(r)
    return torch.sum(r.p * (r.log_p - torch.where(outside, torch.tensor(r["log_floor"]), r.log_q.detach())))


def class_mass(r):
    if r.parameters["classes"] == "all":
        return torch.sum(r.p)
    return torch.sum(r.p[torch.tensor([c % 2 == 0 for c in r.columns])])


def ps_kd(r):
    target = torch.lerp(F.one_hot(torch.tensor(r.y), len(r.s)).to(torch.float64), r.q, r["alpha"])
    return F.cross_entropy(r.s, target)


def uld(r):
    orders = [torch.argsort(z.detach(), descending=True, stable=True) for z in (r.z_s, r.z_t)]
    return torch.sum(torch.abs(r.p[orders[0]] - r.q[orders[1]]))


def pld(r):
    z, t = r.z_s - r.z_s.detach().max(), r.z_t.detach()
    order = torch.argsort(t, descending=True, stable=True)
    if r["label_first"]:
        order = torch.cat([torch.tensor([r.y]), order[order != r.y]])
    count = len(order)
    if r.parameters["weights"] == "teacher_mass":
        weights = r.q[order]
    elif r.parameters["weights"] == "uniform":
        weights = torch.full((count,), 1 / count)
    else:
        weights = torch.exp2(-torch.arange(1.0, count + 1)) - 2.0**-count
        weights = weights / weights.sum()
    s = z[order]
    losses = torch.flip(torch.logcumsumexp(torch.flip(s, [0]), 0), [0]) - s
    return (weights * losses)[:int(r["head"]) or None].sum()


def wasserstein_1d(r):
    gaps = torch.cumsum(r.p - r.q, 0)[:-1]
    return torch.sum(gaps.abs() if r["power"] == 1 else gaps.square())


def margin_mse(r):
    margins = [(z[r.y] - z)[torch.arange(len(z)) != r.y] for z in (r.z_s, r.z_t)]
    if not len(margins[0]) or not bool(torch.all(torch.isfinite(torch.stack(margins)))):
        return None
    return F.mse_loss(*margins, reduction=r.parameters["pairs"]) / r.T**2


def ranked_pairs(r):
    """s_i - s_j of what is to be before something; None without a pair."""
    there = torch.isfinite(r.z_s) & torch.isfinite(r.z_t)
    if r.parameters["pairs"] == "label_first":
        before = torch.zeros(len(there), len(there), dtype=torch.bool)
        before[r.y] = torch.arange(len(there)) != r.y
    else:
        before = r.z_t.detach()[:, None] > r.z_t.detach()
    i, j = torch.nonzero(before & there[:, None] & there, as_tuple=True)
    return (r.z_s[i] - r.z_s[j]) / r.T if len(i) else None


def hinge_rank(r):
    gaps = ranked_pairs(r)
    return None if gaps is None else F.relu(r["margin"] - gaps).mean()


def logistic_rank(r):
    gaps = ranked_pairs(r)
    return None if gaps is None else F.softplus(-gaps, threshold=1e9).mean()


UNTEMPERED = {"logit_cosine", "nkd", "multi_level_kl", "ofa", "class_mass", "ps_kd", "pld", "margin_mse", "hinge_rank",
              "logistic_rank"}


def ask(name, r, temperature, parameters):
    """(value, slopes to the student, slopes to the teacher) as lists over the row's columns; None if double cannot say:
    a masked class or a saturated one makes autograd NaN or infinite."""
    kept = [c for c in range(len(r.student)) if max(r.student[c], r.teacher[c]) > NEGATIVE_INFINITY]
    if r.label not in kept:
        return None
    student, teacher = (torch.tensor([z[c] for c in kept], requires_grad=True) for z in (r.student, r.teacher))
    T = float(temperature)
    value = globals()[name](row(student, teacher, kept, len(r.student) - 1, kept.index(r.label), T, parameters))
    if value is None or not bool(torch.isfinite(value)):
        return None
    if name not in UNTEMPERED:
        value = value * T**2
    if not value.requires_grad:
        return None
    value.backward()
    slopes = []
    for z in (student, teacher):
        one = [0.0] * len(r.student)
        if z.grad is not None:
            if not bool(torch.all(torch.isfinite(z.grad))):
                return None
            for c, g in zip(kept, z.grad.tolist()):
                one[c] = g
        slopes.append(one)
    return value.item(), slopes[0], slopes[1]
