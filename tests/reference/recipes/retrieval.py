"""What tests/metric/retrieval.cpp and tests/embedding/embedding.cpp compare with: nDCG and recall from their definitions
by sorting Python lists, codes by numpy."""
import math

import numpy as np

from course import number

QUERIES, DOCUMENTS = 9, 23
ROWS, DIMENSIONS = 11, 13


def score(q, p):
    """Halves between -4 and 4: many ties."""
    return math.floor(8 * number((q + 3) * (p + 5) * (p + 7 * q + 1), 61)) / 2


def grade(q, p):
    """0 to 3, the last query without a relevant document."""
    return 0 if q == QUERIES - 1 else max(0, math.floor(4 * number((q + 2) * (p + 9) * (p + 5 * q + 4), 62)))


def dcg(grades, k, gain):
    return sum(gain(g) / math.log2(rank + 1) for rank, g in enumerate(grades[:k], start=1))


def ndcg(k, gain):
    values = []
    for q in range(QUERIES):
        grades = [grade(q, p) for p in range(DOCUMENTS)]
        if any(grades):
            order = sorted(range(DOCUMENTS), key=lambda p: (-score(q, p), p))
            values.append(dcg([grades[p] for p in order], k, gain) / dcg(sorted(grades, reverse=True), k, gain))
    return sum(values) / len(values)


def recall(k):
    values = []
    for q in range(QUERIES):
        relevant = {p for p in range(DOCUMENTS) if grade(q, p) > 0}
        if relevant:
            order = sorted(range(DOCUMENTS), key=lambda p: (-score(q, p), p))
            values.append(len(relevant & set(order[:k])) / len(relevant))
    return sum(values) / len(values)


def embeddings():
    x = np.array([number(i, 63) for i in range(ROWS * DIMENSIONS)]).reshape(ROWS, DIMENSIONS)
    x[:, 4] = 0.25  # a constant dimension
    x[2, 5], x[3, 6] = 0.0, -0.0
    return x


def runs():
    ks = (1, 2, 3, 5, 10, 22, 23, 40)
    x = embeddings()
    low, high = x.min(axis=0), x.max(axis=0)
    with np.errstate(invalid="ignore"):
        steps = 255 * ((x - low) / (high - low)) - 128
    codes = np.trunc(np.nan_to_num(steps)).astype(np.int8)
    bits = np.packbits(x > 0, axis=-1)
    signs = np.where(x > 0, 1, -1)
    return {
        "retrieval": {
            "linear": [ndcg(k, float) for k in ks],
            "exponential": [ndcg(k, lambda g: 2.0**g - 1) for k in ks],
            "recall": [recall(k) for k in ks],
        },
        "embedding": {
            "int8": codes.reshape(-1),
            "bits": bits.reshape(-1),
            "bits_signed": (bits.astype(np.int64) - 128).reshape(-1),
            "hamming": (signs @ signs.T).reshape(-1),
            "shortened": (x[:, :6] / np.linalg.norm(x[:, :6], axis=1, keepdims=True)).reshape(-1),
        },
    }
