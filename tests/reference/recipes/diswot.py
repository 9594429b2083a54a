"""DisWOT by its definition: explicit d x d outer products, gradients by autograd, students of PyTorch's layers, and a search
of its own. The library's random numbers (SplitMix64) are made here once more, so that both searches take the same way.
"""
import copy
import math

import torch
from torch.nn import functional as F

from course import DOUBLE, filled

WORD = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mixed(x):
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & WORD
    return x ^ (x >> 31)


class stream:
    """Numbers by their place; and one after the other, by below()."""

    def __init__(self, seed):
        self.start, self.place = mixed(mixed((seed + GOLDEN) & WORD)), 0

    def bits(self, place):
        return mixed((self.start + (place + 1) * GOLDEN) & WORD)

    def uniform(self, place):
        return (self.bits(place) >> 11) / 2.0**53

    def below(self, count):
        word = draw = self.bits(self.place)
        self.place += 1
        while word >= (1 << 64) - (1 << 64) % count:
            draw = (draw + GOLDEN) & WORD
            word = mixed(draw)
        return word % count

    def other(self, taken, count):
        return [x for x in range(count) if x != taken][self.below(count - 1)]


def relation(fs, ft):
    gs, gt = (F.normalize(f @ f.T) for f in (fs.flatten(1), ft.flatten(1)))
    return ((gs - gt) ** 2).sum().item() / len(fs) ** 2


def semantic(gs, gt, floor=1e-12):
    classes, width = gs.shape
    total = 0.0
    for s, t in zip(gs, gt):
        a, b = (F.normalize(torch.outer(g, g), dim=1, eps=floor) for g in (s, t))
        total += ((a - b) ** 2).sum().item()
    return total / (width * classes)


def weight_gradient(logits, h, labels):
    """Of the mean cross-entropy; a head that gives exactly these logits."""
    weight = torch.zeros(logits.shape[1], h.shape[1], dtype=DOUBLE, requires_grad=True)
    F.cross_entropy(h @ weight.T + logits, labels).backward()
    return weight.grad


def evolve(draw, mutate, score, feasible, dice, population, sample, cycles):
    """Every scored genome with its score, in order, and the best score after the first population and each cycle."""
    def accepted(make):
        while True:
            made = make()
            if feasible(made):
                return made, score(made)

    history = [accepted(lambda: draw(dice)) for _ in range(population)]
    best = [max(s for _, s in history)]
    for _ in range(cycles):
        alive = history[-population:]
        parent = max((alive[dice.below(population)] for _ in range(sample)), key=lambda one: one[1])
        history.append(accepted(lambda: mutate(parent[0], dice)))
        best.append(max(best[-1], history[-1][1]))
    return history, best


def digits_search(seed):
    """Six digits below 4 of sum at most 9."""
    def mutate(digits, dice):
        place = dice.below(6)
        return digits[:place] + [dice.other(digits[place], 4)] + digits[place + 1:]

    def score(digits):
        return sum((7 * digit + 5 * place) % 11 for place, digit in enumerate(digits)) - 3 * abs(digits[0] - digits[5])

    history, best = evolve(lambda dice: [dice.below(4) for _ in range(6)], mutate, score, lambda d: sum(d) <= 9,
                           stream(seed), 10, 4, 60)
    return [s for _, s in history], best


class space:
    """Of small students; as tests/search/diswot.cpp has it."""
    SAMPLE, OUTPUTS, FEATURE, DEPTH = (1, 9, 9), 4, 6, 2
    WIDTHS, CHANNELS = (3, 5, 8), (2, 3, 5)
    ACTIVATIONS = (F.relu, F.gelu, F.silu, torch.tanh)

    def draw(self, dice):
        family, activation = dice.below(2), dice.below(4)
        return {"family": family, "activation": activation, "levels": [dice.below(3) for _ in range(1 + dice.below(2))]}

    def mutate(self, genome, dice):
        made = copy.deepcopy(genome)
        levels = made["levels"]
        kinds = ["level", "activation", "family"]
        kinds += ["longer"] * (len(levels) < self.DEPTH) + ["shorter"] * (len(levels) > 1)
        kind = kinds[dice.below(len(kinds))]
        if kind == "level":
            at = dice.below(len(levels))
            levels[at] = dice.other(levels[at], 3)
        elif kind == "longer":
            at = dice.below(len(levels) + 1)
            levels.insert(at, dice.below(3))
        elif kind == "shorter":
            del levels[dice.below(len(levels))]
        else:
            made[kind] = dice.other(made[kind], {"activation": 4, "family": 2}[kind])
        return made

    def run(self, genome, seed, x):
        """The feature map, what the head sees, the logits, and the multiply-adds of a sample."""
        seeds = stream(seed)
        cost = 0

        def weights(place, shape, bound):
            random = stream(seeds.bits(place))
            values = [bound * (2 * random.uniform(i) - 1) for i in range(math.prod(shape))]
            return torch.tensor(values, dtype=DOUBLE).reshape(shape)

        dense, act = genome["family"] == 0, self.ACTIVATIONS[genome["activation"]]
        table, layers = self.WIDTHS if dense else self.CHANNELS, len(genome["levels"])
        x = x.flatten(1) if dense else x
        for layer, width in enumerate(table[level] for level in genome["levels"]):
            inputs = x.shape[1]
            if dense:
                x = act(x @ weights(layer, (inputs, width), math.sqrt(6 / inputs)))
                cost += inputs * width
            else:
                x = F.conv2d(x, weights(layer, (width, inputs, 3, 3), math.sqrt(6 / (inputs * 9))), padding=1)
                cost += inputs * 9 * x[0].numel()
                x = F.max_pool2d(act(F.batch_norm(x, None, None, training=True, eps=1e-5)), 2)
        flat, shape = x.flatten(1), (self.FEATURE, self.OUTPUTS)
        inputs = flat.shape[1]
        h = act(flat @ weights(layers, (inputs, self.FEATURE), math.sqrt(6 / inputs)))
        logits = h @ weights(layers + 1, shape, math.sqrt(6 / sum(shape)))
        return x, h, logits, cost + inputs * self.FEATURE + math.prod(shape)


def student_search(seed, relation_counts=True, semantic_counts=True):
    """The best scores, the genome found, all scores, and what sixteen students score and cost."""
    n, students = 12, space()
    x, labels = filled((n, *space.SAMPLE), 21), torch.tensor([i * i % 4 if i != 5 else -100 for i in range(n)])
    teacher_map, teacher_h, teacher_logits = filled((n, 20), 22), filled((n, space.FEATURE), 23), filled((n, 4), 24, 3)
    teacher_gradient = weight_gradient(teacher_logits, teacher_h, labels)

    def score(genome):
        total = 0.0
        for network in (7, 8):
            feature_map, h, logits, _ = students.run(genome, network, x)
            total -= relation_counts * relation(feature_map, teacher_map)
            total -= semantic_counts * semantic(weight_gradient(logits, h, labels), teacher_gradient)
        return total / 2

    history, best = evolve(students.draw, students.mutate, score, lambda g: students.run(g, 0, x)[3] <= 2500,
                           stream(seed), 8, 3, 30)
    chosen = max(history, key=lambda one: one[1])[0]
    some = [{"family": family, "activation": activation, "levels": levels}
            for family in (0, 1) for activation in range(4) for levels in ([1], [2, 0])]
    return (best, [chosen["family"], chosen["activation"], *chosen["levels"]], [one[1] for one in history],
            [score(genome) for genome in some], [students.run(genome, 0, x)[3] for genome in some])


def runs():
    lines = {}
    gs, gt = filled((4, 6), 31), filled((4, 6), 32)
    lines["semantic"] = [semantic(gs, gt), semantic(gs, gs + 1e-6 * gt), semantic(gs, -gs)]
    holes_s, holes_t = gs.clone(), gt.clone()
    holes_s[0, 1] = holes_s[0, 4] = holes_t[0, 4] = holes_t[2, 0] = 0
    holes_s[1], holes_t[1], holes_t[3] = 0, 0, 0
    lines["semantic_zeros"] = [semantic(holes_s, holes_t)]
    lines["semantic_small"] = [semantic(1e-6 * gs, 1e-7 * gt), semantic(1e-9 * gs, gt, 1e-30)]
    fs, ft = filled((7, 5), 33), filled((7, 9), 34)
    dead_s, dead_t = fs.clone(), ft.clone()
    dead_s[2], dead_s[4], dead_t[4], dead_t[5] = 0, 0, 0, 0
    lines["relation"] = [relation(fs, ft), relation(dead_s, dead_t), relation(fs[:1], ft[:1])]
    labels = torch.tensor([0, 3, -100, 1, 1, 2, -100])
    lines["head_gradient"] = weight_gradient(filled((7, 4), 35, 3), fs, labels).flatten().tolist()
    for seed in (1, 2):
        lines[f"digits_scores_{seed}"], lines[f"digits_best_{seed}"] = digits_search(seed)
    searches = {"1": student_search(1), "2": student_search(2), "relation": student_search(1, semantic_counts=False),
                "semantic": student_search(1, relation_counts=False)}
    for name, (best, genome, history, scores, costs) in searches.items():
        lines[f"search_best_{name}"], lines[f"search_genome_{name}"] = best, genome
        lines[f"search_scores_{name}"] = history
        lines[f"scores_{name}"], lines["costs"] = scores, costs
    return {"diswot": lines}
