"""Distillation with softened probabilities, from its definition."""
import torch
from torch.nn.functional import cross_entropy

from course import UNLABELLED, course, follow


def divergence(teacher, student, temperature):
    """T^2 KL(p_t || p_s), a mean over the rows."""
    p = torch.softmax(teacher / temperature, 1)
    gap = torch.log_softmax(teacher / temperature, 1) - torch.log_softmax(student / temperature, 1)
    return temperature ** 2 * (p * gap).sum(1).mean()


def truth(logits, lesson):
    """Cross-entropy with the labels that are known."""
    return cross_entropy(logits, lesson.labels, ignore_index=UNLABELLED)


def loss(student, lesson):
    logits = student(lesson.input)
    return 0.1 * truth(logits, lesson) + 0.9 * divergence(lesson.teacher, logits, 4)


def runs():
    return {"hinton": follow(loss, course())}
