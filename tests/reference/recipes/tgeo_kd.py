"""TGeo-KD from its definition: the step that is tried stays in autograd's graph (create_graph), so that the validation
loss is differentiated through it."""
import torch
import torch.nn.functional as F

from course import CLASSES, DOUBLE, INPUTS, UNLABELLED, course, filled, follow, mlp

IN_VALIDATION = 7


def onehot(classes):
    return F.one_hot(classes, CLASSES).to(DOUBLE)


def class_means(c):
    p = torch.softmax(c.teacher, 1)
    return torch.stack([p[c.classes == y].mean(0) for y in range(CLASSES)])


def corners(student, lesson, means):
    return (torch.softmax(student, 1), torch.softmax(lesson.teacher, 1), onehot(lesson.classes), means[lesson.classes])


def vertices_and_squares(student, lesson, means):
    s, t, g, m = corners(student, lesson, means)
    return torch.cat([s, t, g, m, (m - s)**2, (g - s)**2, (t - s)**2, (t - g)**2, (m - g)**2], 1)


def sides_and_angles(student, lesson, means):
    s, t, g, m = corners(student, lesson, means)

    def cosine(at, a, b):
        return torch.linalg.vecdot(a - at, b - at) / ((a - at).norm(dim=1) * (b - at).norm(dim=1))

    return torch.stack([(m - s).norm(dim=1), (g - s).norm(dim=1), (t - s).norm(dim=1), (t - g).norm(dim=1),
                        (m - g).norm(dim=1), cosine(s, t, g), cosine(t, s, g), cosine(g, s, t), cosine(s, m, g),
                        cosine(m, s, g), cosine(g, s, m)], 1)


class ratio_network(mlp):
    def __init__(self, inputs):
        super().__init__((inputs, 32, 16, 1), first_seed=31)
        with torch.no_grad():
            for p in self.in_order():
                p *= 0.25

    def forward(self, x):
        for w, b in list(zip(self.weights, self.biases))[:-1]:
            x = F.leaky_relu(x @ w + b, 0.01)
        return torch.sigmoid(torch.clamp(x @ self.weights[-1] + self.biases[-1], -30, 30)).squeeze(1)


def student_at(theta, x):
    for w, b in zip(theta[:-2:2], theta[1:-2:2]):
        x = torch.relu(x @ w + b)
    return x @ theta[-2] + theta[-1]


def blend(logits, lesson, alpha, tau):
    log_s, log_t = torch.log_softmax(logits / tau, 1), torch.log_softmax(lesson.teacher / tau, 1)
    kl = (log_t.exp() * (log_t - log_s)).sum(1)
    return (alpha * tau**2 * kl + (1 - alpha) * F.cross_entropy(logits, lesson.classes, reduction="none")).mean()


def run(features, tau, eta, rate, weight_decay):
    c = course()
    means = class_means(c)
    x = filled((IN_VALIDATION, INPUTS), 21)
    y = torch.tensor([UNLABELLED if i == 4 else (i * i + 1) % CLASSES for i in range(IN_VALIDATION)])
    ratio = ratio_network(features(c.student(c.at(0).input), c.at(0), means).shape[1])
    optimiser = torch.optim.Adam(ratio.in_order(), lr=rate, weight_decay=weight_decay)
    now = {}

    def loss(student, lesson):
        seen = features(student(lesson.input).detach(), lesson, means)
        theta = [p.detach().requires_grad_() for p in student.in_order()]
        tried = blend(student_at(theta, lesson.input), lesson, ratio(seen), tau)
        slopes = torch.autograd.grad(tried, theta, create_graph=True)
        ahead = [p - eta * g for p, g in zip(theta, slopes)]
        outer = F.cross_entropy(student_at(ahead, x), y, ignore_index=UNLABELLED)
        found = torch.autograd.grad(outer, ratio.in_order())
        for p, g in zip(ratio.in_order(), found):
            p.grad = g
        optimiser.step()
        with torch.no_grad():
            alpha = ratio(seen)
        now.update(alpha=alpha.tolist(), outer=[outer.item()], head_slope=found[-2].flatten().tolist())
        return blend(student(lesson.input), lesson, alpha, tau)

    lines = follow(loss, c, after=lambda lesson: now)
    lines["ratio_last"] = torch.cat([p.detach().flatten() for p in ratio.in_order()]).tolist()
    return lines


def fixed(alpha, tau):
    return follow(lambda student, lesson: blend(student(lesson.input), lesson, alpha, tau), course())


def runs():
    return {"tgeo_kd": run(vertices_and_squares, tau=4, eta=0.05, rate=0.1, weight_decay=0.05),
            "tgeo_kd_sides": run(sides_and_angles, tau=2, eta=0.2, rate=0.01, weight_decay=0),
            "tgeo_kd_fixed": fixed(0.75, tau=4)}
