"""The rivals in Python, over the same work and by the same commands as child.js: python.py case rival directory options."""

import array
import json
import os
import random
import sys
import time
import warnings

MB = 1_000_000
CASES = {}
commands = sys.stdin
answers = os.fdopen(3, "w")
_, case_id, rival, directory, text = sys.argv
options = json.loads(text)
scale = options["scale"]
stored = {"count": 0, "value": None}


def of_number(x):
    return x + random.random()


def of_memory(memory):
    return len(memory) + random.random()


def of_object(item):
    return item["field1"] + random.random()


def small(_x):
    return {"x": 1, "name": "small value", "draw": random.random()}


def records(count):
    return [
        {"id": i, "name": f"name {i}", "email": f"someone-{i}@example.org", "score": random.random(), "active": i % 2 == 0}
        for i in range(count)
    ]


def floats(size):
    return array.array("d", (i + random.random() for i in range(size // 8)))


def made(_n):
    stored["count"] += 1
    value = stored["value"]
    if isinstance(value, dict):
        return {**value, "x": stored["count"]}
    value[0] = stored["count"]
    return value


def doubles(size):
    return array.array("d", range(size // 8))


OBJECT = {f"field{i}": i if i % 2 else f"value {i}" for i in range(20)}
HITS = {
    "hit-number": (of_number, lambda: 1),
    "hit-small": (small, lambda: 1),
    "hit-object": (of_object, lambda: OBJECT),
    "hit-buffer": (of_memory, lambda: b"permafrost" * (MB // 10 // scale)),
    "hit-array": (of_memory, lambda: doubles(10 * MB // scale)),
    "hit-records": (records, lambda: 10_000 // scale),
    "hit-1mb": (floats, lambda: MB // scale),
    "hit-100mb": (floats, lambda: 100 * MB // scale),
}
MISSES = {
    "miss-small": (lambda: {"x": 1, "name": "small value"}, 2000),
    "miss-1mb": (lambda: doubles(MB // scale), 20),
    "miss-100mb": (lambda: doubles(100 * MB // scale), 1),
}


def opened():
    if rival == "joblib":
        from joblib import Memory

        warnings.simplefilter("ignore")
        return Memory(directory, verbose=0).cache
    from diskcache import Cache

    return Cache(directory).memoize(typed=True)


def percentiles(times):
    times.sort()
    at = lambda share: times[min(len(times) - 1, int(len(times) * share))] / 1000
    return {"p50": at(0.5), "p99": at(0.99), "count": len(times)}


def timed(call, ms, most=20_000):
    times = []
    end = time.perf_counter_ns() + ms * 1_000_000
    while not times or (len(times) < most and time.perf_counter_ns() < end):
        before = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - before)
    return percentiles(times)


def start_hit():
    fn, argument = HITS[case_id]
    given = argument()
    expected = opened()(fn)(given)
    call = opened()(fn)

    def check():
        if call(given) != expected:
            raise ValueError("computes again what it has stored")

    def round_():
        figures = timed(lambda: call(given), 150)
        check()
        return figures

    check()
    return round_


def start_miss():
    value, most = MISSES[case_id]
    stored["value"] = value()
    opened()(made)(0)
    call = opened()(made)
    call(0)
    if stored["count"] != 1:
        raise ValueError("computes again what it has stored")
    following = iter(range(1, sys.maxsize))

    def round_():
        before = stored["count"]
        figures = timed(lambda: call(next(following)), 150, most)
        if stored["count"] != before + figures["count"]:
            raise ValueError("hits where it never was")
        return figures

    return round_


def gate():
    pairs = {
        "1 and '1'": (1, "1"),
        "[1, 2] and ['1,2']": ([1, 2], ["1,2"]),
        "{ a: 1 } and { a: '1' }": ({"a": 1}, {"a": "1"}),
        "1 and True": (1, True),
        "-0 and 0": (-0.0, 0.0),
        "sets of other contents": ({1}, {2}),
        "arrays of other types": (array.array("b", [1, 2]), array.array("B", [1, 2])),
    }
    found = {"collides": [], "throws": [], "keeps": True, "shares": False}
    call = opened()(counted)
    for name, (one, other) in pairs.items():
        try:
            if call(one) == call(other):
                found["collides"].append(name)
        except Exception:
            found["throws"].append(name)
    before = stored["count"]
    opened()(counted)("kept")
    opened()(counted)("kept")
    found["keeps"] = stored["count"] == before + 1
    return found


def counted(_x):
    stored["count"] += 1
    return stored["count"]


run = None


def answer(command):
    global run
    if command == "start":
        if case_id == "gate":
            return gate()
        run = start_hit() if case_id in HITS else start_miss()
        return None
    return run() if command == "round" else None


for line in commands:
    command = json.loads(line)[0]
    try:
        reply = {"ok": answer(command)}
    except Exception as error:
        reply = {"error": f"{type(error).__name__}: {error}".split("\n")[0]}
    answers.write(json.dumps(reply) + "\n")
    answers.flush()
    if command == "end":
        os._exit(0)
