"""Tables and pictures from the newest results: docs/peers.md, docs/peers-*.svg."""

import json
import pathlib
import statistics

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

import cases

HERE = pathlib.Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs"
NAMES = {"ours": "distill", "eager": "PyTorch eager", "compile": "torch.compile", "jax": "JAX jit"}
ALL_NAMES = NAMES | {"pot": "POT, NumPy", "pot_torch": "POT, PyTorch", "best": "PyTorch, its best"}
TRAINING_TARGETS = {"train_mlp": 1.5, "train_lenet": 2.5, "train_deep": 1.3}  # × PyTorch as it comes
COLOURS = {"ours": "#0072b2", "eager": "#d55e00", "compile": "#e69f00", "jax": "#009e73"}
TARGETS = {"kl_t4": (6, 4), "kl_t1": (6, 4), "js": (10, 6), "js_stack": (10, 6)}  # × eager, × the better compiled
RANKING_TARGETS = {"pld": 6, "uld": 3}  # × eager
SMALL_CALL = 6e-6  # seconds, 128 x 10


class Results:
    def __init__(self, path):
        self.record = json.loads(path.read_text())
        self.rows = {
            (r["threads"], r["memory"], r["objective"], tuple(r["shape"]), r["peer"]): r for r in self.record["results"]
        }

    def has(self, *case):
        return (*case, "ours") in self.rows

    def titles(self, among):
        """Those that were measured."""
        measured = {objective for _, _, objective, *_ in self.rows}
        return {objective: title for objective, title in among.items() if objective in measured}

    def seconds(self, *key):
        return statistics.median(self.rows[key]["seconds"])

    def ratios(self, *case, peer):
        """How many times as long the peer takes: one ratio a round."""
        pairs = zip(self.rows[*case, peer]["seconds"], self.rows[*case, "ours"]["seconds"])
        return [theirs / ours for theirs, ours in pairs]

    def better_compiled(self, *case):
        return min(("compile", "jax"), key=lambda peer: self.seconds(*case, peer))


def shape_name(shape):
    return f"{shape[0]} × {shape[1]}"


def spread(samples):
    low, middle, high = statistics.quantiles(samples, n=4)
    return f"{middle:.1f} ({low:.1f}–{high:.1f})"


def each(seconds, shape):
    """Microseconds or milliseconds a call where that says more, otherwise nanoseconds an element."""
    if shape in [*cases.PAIR_SHAPES, cases.TRANSPORT_SHAPE, *cases.RANKING_SHAPES.values()]:
        return f"{1e3 * seconds:.2f} ms"
    if shape[0] * shape[1] < 10000:
        return f"{1e6 * seconds:.1f} µs"
    return f"{1e9 * seconds / (shape[0] * shape[1]):.2f} ns/el"


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def comparison(results, threads, memory):
    rows = []
    for objective, title in results.titles(cases.OBJECTIVES | cases.PAIRS | cases.RANKINGS).items():
        for shape in cases.shapes_of(objective):
            case = (threads, memory, objective, shape)
            if not results.has(*case):
                continue
            times = [each(results.seconds(*case, peer), shape) for peer in NAMES]
            ratio = {peer: results.ratios(*case, peer=peer) for peer in NAMES}
            verdict = ""
            if objective in TARGETS:
                medians = [statistics.median(ratio[p]) for p in ("eager", results.better_compiled(*case))]
                verdict = ", ".join("met" if m >= t else "**missed**" for m, t in zip(medians, TARGETS[objective]))
            if objective in RANKING_TARGETS:
                verdict = "met" if statistics.median(ratio["eager"]) >= RANKING_TARGETS[objective] else "**missed**"
            rows.append([title, shape_name(shape), *times, *(spread(ratio[p]) for p in NAMES if p != "ours"), verdict])
    header = ["objective", "shape", *NAMES.values(), "eager ÷ distill", "compile ÷ distill", "JAX ÷ distill", "targets"]
    return table(header, rows)


def transport(results, threads, memory):
    """Times, and how many times as long as ours in brackets."""
    rows = []
    for objective, title in results.titles(cases.TRANSPORTS).items():
        case = (threads, memory, objective, cases.TRANSPORT_SHAPE)
        if not results.has(*case):
            continue
        row = [title]
        for peer in cases.TRANSPORT_PEERS:
            text = "–"
            if peer in cases.peers_of(objective):
                text = f"{1e3 * results.seconds(*case, peer):.1f} ms"
                if peer != "ours":
                    text += f" ({statistics.median(results.ratios(*case, peer=peer)):.1f} ×)"
            row.append(text)
        rows.append(row)
    if not rows:
        return ""
    size = shape_name(cases.TRANSPORT_SHAPE)
    text = f"\nSinkhorn, costs {size}, {cases.ITERATIONS} iterations, ε = {cases.EPSILON}:\n\n"
    return text + table(["", *(ALL_NAMES[peer] for peer in cases.TRANSPORT_PEERS)], rows)


def training(results):
    """Images a second of a step, and how many times those of the peers."""
    rows = []
    for objective, title in results.titles(cases.TRAININGS).items():
        for threads in (1, 2):
            case = (threads, "kept", objective, cases.TRAINING_SHAPE)
            if not results.has(*case):
                continue
            speeds = [cases.TRAINING_SHAPE[0] / results.seconds(*case, peer) for peer in cases.peers_of(objective)]
            ratios = [results.ratios(*case, peer=peer) for peer in ("eager", "best")]
            target = TRAINING_TARGETS[objective]
            verdict = f"{target} " + ("met" if statistics.median(ratios[0]) >= target else "**missed**")
            way = results.rows[*case, "best"]["way"]
            cells = [f"{speed:,.0f}".replace(",", " ") for speed in speeds]
            rows.append([title, str(threads), *cells, f"`{way}`", *map(spread, ratios), verdict])
    if not rows:
        return ""
    header = ["network", "threads", "distill", "PyTorch", "its best", "which is", "distill ÷ PyTorch", "distill ÷ its best"]
    return TRAINING.format(table=table([*header, "target"], rows), own=own_run(results.record))


def own_run(record):
    """What is to be said of results that were renewed on their own."""
    run = record.get("training")
    return f" Measured on their own on {run['date']}, in {run['wall_seconds']} s. {disturbed(run)}" if run else ""


def renewed(record):
    """The newest results with the training steps of `record` in the place of theirs."""
    older = sorted((HERE / "results").glob("*.json"))
    if not older:
        return record
    base = json.loads(older[-1].read_text())
    kept = [r for r in base["results"] if r["objective"] not in cases.TRAININGS]
    formulas = {peer: base["formulas"].get(peer, {}) | record["formulas"].get(peer, {})
                for peer in dict.fromkeys([*base["formulas"], *record["formulas"]])}
    run = {k: record[k] for k in ("date", "command", "wall_seconds", "other_processes_cores")}
    return base | {"results": kept + record["results"], "formulas": formulas, "training": run,
                   "environment": base["environment"] | record["environment"]}


def errors(results):
    rows = []
    for objective, title in results.titles(cases.TITLES).items():
        worst = []
        for peer in ALL_NAMES:
            found = [r for r in results.rows.values() if r["objective"] == objective and r["peer"] == peer]
            if not found:
                worst.append("–")
                continue
            worst.append(" / ".join(f"{max(r[k] for r in found):.0e}" for k in ("value_error", "gradient_error")))
        rows.append([title, *worst])
    return table(["objective", *ALL_NAMES.values()], rows)


def first_calls(results):
    def text(seconds):
        return f"{1000 * seconds:.2g} ms" if seconds < 0.1 else f"{seconds:.1f} s"

    rows = []
    for peer, name in NAMES.items():
        found = [r for (t, m, *_), r in results.rows.items() if r["peer"] == peer and (t, m) == (1, "kept")]
        found = [r for r in found if r["objective"] not in cases.TRAININGS]
        small = [r["first_call"] for r in found if tuple(r["shape"]) == cases.SHAPES[0]]
        chosen = sorted({f"`{r['way']}`" for r in found})
        rows.append([name, text(statistics.median(small)), text(max(small)), "; ".join(chosen)])
    return table(["", "first call, median", "the longest", "calls that were the fastest"], rows)


def formulas(results):
    text, record = "", results.record
    for objective, title in results.titles(cases.TITLES).items():
        text += f"\n**{title}**\n\ndistill: `{record['formulas']['ours'][objective]}`\n"
        eager = "PyTorch" if objective in cases.TRANSPORTS | cases.TRAININGS else "PyTorch, eager and compiled"
        for peer, name in (("eager", eager), ("jax", "JAX"), ("pot_torch", "POT")):
            if peer not in cases.peers_of(objective):
                continue
            text += f"\n{name}:\n\n```python\n{record['formulas'][peer][objective].strip()}\n```\n"
    return text


def small_call(results):
    def found(key):
        row = results.rows[1, "kept", "kl_t4", cases.SHAPES[0], "ours"]
        return statistics.median(row[key])

    def verdict(key):
        return f"{1e6 * found(key):.1f} µs, {'met' if found(key) <= SMALL_CALL else '**missed**'}"

    return (
        f"`kl` at 128 × 10 is to take at most {1e6 * SMALL_CALL:.0f} µs a call: in a C++ loop {verdict('without_ctypes')}; "
        f"through ctypes, as in the tables, {verdict('seconds')}."
    )


def disturbed(record):
    """A line for each table: what else ran."""
    shares = record["other_processes_cores"]
    text = "; ".join(f"{case.replace(', ', ' thread(s), ')} memory: {cores:.2f}" for case, cores in shares.items())
    warning = "**Provisional.** " if max(shares.values()) > 0.1 else ""
    return f"{warning}Cores that other processes kept busy meanwhile: {text}."


def cores(results):
    """Cores each peer kept busy at the largest shape, of two."""
    shape, found = cases.SHAPES[-1], []
    for peer, name in NAMES.items():
        rows = [r for (t, *_, s, p), r in results.rows.items() if (t, s, p) == (2, shape, peer)]
        if rows:
            found.append(f"{name} {statistics.median(c for r in rows for c in r['cores']):.1f}")
    return ", ".join(found)


PAGE = """# Beside PyTorch and JAX

`./dev peers` wrote this page from `bench/peers/results/{date}.json`. Value and student gradient of the mean over the rows,
float32, contiguous logits of both networks given (so every peer's time holds both softmaxes), the same inputs for all, at multiples
of 64 bytes.

Machine: {cpu} (family/model {cpu_family_model}), {cores} cores, {compiler}; Python {python}, {versions}.
The run took {wall} s; no GPU was used. {disturbed}

How it is measured:

- A process for each peer and thread count, pinned to as many cores as it has threads. In each of {rounds} rounds each peer takes
  one sample (15 ms of calls, or one call), warm. Rounds in which a peer was kept off its cores by other processes are repeated,
  up to twice as many; those where the peers had most of their cores are kept. Times are medians; ratios are medians of the
  rounds' own ratios, with the quartiles in brackets.
- Compilation is not in the times. Each call ends when the result is there (`block_until_ready`).
- PyTorch's gradient is autograd's. For torch.compile both the compiled loss under autograd and the compiled
  `torch.func.grad_and_value` are tried at every shape, and the faster is kept (JS: only the latter, the former was always slower).
  XLA may use 512-bit vectors.
- **Kept memory**: the peers return new arrays, and glibc hands large ones back to the system after each call, so that every
  call pays for page faults. In the main tables the allocator is told to hold on to freed memory and to ask for huge pages, for
  all alike: the peers at their best. **Shipped** is glibc as it comes, which is what a script gets unless it does something.
- distill writes into the caller's buffer and allocates nothing. It is called from Python as well, through ctypes.
- Before timing, value (all rows) and gradient (32 rows) are compared with float64.

Ratios are times of the peer over times of distill; above 1, distill is faster. The targets: KL 6 × eager and 4 × the better
compiled peer; JS 10 × and 6 ×; in this order in the last column.

{small}

JS is the generalised Jensen–Shannon divergence with β = 0.5, at T = 1. "Fastest formula" is the fastest that was found for the
peers; "as in GKD" is how it is usually written. Both are the same to distill. T = 4 in the last row objective's KL.

{others}
![time per element against row length](peers-time.svg)

![ratios](peers-ratio.svg)
{tables}{training}
## Errors

The largest over shapes and threads, relative: value / gradient (Euclidean norm). The inputs' KL is far from 0, where all peers are
well; near 0 see [numerics.md](numerics.md).

{errors}
## First calls

At 128 × 10, one thread: tracing, compiling and one call, with a cold cache, while the process for two threads did the same.

{first_calls}
## Formulas

The text is taken from the code that ran. The fastest formula for JS keeps the mixture away from 0 and so stays finite for every
finite logit; `logsumexp` of a stack is that of GKD trainers such as TRL's.
{formulas}"""


TRAINING = """
## Training

Images a second of whole steps: forward, cross-entropy, backward and Adam, batch 128, float32, in turn like the rest, with kept memory.
All start from the same weights; the losses of the first five steps agree with float64 to 1e-3 before anything is timed. PyTorch runs as
it comes (`torch.optim.Adam`, contiguous images); its best is the fastest of that, Adam with `fused=True`, and the same with
`channels_last`. The targets are ratios to PyTorch as it comes.{own}

{table}"""
RELATIONS = """Relations between samples and InfoNCE are of the features of both networks, gradient to the student's. All peers
spend most of that time in matrix products; distill computes half of a symmetric one.
"""
RANKED = """
PLD sorts, gathers and sums exponentials from behind; ULD sorts the probabilities of both networks. The targets are {pld} × and {uld} ×
eager. The peers' sorts need not be stable: nothing is tied.

Sinkhorn is in the log domain, value and gradient to the costs, which are given; {iterations} iterations exactly, as many for all. POT is
`ot.bregman.sinkhorn_log` with `stopThr=0`, which looks at the marginals five times meanwhile; its gradient is PyTorch's, back through the
loop. At these costs the marginals are met by then, so that the implicit gradient is compared with the peers' unrolled one.
"""


def others(results):
    if not results.titles(cases.RANKINGS):
        return RELATIONS
    return RELATIONS + RANKED.format(**RANKING_TARGETS, iterations=cases.ITERATIONS)


def page(results):
    record, tables = results.record, ""
    titles = {"kept": "kept memory", "shipped": "shipped allocator"}
    for threads, memory in dict.fromkeys(key[:2] for key in results.rows):
        plural = "s" if threads > 1 else ""
        tables += f"\n## {threads} thread{plural}, {titles[memory]}\n\n{comparison(results, threads, memory)}"
        tables += transport(results, threads, memory)
        if threads == 2:
            tables += f"\nCores kept busy at {shape_name(cases.SHAPES[-1])}: {cores(results)}.\n"
    return PAGE.format(
        **record["machine"],
        date=record["date"],
        versions=", ".join(f"{k} {v}" for k, v in record["versions"].items()),
        disturbed=disturbed(record),
        wall=record["wall_seconds"],
        rounds=len(record["results"][0]["seconds"]),
        small=small_call(results),
        tables=tables,
        training=training(results),
        others=others(results),
        errors=errors(results),
        first_calls=first_calls(results),
        formulas=formulas(results),
    )


def draw_times(results, threads=1):
    figure, axes = plt.subplots(1, len(cases.OBJECTIVES), figsize=(16, 4), sharey=True, layout="constrained")
    lengths = [columns for _, columns in cases.SHAPES]
    for axis, (objective, title) in zip(axes, cases.OBJECTIVES.items()):
        for peer, name in NAMES.items():
            for memory, style in (("kept", "o-"), ("shipped", "x:")):
                shapes = [s for s in cases.SHAPES if results.has(threads, memory, objective, s)]
                shapes = shapes if memory == "kept" or peer != "ours" else []
                times = [1e9 * results.seconds(threads, memory, objective, s, peer) / (s[0] * s[1]) for s in shapes]
                label = name if memory == "kept" else None
                axis.plot([c for _, c in shapes], times, style, color=COLOURS[peer], label=label, markersize=5)
        axis.set(xscale="log", yscale="log", xlabel="row length", title=title)
        axis.set_xticks(lengths, [f"{c // 1000}k" if c > 1000 else str(c) for c in lengths])
        axis.minorticks_off()
        axis.set_yticks([0.5, 1, 2, 5, 10, 20, 50, 100], ["0.5", "1", "2", "5", "10", "20", "50", "100"])
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("ns per element, 1 thread")
    axes[0].legend(fontsize=9)
    figure.suptitle("Value and student gradient, float32. Dotted: the peers with glibc's allocator as shipped", fontsize=11)
    return figure


def draw_ratios(results, threads=1):
    figure, axes = plt.subplots(1, len(cases.OBJECTIVES), figsize=(16, 4), sharey=True, layout="constrained")
    peers = [peer for peer in NAMES if peer != "ours"]
    for axis, (objective, title) in zip(axes, cases.OBJECTIVES.items()):
        for place, peer in enumerate(peers):
            ratios = [results.ratios(threads, "kept", objective, shape, peer=peer) for shape in cases.SHAPES]
            low, middle, high = zip(*(statistics.quantiles(r, n=4) for r in ratios))
            at = [i + 0.27 * (place - 1) for i in range(len(cases.SHAPES))]
            reach = [[m - l for m, l in zip(middle, low)], [h - m for m, h in zip(middle, high)]]
            axis.bar(at, middle, 0.25, yerr=reach, color=COLOURS[peer], label=NAMES[peer], capsize=2)
            for x, y, m in zip(at, high, middle):
                axis.annotate(f"{m:.1f}", (x, y), (0, 2), textcoords="offset points", ha="center", fontsize=7)
        for target, peer in zip(TARGETS.get(objective, ()), ("eager", "compile")):
            axis.axhline(target, color=COLOURS[peer], linestyle="--", linewidth=1)
        axis.axhline(1, color="black", linewidth=0.8)
        names = [shape_name(s).replace(" × ", "×\n") for s in cases.SHAPES]
        axis.set_xticks(range(len(names)), names, fontsize=8)
        axis.set(yscale="log", title=title)
        axis.set_yticks([1, 2, 4, 6, 10, 20], ["1", "2", "4", "6", "10", "20"])
        axis.minorticks_off()
    axes[0].set_ylabel("time of the peer ÷ time of distill, 1 thread")
    axes[0].legend(fontsize=9)
    figure.suptitle("Kept memory. Dashed: the targets, against eager and against the better compiled peer", fontsize=11)
    return figure


def newest():
    results = Results(max((HERE / "results").glob("*.json")))
    plt.rcParams |= {"svg.hashsalt": "peers", "svg.fonttype": "none", "font.size": 9}
    for name, figure in (("time", draw_times(results)), ("ratio", draw_ratios(results))):
        figure.savefig(DOCS / f"peers-{name}.svg", metadata={"Date": None})
        figure.savefig(HERE.parents[1] / "build" / "peers" / f"{name}.png", dpi=80)
    (DOCS / "peers.md").write_text(page(results))
    print("docs/peers.md, docs/peers-time.svg, docs/peers-ratio.svg")


if __name__ == "__main__":
    newest()
