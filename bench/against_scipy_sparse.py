#!/usr/bin/env python3
"""Times the engine's sparse solver beside scipy's SuperLU on the same system, in turns.

One power of A = S^-1 T on square images with the adiabatic boundary. The engine is timed for all of it: taking the
images apart, T, the solves and back. scipy is timed for the solves alone, scipy.sparse.linalg.splu(S).solve(B) with
all right-hand sides in one call, with whichever of its two orderings has the lower median; both take their turn in
each round, on one thread, the most that SuperLU makes use of. Needs scipy.
"""
import argparse
import os
import statistics
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # SuperLU's products: a second thread makes them no faster, and waits by spinning

import numpy
import scipy
import scipy.sparse
import scipy.sparse.linalg

from common import add_options, engine_json, ratios_by_round, write_rows


def laplacian_of_axis(n):
    matrix = scipy.sparse.diags([1.0, -2.0, 1.0], [-1, 0, 1], shape=(n, n)).tolil()
    matrix[0, 1] = matrix[n - 1, n - 2] = 2.0
    return matrix


def system(side, k, theta):
    axis, one = laplacian_of_axis(side), scipy.sparse.identity(side)
    laplacian = scipy.sparse.kron(axis, one) + scipy.sparse.kron(one, axis)
    return scipy.sparse.csc_matrix(scipy.sparse.identity(side * side) - (1 - theta) * k * laplacian)


def engine_microseconds(engine, side, columns, k, threads):
    words = ["operator", "bench", "--sizes", side, "--batches", columns, "--K", k, "--powers", 1, "--solvers", "sparse"]
    result = engine_json(engine, [*words, "--dtype", "f64", "--repeat", 3, "--max-time", 0.05], threads)
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
    add_options(parser, "against_scipy_sparse.json")
    parser.add_argument("--sides", default="32,64,128")
    parser.add_argument("--columns", default="1,16,64")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    k, theta = 0.2, 0.5
    threads = len(os.sched_getaffinity(0))
    rows, device = [], {}
    for side in map(int, arguments.sides.split(",")):
        matrix = system(side, k, theta)
        factors = {order: scipy.sparse.linalg.splu(matrix, permc_spec=order) for order in ("COLAMD", "MMD_AT_PLUS_A")}
        for columns in map(int, arguments.columns.split(",")):
            b = numpy.asfortranarray(numpy.random.default_rng(0).standard_normal((side * side, columns)))
            ours = {count: [] for count in sorted({1, threads})}
            theirs = {order: [] for order in factors}
            for _ in range(arguments.rounds):
                for count, times in ours.items():
                    microseconds, device = engine_microseconds(arguments.engine, side, columns, k, count)
                    times.append(microseconds)
                for order, factor in factors.items():
                    theirs[order].append(scipy_microseconds(factor, b))
            medians = {order: statistics.median(times) for order, times in theirs.items()}
            best = min(medians, key=medians.get)
            for count, times in ours.items():
                row = {"side": side, "columns": columns, "threads": count, "engine_us": statistics.median(times),
                       "scipy_us": medians, "scipy_ordering": best,
                       "scipy_factor_entries": int(factors[best].L.nnz + factors[best].U.nnz),
                       **ratios_by_round("times_faster", theirs[best], times)}
                rows.append(row)
                print("{side:>4} px {columns:>4} columns {threads} threads: engine {engine_us:>9.1f} us, scipy "
                      "{best_us:>9.1f} us ({scipy_ordering}), {times_faster:.2f} times ({times_faster_least:.2f} to "
                      "{times_faster_most:.2f})".format(best_us=medians[best], **row), flush=True)
    head = {"what": "sparse solves beside scipy.sparse.linalg.splu", "device": device, "K": k, "theta": theta,
            "boundary": "adiabatic", "dtype": "f64", "rounds": arguments.rounds,
            "scipy": scipy.__version__, "numpy": numpy.__version__, "scipy_threads": 1}
    write_rows(arguments.out, head, "rows", rows)


if __name__ == "__main__":
    main()
