"""What the benchmarks here share: their options, running the engine, ratios by round, the best of each side, and JSON."""
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def add_options(parser, out, engine="build/release/engine"):
    """--engine and --out, which every benchmark has; `out` is a file of bench/results."""
    parser.add_argument("--engine", default=str(ROOT / engine))
    parser.add_argument("--out", default=str(ROOT / "bench/results" / out), help="JSON to write")


def environment_of(threads):
    return {**os.environ, "OMP_NUM_THREADS": str(threads)}


def engine_json(engine, words, threads):
    """What `engine WORDS --json FILE` writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "measured.json"
        command = [engine, *map(str, words), "--json", str(path)]
        subprocess.run(command, check=True, env=environment_of(threads), stdout=subprocess.DEVNULL)
        return json.loads(path.read_text())


def engine_commit(engine):
    """The commit that the engine was built from; the working tree may be at another."""
    smallest = ["bench", "transforms", "--operation", "dct2", "--method", "matrix", "--side", 8, "--batch", 1, "--repeat", 1]
    return engine_json(engine, smallest, 1)["device"]["commit"]


def ratios_by_round(name, dividends, divisors, digits=2):
    """The median, least and most of the ratios of each round, whose contestants took turns."""
    ratios = [a / b for a, b in zip(dividends, divisors, strict=True)]
    return {
        name: round(statistics.median(ratios), digits),
        f"{name}_least": round(min(ratios), digits),
        f"{name}_most": round(max(ratios), digits),
    }


def median_of(result):
    return result["milliseconds"]["median"]


def best_settings(sides):
    """The setting with the least median of each side; what failed is left out, and so is a side where all did."""
    best = {}
    for side, settings in sides.items():
        sound = {setting: median_of(result) for setting, result in settings.items() if "failed" not in result}
        if sound:
            best[side] = min(sound, key=sound.get)
    return best


def memory_ratio(row, digits=2):
    """Memory of our best setting to the least of PyTorch's settings; None where PyTorch's was not measured."""
    least = min(result["memory_mib"] for result in row["pytorch"].values() if "failed" not in result)
    return round(row["ours"][row["best"]["ours"]]["memory_mib"] / least, digits) if least else None


def write_rows(path, head, name, rows):
    """Writes `head` with the list `name` of `rows` at its end, a row a line."""
    text = json.dumps(head, indent=1, ensure_ascii=False)[:-2]
    lines = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in rows)
    pathlib.Path(path).write_text(f'{text},\n "{name}": [\n  {lines}\n ]\n}}\n')
