"""Times this library beside PyTorch (eager, compiled), JAX and, for transport, POT: the same inputs, in turn. ./dev peers runs it.

Every peer and thread count is a process of its own, pinned to as many cores as it has threads. In each round each peer
takes one sample; ratios are those of samples of one round. Two settings of the C allocator: `kept` holds on to freed
memory, in huge pages, so that no peer pays for page faults of its temporaries; `shipped` is glibc as it comes.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import time

import cases
import render

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SCRATCH = ROOT / "build" / "peers"
PEERS = cases.PEERS
KEPT = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 33),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
    "MALLOC_TOP_PAD_": str(1 << 28),
}
SAMPLE_SECONDS = 0.015
SAMPLED = ("seconds", "cores", "without_ctypes")
STARTED = time.time()


def say(what):
    print(f"{time.time() - STARTED:4.0f} s  {what}", flush=True)


class Worker:
    def __init__(self, peer, threads, memory):
        xla = "--xla_cpu_prefer_vector_width=512" + (" --xla_cpu_multi_thread_eigen=false" if threads == 1 else "")
        self.environment = {
            "OMP_NUM_THREADS": str(threads),
            "XLA_FLAGS": xla,
            "JAX_PLATFORMS": "cpu",
            "TORCHINDUCTOR_COMPILE_THREADS": "1",
        } | (KEPT if memory == "kept" else {})
        self.peer, self.log = peer, SCRATCH / f"{peer}-{threads}-{memory}.log"
        self.process = subprocess.Popen(
            [sys.executable, HERE / "worker.py", peer, str(threads), SCRATCH],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log.open("w"),
            text=True,
            env=os.environ | self.environment | {"TORCHINDUCTOR_CACHE_DIR": str(SCRATCH / "inductor")},
        )

    def ask(self, *request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.peer} stopped; the end of {self.log}:\n" + self.log.read_text()[-2000:])
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def plan(quick, training_only):
    """Batches of {(threads, memory): [(objective, shape)]}; the processes of a batch live at the same time."""
    threads = [threads for threads in (1, 2) if threads <= len(os.sched_getaffinity(0))]
    training = [(o, cases.TRAINING_SHAPE) for o in cases.TRAININGS]
    if training_only:
        return [{(t, "kept"): training for t in (threads[:1] if quick else threads)}]
    everything = [(o, s) for s in cases.SHAPES for o in cases.OBJECTIVES]
    everything += [(o, s) for s in cases.PAIR_SHAPES for o in cases.PAIRS]
    everything += [(o, s) for o in cases.RANKINGS | cases.TRANSPORTS for s in cases.shapes_of(o)] + training
    if quick:
        return [{(1, "kept"): [(o, s) for o, s in everything if s[0] * s[1] < 1 << 22]}]
    large = [(o, s) for o, s in everything if s in cases.LARGE and o != "kl_t1"]
    return [{(t, "kept"): everything for t in threads}, {(1, "shipped"): large}]


def wanted(batch):
    """The peers that the objectives of a batch ask for."""
    asked = {peer for work in batch.values() for objective, _ in work for peer in cases.peers_of(objective)}
    return [peer for peer in PEERS if peer in asked]


def prepare(workers, batch):
    """Compiles and checks everything: one peer after the other, its processes side by side."""
    prepared = {}
    for peer in wanted(batch):
        for number in range(max(map(len, batch.values()))):
            busy = [(key, *work[number]) for key, work in batch.items() if number < len(work)]
            busy = [case for case in busy if peer in cases.peers_of(case[1])]
            for key, objective, shape in busy:
                workers[key][peer].ask("prepare", objective, shape)
            for key, objective, shape in busy:
                prepared[key, peer, objective, shape] = workers[key][peer].answer()
        say(f"prepared {peer}")
    return prepared


def time_in_turn(workers, objective, shape, rounds):
    """Rounds in which a peer was kept off its cores are repeated, up to twice as many in all; the calmest are kept."""
    taken, shares, peers = [], [], cases.peers_of(objective)
    while len(taken) < rounds or (sorted(shares)[-rounds] < 0.95 and len(taken) < 2 * rounds):
        taken.append({})
        for peer in peers:
            time.sleep(0.003)  # the last peer's threads go to sleep
            workers[peer].ask("sample", objective, shape, SAMPLE_SECONDS)
            taken[-1][peer] = workers[peer].answer()
        most = {peer: max(samples[peer]["cores"] for samples in taken) for peer in peers}
        shares = [min(samples[peer]["cores"] / most[peer] for peer in peers) for samples in taken]
    calmest = sorted(range(len(taken)), key=lambda i: -shares[i])[:rounds]
    return {peer: [taken[i][peer] for i in sorted(calmest)] for peer in peers}


def busy_seconds(pids=None):
    """Processor time so far: of these processes, or of everything (guests' time is in the first two fields)."""
    if pids is None:
        fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        ticks = sum(int(f) for i, f in enumerate(fields) if i not in (3, 4))  # idle, waiting
    else:
        stats = [pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in pids]
        ticks = sum(int(fields[11]) + int(fields[12]) for fields in stats)
    return ticks / os.sysconf("SC_CLK_TCK")


class Others:
    """Cores that other processes keep busy."""

    def __init__(self, workers):
        self.pids = [os.getpid(), *(worker.process.pid for worker in workers.values())]
        self.before, self.start = busy_seconds() - busy_seconds(self.pids), time.time()

    def cores(self):
        used = busy_seconds() - busy_seconds(self.pids) - self.before
        return round(max(0.0, used) / (time.time() - self.start), 3)


def report(key, objective, shape, samples):
    medians = {peer: 1e6 * statistics.median(s["seconds"] for s in samples[peer]) for peer in samples}
    case = f"threads {key[0]}, {key[1]:8}{shape[0]:5} x {shape[1]:<7}{objective:18}"
    say(case + "".join(f"{peer:>9}{medians[peer]:10.1f} us" for peer in samples))


def describe(workers, objectives):
    about = {}
    for peer, worker in workers.items():
        worker.ask("describe", objectives)
        about[peer] = worker.answer()
        for objective, text in about[peer]["formulas"].items():
            print(f"--- {peer}, {cases.TITLES[objective]}\n{text.strip()}")
    return about


def rounded(samples, key):
    return [float(f"{s[key]:.5g}") for s in samples if key in s]


def machine():
    def first(path, key):
        lines = pathlib.Path(path).read_text().splitlines()
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "unknown")

    compiler = subprocess.run(["c++", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    return {
        "cpu": first("/proc/cpuinfo", "model name"),
        "cpu_family_model": "/".join(first("/proc/cpuinfo", k) for k in ("cpu family", "model")),
        "avx512": "avx512f" in first("/proc/cpuinfo", "flags"),
        "cores": len(os.sched_getaffinity(0)),
        "l2": first("/proc/cpuinfo", "cache size"),
        "memory": first("/proc/meminfo", "MemTotal"),
        "libc": " ".join(platform.libc_ver()),
        "compiler": compiler,
        "python": platform.python_version(),
    }


def main():
    options = argparse.ArgumentParser(prog="./dev peers", description=__doc__.split("\n")[0])
    options.add_argument("--rounds", type=int, default=10, help="samples of each peer (default 10)")
    options.add_argument("--quick", action="store_true", help="small shapes, one thread; nothing is written")
    options.add_argument("--only", choices=["training"], help="measure this alone; the rest of the newest results stays")
    options.add_argument("--render", action="store_true", help="only draw the newest results again")
    options = options.parse_args()
    if options.render:
        return render.newest()

    shutil.rmtree(SCRATCH / "inductor", ignore_errors=True)  # compile times are those of a cold cache
    batches = plan(options.quick, options.only == "training")
    cases.write(SCRATCH, dict.fromkeys(shape for batch in batches for work in batch.values() for _, shape in work))
    say("inputs and references written")
    results, about, environment, others = [], {}, {}, {}
    for batch in batches:
        workers = {key: {peer: Worker(peer, *key) for peer in wanted(batch)} for key in batch}
        for key, group in workers.items():
            environment |= {f"{peer}, {key[0]} threads, {key[1]}": w.environment for peer, w in group.items()}
        about = about or describe(workers[1, "kept"], list(dict.fromkeys(o for o, _ in batch[1, "kept"])))
        prepared = prepare(workers, batch)
        for key, work in batch.items():
            watch = Others(workers[key])
            for objective, shape in work:
                samples = time_in_turn(workers[key], objective, shape, options.rounds)
                report(key, objective, shape, samples)
                case = {"objective": objective, "shape": shape, "threads": key[0], "memory": key[1]}
                for peer in samples:
                    measured = {k: rounded(samples[peer], k) for k in SAMPLED}
                    results.append(case | {"peer": peer} | prepared[key, peer, objective, shape] | measured)
            others[f"{key[0]}, {key[1]}"] = watch.cores()
        for group in workers.values():
            for worker in group.values():
                worker.close()

    date = datetime.date.today().isoformat()
    record = {
        "date": date,
        "command": "./dev peers " + " ".join(sys.argv[1:]),
        "machine": machine(),
        "other_processes_cores": others,
        "wall_seconds": round(time.time() - STARTED),
        "versions": {k: v for peer in about for k, v in about[peer]["versions"].items()},
        "formulas": {peer: about[peer]["formulas"] for peer in about},
        "environment": environment,
        "results": results,
    }
    if options.quick:
        return
    if options.only:
        record = render.renewed(record)
    results = record["results"]
    path = HERE / "results" / f"{date}.json"
    path.parent.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(result, ensure_ascii=False) for result in results)
    text = json.dumps(record | {"results": []}, ensure_ascii=False, indent=1)
    path.write_text(text.replace('"results": []', f'"results": [\n{lines}\n]') + "\n")
    say(f"written: {path.relative_to(ROOT)}")
    render.newest()


main()
