#!/usr/bin/env python3
"""Breaks the objective and engine headers in one place at a time and counts how often a test notices.

    tools/mutate.py [--count N] [--seed S] [--jobs J] [--only REGEX] [--list]

Works on a copy of include/ and tests/ under build/mutate. Each test is compiled once with every mutant of the headers
that it can see, as `chosen(k) ? (broken) : (whole)`, and run once a mutant, the cheapest tests first, until one fails.
What cannot be switched like that is compiled again alone, as a plain edit. Writes docs/mutation.md; why a survivor
survives is looked up in tools/mutation_reasons.txt. --only, to look at single files, and --list write nothing. What is a
mutant, and what is left alone: tools/mutants.py.
"""
import argparse, concurrent.futures, datetime, os, pathlib, re, resource, shutil, subprocess, threading

import mutants as places

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build/mutate"
TREE = WORK / "tree"  # what the run works on, whatever is edited meanwhile
REASONS = ROOT / "tools/mutation_reasons.txt"
COMPILE = [os.environ.get("CXX", "g++"), "-std=c++20", "-O1", "-march=native", "-w", "-pthread",
           "-isystem", "/usr/include/eigen3", f'-DDISTILL_TEST_DATA="{TREE}/tests/reference"', f"-I{TREE}/tests"]
TIMEOUT = 30  # seconds of one test, of which most take a tenth of one

# Tests beside those of the same name, cheapest first. Objective headers: what else is built on them.
USED_BY = {
    "detail/alpha_beta": ["alpha_beta", "amari_alpha", "renyi", "beta_divergence", "tsallis"],
    "detail/bernoulli": ["binary_kl", "dkd"],
    "detail/labels": ["cross_entropy", "focal"],
    "detail/mixture": ["jensen_shannon", "skew_kl", "skew_reverse_kl"],
    "detail/rest": ["dkd", "nkd", "wsl"],
    "detail/target_class": ["dkd", "nkd", "ofa"],
    "squared_hellinger": ["bhattacharyya", "hellinger"],
    "alpha_beta": ["identities"], "class_mass": ["identities"], "f_divergence": ["identities"], "lpld": ["identities"],
}
ENGINE = {
    "core/math": ["core/math", "objective/log_cosh", "objective/alpha_beta", "objective/skew_kl"],
    "row/adaptor": ["row/combine", "row/temperature", "row/sites"],
    "row/algebra": ["row/algebra", "row/combine", "row/mixture"],
    "row/batch": ["objective/kl", "row/combine"],
    "row/check": ["row/errors", "row/combine", "row/regressions", "objective/top_k_kl"],
    "row/combine": ["row/combine", "objective/bd_kd"],
    "row/element": ["objective/kl", "objective/reverse_kl", "objective/jensen_shannon", "objective/alpha_beta"],
    "row/evaluate": ["objective/kl", "row/mixture", "row/combine", "row/temperature", "row/edges", "row/regressions"],
    "row/fused": ["objective/kl", "row/edges", "row/sites", "row/temperature", "objective/binary_kl", "row/own_objective", "objective/entropy", "objective/soft_cross_entropy", "objective/alpha_beta"],
    "row/fused_sweep": ["objective/kl", "row/edges", "row/temperature", "row/own_objective", "row/sites"],
    "row/moments": ["row/temperature", "objective/top_k_kl", "row/sites", "row/combine"],
    "row/ordered_leaves": ["objective/uld", "objective/adaptive_kl", "row/temperature"],
    "row/stored_leaves": ["objective/top_k_kl", "row/temperature", "objective/top_k_reverse_kl"],
    "row/kernel": ["objective/kl", "objective/cross_entropy", "row/temperature", "row/algebra", "objective/adaptive_kl",
                   "objective/top_k_kl", "row/edges", "row/own_objective", "row/sites", "row/combine"],
    "row/objective": ["row/own_objective", "objective/kl", "row/combine"],
    "row/parameter": ["row/algebra", "row/errors", "row/regressions"],
    "row/plan": ["row/algebra", "row/sites", "row/combine", "objective/top_k_kl", "row/temperature", "row/errors"],
    "row/ranking": ["objective/uld", "objective/adaptive_kl"],
    "row/reduction": ["row/mixture", "row/errors"],
    "row/short_kernel": ["objective/kl", "objective/cross_entropy", "row/edges", "row/algebra", "row/sites", "row/regressions"],
    "row/site": ["row/sites", "row/combine", "objective/dac_kl"],
    "row/sites": ["objective/kl", "row/edges", "row/combine", "row/temperature", "objective/dkd", "objective/dac_kl", "objective/top_k_kl"],
    "row/source": ["objective/kl", "row/edges", "row/errors"],
    "row/sweeps": ["objective/kl", "row/edges", "row/confident", "row/algebra", "row/temperature", "objective/cross_entropy"],
    "row/table": ["objective/kl", "row/combine"],
    "row/tiles": ["objective/kl", "row/storage", "row/layouts", "row/mixture"],
    **{f"row/{name}": ["row/storage", "row/layouts"] for name in ("storage", "tile_copy", "produced")},
    **{f"row/{name}": ["row/layouts"] for name in ("gathered", "index_map", "padded", "pixel_rows", "rows_view")},
}


def tests_of(mutant):
    name = mutant.file.removesuffix(".hpp")
    if not name.startswith("objective/"):
        return [f"tests/{t}.cpp" for t in ENGINE.get(name, ["objective/kl", "row/edges"])]
    name = name.removeprefix("objective/")
    names = USED_BY.get(name, []) if name.startswith("detail/") else [name, *USED_BY.get(name, [])]
    about_a_parameter = re.search(r"fail\(|ignore_index|^[\w:<>, ]+ = [-\d.]+", mutant.change)
    names = ["parameters", *names] if about_a_parameter else [*names, "parameters"]
    return [f"tests/objective/{n}.cpp" for n in names]


sources = {}  # text of every header

SWITCH = """#include <cstdlib>
#include <type_traits>
inline const int chosen_mutant = [] { const char* k = std::getenv("MUTANT"); return k ? std::atoi(k) : -1; }();
constexpr bool chosen(int k) { return !std::is_constant_evaluated() && chosen_mutant == k; }
"""


def build(test, include, out, *more):
    return subprocess.run([*COMPILE, f"-I{include}", *more, str(TREE / test), str(WORK / "main.o"), "-o", str(out)],
                          capture_output=True, text=True)


def run(binary, mutant=-1, *flags):
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    try:
        ran = subprocess.run([str(binary), *flags], capture_output=True, timeout=TIMEOUT, preexec_fn=limit, text=True,
                             errors="replace", env={**os.environ, "MUTANT": str(mutant)})
        return ("passed" if ran.returncode == 0 else "fails" if ran.returncode == 1 else "crashes"), ran.stdout
    except subprocess.TimeoutExpired:
        return "hangs", ""


class Test:
    """One source of tests; its executable holds the mutants `inside`."""

    def __init__(self, name, mutants):
        self.name, self.lock, self.ready, self.inside = name, threading.Lock(), False, dict(enumerate(mutants))
        self.binary = WORK / "all" / name.replace("/", "_").removesuffix(".cpp")

    def prepare(self):
        with self.lock:
            if self.ready:  # another thread was first
                return self
            while not self.ready:
                self.inside = {k: m for k, m in self.inside.items() if m.switches}
                include = self.binary.with_suffix(".include")
                shutil.rmtree(include, ignore_errors=True)
                shutil.copytree(TREE / "include", include)
                for file in {m.file for m in self.inside.values()}:
                    text = sources[file]
                    for k, m in sorted(self.inside.items(), key=lambda item: -item[1].begin):
                        if m.file == file:
                            text = f"{text[:m.begin]}(chosen({k}) ? ({m.switched}) : ({text[m.begin:m.end]})){text[m.end:]}"
                    (include / "distill" / file).write_text(text)
                built = build(self.name, include, self.binary, "-include", str(WORK / "switch.hpp"))
                self.ready, before = built.returncode == 0 or not self.inside, self.inside
                said = re.sub(r"\w+/\.\./", "", built.stderr)
                for where in (r":\d+: error", "", None):  # who is at fault: by errors, by notes, all
                    blamed = set(re.findall(r"distill/([\w/]+\.hpp):(\d+)" + where, said)) if where is not None else None
                    for m in before.values() if not self.ready and all(m.switches for m in before.values()) else ():
                        m.switches = blamed is not None and not blamed & {(m.file, n) for n in m.lines}
            self.flags = ["--abort-after=1"]
            result, said = run(self.binary) if built.returncode == 0 else ("does not compile", "")
            if result == "fails":  # as it is: those cases tell nothing
                failing = {case for case, text in re.findall(r"^TEST CASE:  (.*)\n((?:(?!TEST CASE:).*\n)*)", said, re.M) if "ERROR" in text}
                self.flags.append("--test-case-exclude=" + ",".join(re.sub(r"[,\\*]", "?", case) for case in failing))
                print(f"{self.name} fails as it is; left out: {', '.join(sorted(failing))}", flush=True)
                result, said = run(self.binary, -1, *self.flags)
            self.sound = result == "passed"
            if not self.sound:
                print(f"left out: {self.name} {result} as it is", flush=True)
        return self


def judge(mutant, tests):
    """Sets how the first test that notices does so, 'does not compile', 'survived' or 'no test'."""
    mutant.result, here = "no test", []
    for test in (tests[name] for name in tests_of(mutant)):
        if not test.ready:
            test.prepare()
        if test.sound:
            here.append(test)
            mutant.result = "survived"
            key = next((k for k, m in test.inside.items() if m is mutant), None)
            noticed = "passed" if key is None else run(test.binary, key, *test.flags)[0]
            if noticed != "passed":
                mutant.result = f"{test.name} {noticed}"
                break
    if mutant.result == "survived" and ("constexpr" in mutant.change or not mutant.switches):  # constants do not switch
        alone = WORK / f"alone{threading.get_ident()}"
        shutil.rmtree(alone, ignore_errors=True)
        shutil.copytree(TREE / "include", alone)
        (alone / "distill" / mutant.file).write_text(mutant.text)
        for test in here:
            built = build(test.name, alone, alone / "test")
            noticed = "does not compile" if built.returncode else run(alone / "test", -1, *test.flags)[0]
            if noticed != "passed":
                mutant.result = noticed if built.returncode else f"{test.name} {noticed}"
                break
        shutil.rmtree(alone)
    print(f"{mutant.result:45} {mutant.operator:16} {mutant.file}:{mutant.line}  {mutant.change}", flush=True)


def reasons():
    """Two lines an entry: the change, then indented why it survives."""
    lines = [l for l in REASONS.read_text().splitlines() if l and not l.startswith("#")] if REASONS.exists() else []
    return {key: why.strip() for key, why in zip(lines[::2], lines[1::2])}


def report(mutants, seed):
    why = reasons()
    real = [m for m in mutants if m.result not in ("does not compile", "no test")]
    alive = [m for m in real if m.result == "survived"]
    equivalent = [m for m in alive if why.get(m.key, "").startswith("equivalent")]
    share = lambda killed, of: f"{100 * killed / of:.1f} %" if of else "-"
    rows = ["| operator | mutants | killed | survived | of these equivalent | killed of the others | no compiler or test takes them |", "|---|---:|---:|---:|---:|---:|---:|"]
    for operator in sorted({m.operator for m in mutants}) + ["all"]:
        mine = lambda group: sum(operator in ("all", m.operator) for m in group)
        n, left, same = mine(real), mine(alive), mine(equivalent)
        rows.append(f"| {operator} | {n} | {n - left} | {left} | {same} | {share(n - left, n - same)} | {mine(mutants) - n} |")
    cell = lambda text: text.replace("|", "\\|")
    listed = [f"| {m.file}:{m.line} | `{cell(m.change)}` | {cell(why.get(m.key, ''))} |" for m in sorted(alive, key=lambda m: (m.file, m.line))]
    print("\n".join(rows), *(f"survived: {m.file}:{m.line}  {m.change}  [{why.get(m.key, 'no reason given')}]" for m in alive), sep="\n")
    return "\n".join([
        "# Mutation check", "",
        f"Generated by `./dev mutate --count {len(mutants)} --seed {seed}` on {datetime.date.today()}; the rules are in `tools/mutate.py`.",
        f"{len(mutants)} places in {len({m.file for m in mutants})} headers were broken, one at a time; of the {len(real)} mutants that compile the tests",
        f"notice {len(real) - len(alive)}, {share(len(real) - len(alive), len(real))}; without the {len(equivalent)} that change nothing a caller could see, "
        f"{share(len(real) - len(alive), len(real) - len(equivalent))}.", "",
        *rows, "", "## What no test noticed", "", "| where | change | why |", "|---|---|---|", *listed, ""])


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--count", type=int, default=300)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--jobs", type=int, default=os.cpu_count())
    options.add_argument("--only", default="")
    options.add_argument("--list", action="store_true")
    given = options.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    for folder in ("include", "tests"):
        shutil.copytree(ROOT / folder, TREE / folder)
    headers = TREE / "include/distill"
    files = [str(p.relative_to(headers)) for room in ("objective", "row") for p in sorted((headers / room).rglob("*.hpp"))]
    sources.update({file: (headers / file).read_text() for file in files + ["core/math.hpp"]})
    mutants = [m for m in places.sample(sources, given.count, given.seed) if re.search(given.only, m.file)]
    if given.list:
        print(*(f"{m.operator:16} {m.file}:{m.line}  {m.change}" for m in mutants), sep="\n")
        return
    (WORK / "all").mkdir()
    (WORK / "switch.hpp").write_text(SWITCH)
    subprocess.run([*COMPILE, "-c", str(TREE / "tests/doctest_main.cpp"), "-o", str(WORK / "main.o")], check=True)
    names = {name for m in mutants for name in tests_of(m)}
    tests = {name: Test(name, [m for m in mutants if name in tests_of(m)]) for name in names}
    with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        list(pool.map(lambda m: judge(m, tests), mutants))
    text = report(mutants, given.seed)
    if not given.only:
        (ROOT / "docs/mutation.md").write_text(text)


if __name__ == "__main__":
    main()
