"""Golden tables and sampling trajectories of diffusers' DDPMScheduler and DDIMScheduler.

Writes ddpm_tables.json beside this script. The schedulers' own step functions run; only their float32 tables are
replaced by the same formulas in float64, so that a double-precision implementation can be compared to 1e-12.
"""

import json
import math
from unittest import mock

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler

from golden import FOLDER, make_deterministic

SCHEDULES = ("linear", "squaredcos_cap_v2")
INDICES = (0, 1, 2, 9, 10, 99, 100, 250, 499, 500, 750, 998, 999)
SHAPE = (1, 1, 2, 2)


def network(x, t):
    """Stands for the network's output, whatever the parameterisation; closed form, so that anyone can recompute it."""
    return 0.3 * x + 0.001 * t


def betas(schedule, steps):
    """Float64: linear from 1e-4 to 0.02, or the cosine schedule with beta capped at 0.999."""
    if schedule == "linear":
        return torch.linspace(1e-4, 0.02, steps, dtype=torch.float64)

    def alpha_bar(u):
        return math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2

    return torch.tensor(
        [min(1 - alpha_bar((i + 1) / steps) / alpha_bar(i / steps), 0.999) for i in range(steps)], dtype=torch.float64
    )


def make_scheduler(kind, schedule, steps, double=True, **options):
    scheduler = kind(num_train_timesteps=steps, beta_start=1e-4, beta_end=0.02, beta_schedule=schedule, **options)
    if double:
        table = betas(schedule, steps)
        assert torch.allclose(table.float(), scheduler.betas, rtol=1e-4, atol=1e-7)
        scheduler.betas = table
        scheduler.alphas = 1 - table
        scheduler.alphas_cumprod = torch.cumprod(scheduler.alphas, 0)
        if kind is DDIMScheduler:
            one = torch.tensor(1.0, dtype=torch.float64)
            scheduler.final_alpha_cumprod = one if options.get("set_alpha_to_one", True) else scheduler.alphas_cumprod[0]
        else:
            scheduler.one = torch.tensor(1.0, dtype=torch.float64)
    return scheduler


def flat(tensor):
    return [float(value) for value in tensor.reshape(-1)]


def table_of(schedule):
    steps = 1000
    scheduler = make_scheduler(DDPMScheduler, schedule, steps)
    single = make_scheduler(DDPMScheduler, schedule, steps, double=False)
    at = list(INDICES)
    # Index t is 0-based: t = 0 is the first noising step, so alphas_cumprod[t] is alpha_bar of step t + 1.
    return {
        "train_timesteps": steps,
        "timesteps": at,
        "betas": flat(scheduler.betas[at]),
        "alphas_cumprod": flat(scheduler.alphas_cumprod[at]),
        "alphas_cumprod_float32": flat(single.alphas_cumprod[at]),
        "posterior_variance_fixed_small": [float(scheduler._get_variance(t, variance_type="fixed_small")) for t in at],
        "posterior_variance_fixed_large": [float(scheduler._get_variance(t, variance_type="fixed_large")) for t in at],
    }


def spacing_of(spacing, steps, inference_steps):
    lists = []
    for kind in (DDPMScheduler, DDIMScheduler):
        scheduler = kind(num_train_timesteps=steps, timestep_spacing=spacing)
        scheduler.set_timesteps(inference_steps)
        lists.append([int(t) for t in scheduler.timesteps])
    assert lists[0] == lists[1]
    return {"spacing": spacing, "train_timesteps": steps, "steps": inference_steps, "timesteps": lists[0]}


def run(scheduler, inference_steps, initial, noises, eta=None, **arguments):
    """States after each step, the network inputs first; noise i goes to the i-th step taken."""
    scheduler.set_timesteps(inference_steps)
    state = initial
    states = [state]
    for i, t in enumerate(scheduler.timesteps):
        output = network(state, float(t))
        if eta is None:
            drawn = mock.patch("diffusers.schedulers.scheduling_ddpm.randn_tensor",
                               lambda *_arguments, i=i, **_options: noises[i])
            with drawn:
                state = scheduler.step(output, t, state, **arguments).prev_sample
        else:
            noise = noises[i] if eta > 0 else None
            state = scheduler.step(output, t, state, eta=eta, variance_noise=noise, **arguments).prev_sample
        states.append(state)
    return states


def trajectory(name, kind, schedule, steps, inference_steps, initial, noises, eta=None, step_arguments=None, **options):
    arguments = step_arguments or {}
    options.setdefault("timestep_spacing", "leading")
    options.setdefault("prediction_type", "epsilon")
    scheduler = make_scheduler(kind, schedule, steps, **options)
    states = run(scheduler, inference_steps, initial, noises, eta, **arguments)
    assert states[-1].dtype == torch.float64 and all(bool(torch.isfinite(state).all()) for state in states)
    timesteps = [int(t) for t in scheduler.timesteps]
    if kind is DDIMScheduler:
        previous = [t - steps // inference_steps for t in timesteps]
    else:
        previous = timesteps[1:] + [-1]
    single = make_scheduler(kind, schedule, steps, double=False, **options)
    single_states = run(single, inference_steps, initial.float(), noises.float(), eta, **arguments)
    entry = {
        "name": name,
        "solver": "ddim" if kind is DDIMScheduler else "ancestral",
        "beta_schedule": schedule,
        "train_timesteps": steps,
        "steps": inference_steps,
        **options,
        **arguments,
        "timesteps": timesteps,
        "previous_timesteps": previous,
        "states": [flat(state) for state in states],
        "float32_final_state": flat(single_states[-1]),
    }
    if eta is not None:
        entry["eta"] = eta
    return entry


def trajectories(initial, noises):
    entries = []

    def add(*arguments, **options):
        entries.append(trajectory(*arguments[:5], initial, noises, **options))

    for schedule in SCHEDULES:
        for clip in (False, True):
            tag = f"{schedule}-{'clip' if clip else 'noclip'}"
            for eta in (0.0, 1.0):
                add(f"ddim-{tag}-eta{eta:g}", DDIMScheduler, schedule, 1000, 10, eta=eta, clip_sample=clip)
            for variance in ("fixed_small", "fixed_large"):
                for steps, count in ((1000, 10), (20, 20)):
                    add(f"ancestral-{tag}-{variance}-{count}of{steps}", DDPMScheduler, schedule, steps, count,
                        clip_sample=clip, variance_type=variance)
        for prediction in ("sample", "v_prediction"):
            add(f"ddim-{schedule}-{prediction}", DDIMScheduler, schedule, 1000, 10, eta=0.0, clip_sample=False,
                prediction_type=prediction)
            add(f"ancestral-{schedule}-{prediction}", DDPMScheduler, schedule, 1000, 10, clip_sample=False,
                variance_type="fixed_small", prediction_type=prediction)
    # 1000 is no multiple of 7, and the last step goes below timestep 0.
    add("ddim-linear-7of1000", DDIMScheduler, "linear", 1000, 7, eta=0.5, clip_sample=False)
    add("ddim-linear-last-alpha", DDIMScheduler, "linear", 1000, 10, eta=0.0, clip_sample=False,
        set_alpha_to_one=False)
    add("ddim-linear-trailing", DDIMScheduler, "linear", 1000, 10, eta=0.0, clip_sample=False,
        timestep_spacing="trailing")
    add("ddim-linear-clip-recomputed", DDIMScheduler, "linear", 1000, 10, eta=0.0, clip_sample=True,
        step_arguments={"use_clipped_model_output": True})
    add("ancestral-linear-7of1000", DDPMScheduler, "linear", 1000, 7, clip_sample=False, variance_type="fixed_small")
    return entries


def to_text(value, indent=0):
    """JSON with lists of numbers on one line."""
    pad = " " * (indent + 1)
    if isinstance(value, dict):
        rows = [f"{pad}{json.dumps(key)}: {to_text(item, indent + 1)}" for key, item in value.items()]
        return "{\n" + ",\n".join(rows) + "\n" + " " * indent + "}"
    if isinstance(value, list) and value and isinstance(value[0], (dict, list)):
        return "[\n" + ",\n".join(pad + to_text(item, indent + 1) for item in value) + "\n" + " " * indent + "]"
    return json.dumps(value)


def main():
    make_deterministic(5)
    random = np.random.default_rng(5)
    # float32 values, so that the float32 run and a float32 implementation start from the same state and noises.
    initial = torch.tensor(random.standard_normal(SHAPE).astype(np.float32)).double()
    noises = torch.tensor(random.standard_normal((20, *SHAPE)).astype(np.float32)).double()
    document = {
        "network": "output(x, t) = 0.3 x + 0.001 t, t the 0-based timestep",
        "shape": list(SHAPE),
        "initial_state": flat(initial),
        "noises": [flat(noise) for noise in noises],
        "tables": {schedule: table_of(schedule) for schedule in SCHEDULES},
        "spacings": [spacing_of(spacing, 1000, count) for spacing in ("leading", "trailing", "linspace")
                     for count in (1, 7, 10, 50)],
        "trajectories": trajectories(initial, noises),
    }
    path = FOLDER / "ddpm_tables.json"
    path.write_text(to_text(document) + "\n")
    print(f"{path.name}: {len(document['trajectories'])} trajectories, {path.stat().st_size} bytes")
    for entry in document["trajectories"]:
        difference = np.abs(np.array(entry["states"][-1]) - np.array(entry["float32_final_state"])).max()
        print(f"  {entry['name']}: float32 tables differ by {difference:.1e}, "
              f"largest state {np.abs(entry['states']).max():.3g}")


if __name__ == "__main__":
    main()
