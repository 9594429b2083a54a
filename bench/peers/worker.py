"""One peer in one process, with its own cores: answers requests, one JSON line each. Started by measure.py."""

import functools
import json
import os
import sys
import time

peer_name, threads, scratch = sys.argv[1], int(sys.argv[2]), sys.argv[3]
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])  # before any pool is made
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print goes elsewhere

import numpy as np

import cases

WARM_UNTIL = 0.02  # calls shorter than this are warmed before each sample


def make_peer():
    if peer_name == "ours":
        from peer_ours import Peer

        return Peer(threads)
    if peer_name == "jax":
        from peer_jax import Peer

        return Peer(threads)
    if peer_name.startswith("pot"):
        from peer_pot import Peer

        return Peer(peer_name == "pot_torch", threads)
    from peer_torch import Peer

    return Peer(peer_name, threads)


def seconds(call, repeats=1):
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def aligned(array):
    """A copy at a multiple of 64 bytes, where every peer likes it."""
    memory = np.empty(array.nbytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


@functools.cache
def load(shape):
    with np.load(f"{scratch}/{shape[0]}x{shape[1]}.npz") as file:
        arrays = dict(file)
    return peer.place(*(aligned(arrays.pop(name)) for name in ("student", "teacher", "labels"))), arrays


def errors(result, objective, shape):
    value, gradient = peer.fetch(result)
    expected = load(shape)[1]
    rows = expected[f"{objective} gradient"]
    value_error = float(np.max(np.abs(value / expected[f"{objective} value"] - 1)))
    if rows.size == 0:
        return {"value_error": value_error, "gradient_error": 0.0}
    difference = gradient[cases.checked_rows(shape[0])].astype(float) - rows
    return {
        "value_error": value_error,
        "gradient_error": float(np.linalg.norm(difference) / np.linalg.norm(rows)),
    }


def prepare(objective, shape):
    """Compiles, checks and warms every way of calling the peer, and keeps the fastest."""
    trials = {}
    for name, call in peer.ways(objective, load(shape)[0]).items():
        first = seconds(call)
        found = errors(call(), objective, shape)
        if not max(found["value_error"], found["gradient_error"]) <= cases.TOLERANCE:
            raise ValueError(f"{peer_name}, {objective}, {shape}, {name}: {found}")
        once = seconds(call)
        trials[name] = min(once, seconds(call, 1 + int(0.005 / once))), call, {"first_call": first} | found
    way = min(trials, key=lambda name: trials[name][0])
    expected, call, found = trials[way]
    calls[objective, shape] = call, expected, getattr(peer, "inside", None)
    return found | {"way": way, "tried": {name: trial[0] for name, trial in trials.items()}}


def sample(objective, shape, length):
    """Calls for about `length` seconds: seconds a call, and the cores kept busy meanwhile."""
    call, expected, inside = calls[objective, shape]
    chunk, number, elapsed = max(1, int(length / expected / 8)), 0, 0.0
    if expected < WARM_UNTIL:
        seconds(call, chunk)
    cpu, wall = time.process_time(), time.perf_counter()
    while elapsed < 0.9 * length:
        for _ in range(chunk):
            call()
        number, elapsed = number + chunk, time.perf_counter() - wall
    answer = {"seconds": elapsed / number, "cores": (time.process_time() - cpu) / elapsed}
    if inside and objective not in cases.TRAININGS and expected < WARM_UNTIL:
        answer["without_ctypes"] = seconds(lambda: inside(2 * chunk)) / (2 * chunk)
    return answer


def describe(objectives):
    shown = [o for o in objectives if peer_name in cases.peers_of(o)]
    return {"versions": peer.versions, "formulas": {o: peer.formula(o) for o in shown}}


peer, calls = make_peer(), {}
actions = {"describe": describe, "prepare": prepare, "sample": sample}
for line in sys.stdin:
    action, *arguments = json.loads(line)
    arguments = [tuple(a) if isinstance(a, list) else a for a in arguments]
    print(json.dumps(actions[action](*arguments)), file=answers, flush=True)
