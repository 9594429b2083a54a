"""Sinkhorn's iterations in scaling form, differentiated step by step by autograd."""
import torch

from course import course, follow
from hinton import truth


def transport(teacher, student, temperature=2.0, epsilon=0.1, iterations=20):
    p, q = torch.softmax(student / temperature, 1), torch.softmax(teacher / temperature, 1)
    cost = (p[:, None, :] - q[None, :, :]).abs().sum(2)
    plan = torch.exp(-cost / epsilon)
    for _ in range(iterations):
        plan = plan / plan.sum(1, keepdim=True)
        plan = plan / plan.sum(0, keepdim=True)
    return (plan * cost).sum()


def soft(teacher, student, temperature):
    return -(torch.softmax(teacher / temperature, 1) * torch.log_softmax(student / temperature, 1)).sum(1).mean()


def run(scale, beta, alpha):
    def loss(student, lesson):
        z = student(lesson.input)
        return ((1 - alpha) * truth(z, lesson) + alpha * soft(lesson.teacher, z, 2.0)
                + beta * scale * transport(lesson.teacher, z))
    return follow(loss, course())


def runs():
    return {"sinkd": run(0.001, 0.8, 0.8), "sinkd_mean": run(0.1, 2.0, 0.5)}  # 0.1: a mean over ten
