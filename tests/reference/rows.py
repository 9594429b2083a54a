"""The rows on which every objective is compared: ordinary ones, nearly equal ones, one-hot, masked and tied ones."""
import struct

MASKED = float("-inf")


class generator:
    """x <- 6364136223846793005 x + 1442695040888963407 mod 2^64; the top 53 bits are the number."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 11) / 2**53

    def normal(self):
        return sum(self.uniform() for _ in range(12)) - 6  # near enough, and the same bits everywhere


def to_float(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


class row:
    """few: a long row, of which some gradient columns and fewer temperatures are written."""

    def __init__(self, name, student, teacher, label=0, kind="both", columns=None, few=False):
        narrow = to_float if kind == "both" else float
        self.name, self.kind, self.label, self.few = name, kind, label, few
        self.student = [narrow(x) for x in student]
        self.teacher = [narrow(x) for x in teacher]
        self.columns = columns

    def listed(self):
        return self.columns or range(len(self.student))


def all_rows():
    g = generator(20240229)

    def normals(count, sigma=1.0):
        return [sigma * g.normal() for _ in range(count)]

    def near(base, sigma):
        return [x + sigma * g.normal() for x in base]

    rows = [row("one_class", [1.5], [-2.25])]
    for count in (2, 3, 10):
        rows.append(row(f"random_{count}", normals(count, 2), normals(count, 2), count // 2))
    for name, sigma in (("0.3", 0.3), ("1e-3", 1e-3), ("1e-5", 1e-5)):
        base = [to_float(x) for x in normals(10, 2)]
        rows.append(row(f"near_{name}", near(base, sigma), base, 3))
    base = normals(10, 2)
    rows.append(row("near_1e-7", near(base, 1e-7), base, 3, "double"))
    base = normals(2, 1)
    rows.append(row("near_1e-7_of_2", near(base, 1e-7), base, 1, "double"))

    base = normals(10, 2)
    rows.append(row("equal", base, base, 7))
    shifted = [round(x * 2**12) / 2**12 for x in normals(10, 2)]
    rows.append(row("equal_but_for_a_shift", [x + 32 for x in shifted], shifted, 7))
    rows.append(row("far_apart", [round(x * 2**9) / 2**9 + 10000 for x in normals(10, 2)],
                    [round(x * 2**9) / 2**9 for x in normals(10, 2)], 2))
    rows.append(row("ties_everywhere", [0.5] * 5, [-3.0] * 5, 4))
    rows.append(row("two_levels", [float(k % 2) for k in range(6)], [float(k % 3 == 0) for k in range(6)], 1))

    rows.append(row("wide", [120 * g.uniform() - 60 for _ in range(10)], [120 * g.uniform() - 60 for _ in range(10)], 5))
    rows.append(row("opposed", [60.0, -60.0], [-60.0, 60.0], 1))
    rows.append(row("teacher_one_hot", normals(5), [0, 0, 80, 0, 0], 2))
    rows.append(row("student_one_hot", [0, 200, 0, 0, 0], normals(5), 2))
    rows.append(row("teacher_mask_but_one", normals(4), [MASKED, MASKED, 1.0, MASKED], 2))

    s, t = normals(6), normals(6)
    t[1] = t[4] = MASKED
    rows.append(row("masked_teacher", s, t, 1))
    s, t = normals(6), normals(6)
    s[0] = s[3] = MASKED
    rows.append(row("masked_student", s, t, 2))
    s, t = normals(6), normals(6)
    s[2] = t[2] = s[5] = t[5] = MASKED
    rows.append(row("masked_both", s, t, 3))
    s, t = normals(7), normals(7)
    s[0] = t[0] = s[1] = t[5] = MASKED
    rows.append(row("masked_here_and_there", s, t, 2))

    base = normals(100, 2)
    rows.append(row("random_100", normals(100, 2), base, 50, columns=list(range(0, 100, 9)), few=True))
    base = [to_float(x) for x in normals(1000, 1)]
    rows.append(row("near_1000", near(base, 1e-3), base, 625, columns=list(range(0, 1000, 83)) + [625, 999], few=True))
    rows.append(row("random_1000", normals(1000, 2), normals(1000, 2), 625, columns=list(range(0, 1000, 83)) + [625, 999],
                    few=True))

    # A sure and right student beside a teacher that is less so: everything off the label is a tail.
    rows.append(row("sure_and_right", [x + 150 * (k == 1) for k, x in enumerate(normals(6))],
                    [x + 25 * (k == 1) for k, x in enumerate(normals(6))], 1))
    s, t = normals(6), normals(6)
    s[4] = t[4] = MASKED
    s[2], t[2] = 0.75, MASKED  # a class of the student's alone, away from the label
    rows.append(row("masked_off_the_label", s, t, 0))
    return rows


def lines(rows):
    for r in rows:
        yield f"row {r.name} {len(r.student)} {r.kind} {r.label}"
        yield "student " + " ".join(x.hex() for x in r.student)
        yield "teacher " + " ".join(x.hex() for x in r.teacher)
        if r.columns:
            yield "columns " + " ".join(map(str, r.columns))
