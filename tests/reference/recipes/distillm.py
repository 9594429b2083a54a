"""DistiLLM: skewed divergences from their definition, and which sequences every step learns from."""
from collections import deque

import torch

from course import UNLABELLED, course, follow, number

MASK = (1 << 64) - 1


def divergence(student, teacher, skew, reverse):
    """One number a row."""
    p_s, p_t = torch.softmax(student, 1), torch.softmax(teacher, 1)
    p, q = (p_s, p_t) if reverse else (p_t, p_s)
    mixed = skew * p + (1 - skew) * q
    return (p * (p.log() - mixed.log())).sum(1)


def loss(skew=0.1, ratio=1.0, reverse=False, kept=lambda lesson: lesson.classes):
    def of(student, lesson):
        logits, labels = student(lesson.input), lesson.labels
        rows = kept(lesson) != UNLABELLED
        known = rows & (labels != UNLABELLED)
        total = ratio * divergence(logits, lesson.teacher, skew, reverse)[rows].mean()
        if ratio < 1:
            log_p = torch.log_softmax(logits, 1)
            total = total - (1 - ratio) * torch.stack([log_p[i, labels[i]] for i in torch.where(known)[0]]).mean()
        return total
    return of


class stream:
    """SplitMix64 by counter, as core/random.hpp describes it."""
    GOLDEN = 0x9E3779B97F4A7C15

    def __init__(self, seed, which=0):
        self.start = self.mix((self.mix((seed + self.GOLDEN) & MASK) + which * self.GOLDEN) & MASK)

    @staticmethod
    def mix(x):
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
        return x ^ (x >> 31)

    def bits(self, counter):
        return self.mix((self.start + (counter + 1) * self.GOLDEN) & MASK)

    def uniform(self, counter):
        return (self.bits(counter) >> 11) / 2**53

    def choose(self, items, count):
        """Without replacement: a shuffle that stops after `count`."""
        items = list(items)
        for i in range(count):
            j = i + self.bits(i) % (len(items) - i)
            items[i], items[j] = items[j], items[i]
        return items[:count]


def sources(share, steps=96, count=3, capacity=10, seed=17):
    """Sequences are numbered: those of the training set 1000 + step, written ones from 0 on."""
    lines = {"source": [], "threshold": [], "chosen": [], "kept": []}
    loss_of = lambda step: step / 64 + number(step, 5) / 4
    phi, reference, written, kept = 0.3, loss_of(0), 0, deque(maxlen=capacity)
    for step in range(steps):
        done = step / steps
        rho = {"decreasing": phi * (1 - done), "constant": 0.5 * phi, "increasing": phi * done}[share]
        r = stream(seed).uniform(step)
        if r < rho or (r < phi and len(kept) < capacity):
            chosen, source = list(range(written, written + count)), 1
            written += count
            kept.extend(chosen)
        elif r < phi:
            chosen, source = stream(seed, step + 1).choose(kept, count), 2
        else:
            chosen, source = [1000 + step] * count, 0
        if step % 4 == 3:
            now = loss_of(step)
            if now >= reference + 0.1:
                phi, reference = min(1.0, phi + 0.1), now
        lines["source"].append(source)
        lines["threshold"].append(phi)
        lines["chosen"] += chosen
        lines["kept"] += [len(kept), kept[0], kept[-1]] if kept else [0, -1, -1]
    return {f"{share}.{tag}": numbers for tag, numbers in lines.items()}


def runs():
    traces = {}
    for share in ("decreasing", "constant", "increasing"):
        traces |= sources(share)
    return {"distillm_skew_kl": follow(loss(), course()),
            "distillm_skew_reverse_kl": follow(loss(reverse=True), course()),
            "distillm_labels": follow(loss(skew=0.3, ratio=0.75, reverse=True), course()),
            "distillm_masked": follow(loss(kept=lambda lesson: lesson.labels), course()),
            "distillm_sources": traces}
