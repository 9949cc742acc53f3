#!/usr/bin/env python3
"""Times the engine's sparse solver beside scipy's SuperLU on the same system, in turns.

    python bench/against_scipy_sparse.py build/release/engine --json bench/results/against_scipy_sparse.json

One power of A = S^-1 T on square images with the adiabatic boundary. The engine is timed for all of it: taking the
images apart, T, the solves and back. scipy is timed for the solves alone, scipy.sparse.linalg.splu(S).solve(B) with
all right-hand sides in one call, with whichever of its orderings is the faster. Needs scipy.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import numpy
import scipy
import scipy.sparse
import scipy.sparse.linalg


def laplacian_of_axis(n):
    matrix = scipy.sparse.diags([1.0, -2.0, 1.0], [-1, 0, 1], shape=(n, n)).tolil()
    matrix[0, 1] = matrix[n - 1, n - 2] = 2.0
    return matrix


def system(side, k, theta):
    axis, one = laplacian_of_axis(side), scipy.sparse.identity(side)
    laplacian = scipy.sparse.kron(axis, one) + scipy.sparse.kron(one, axis)
    return scipy.sparse.csc_matrix(scipy.sparse.identity(side * side) - (1 - theta) * k * laplacian)


def engine_microseconds(engine, side, columns, k, threads, folder):
    path = os.path.join(folder, "bench.json")
    subprocess.run([engine, "operator", "bench", "--sizes", str(side), "--batches", str(columns), "--K", str(k), "--powers",
                    "1", "--solvers", "sparse", "--dtype", "f64", "--repeat", "3", "--max-time", "0.05", "--json", path],
                   check=True, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": str(threads)})
    with open(path) as file:
        result = json.load(file)
    return result["measurements"][0]["median_us"], result["device"]


def scipy_microseconds(factor, right_hand_sides):
    times = []
    for _ in range(3):
        start = time.perf_counter()
        factor.solve(right_hand_sides)
        times.append(time.perf_counter() - start)
    return 1e6 * statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine")
    parser.add_argument("--sides", default="32,64,128")
    parser.add_argument("--columns", default="1,16,64")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    k, theta = 0.2, 0.5
    threads = len(os.sched_getaffinity(0))
    rows, device = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for side in map(int, arguments.sides.split(",")):
            matrix = system(side, k, theta)
            factors = {order: scipy.sparse.linalg.splu(matrix, permc_spec=order)
                       for order in ("COLAMD", "MMD_AT_PLUS_A")}
            for columns in map(int, arguments.columns.split(",")):
                b = numpy.asfortranarray(numpy.random.default_rng(0).standard_normal((side * side, columns)))
                best = min(factors, key=lambda order: scipy_microseconds(factors[order], b))
                ours = {count: [] for count in {1, threads}}
                theirs = []
                for _ in range(arguments.rounds):
                    for count, times in ours.items():
                        seconds, device = engine_microseconds(arguments.engine, side, columns, k, count, folder)
                        times.append(seconds)
                    theirs.append(scipy_microseconds(factors[best], b))
                for count, times in sorted(ours.items()):
                    row = {"side": side, "columns": columns, "threads": count, "engine_us": statistics.median(times),
                           "scipy_us": statistics.median(theirs), "scipy_ordering": best,
                           "scipy_factor_entries": int(factors[best].L.nnz + factors[best].U.nnz),
                           "scipy_over_engine": statistics.median(t / o for t, o in zip(theirs, times))}
                    rows.append(row)
                    print("{side:>4} px {columns:>4} columns {threads} threads: engine {engine_us:>9.1f} us, scipy "
                          "{scipy_us:>9.1f} us ({scipy_ordering}), scipy/engine {scipy_over_engine:.2f}".format(**row),
                          flush=True)
    if arguments.json:
        head = {"what": "sparse solves beside scipy.sparse.linalg.splu", "device": device, "K": k, "theta": theta,
                "boundary": "adiabatic", "dtype": "f64", "rounds": arguments.rounds,
                "scipy": scipy.__version__, "numpy": numpy.__version__, "scipy_threads": 1}
        lines = ",\n  ".join(json.dumps(row) for row in rows)
        with open(arguments.json, "w") as file:
            file.write(json.dumps(head, indent=1)[:-2] + ',\n "rows": [\n  ' + lines + "\n ]\n}\n")


if __name__ == "__main__":
    main()
