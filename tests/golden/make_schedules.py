"""Golden tables of diffusers' further noise schedules, and trajectories of one that ends in noise alone.

Writes schedules.json beside this script. The tables are the package's own, in float32; the trajectories are its
schedulers' steps with the same tables in float64, as in make_ddpm_tables.py, whose functions this script uses.
"""

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from diffusers.schedulers.scheduling_ddpm import rescale_zero_terminal_snr

from golden import FOLDER, make_deterministic
from make_ddpm_tables import SHAPE, betas, flat, run, to_text

INDICES = (0, 1, 2, 9, 99, 250, 499, 500, 501, 750, 990, 998, 999)
STEPS = 1000


def table(schedule, rescale):
    scheduler = DDPMScheduler(num_train_timesteps=STEPS, beta_start=1e-4, beta_end=0.02, beta_schedule=schedule,
                              rescale_betas_zero_snr=rescale, prediction_type="v_prediction")
    at = list(INDICES)
    return {"beta_schedule": schedule, "rescale_betas_zero_snr": rescale, "train_timesteps": STEPS, "timesteps": at,
            "betas": flat(scheduler.betas[at]), "alphas_cumprod": flat(scheduler.alphas_cumprod[at])}


def trajectory(kind, schedule, prediction, initial, noises, clip, eta=None):
    scheduler = kind(num_train_timesteps=STEPS, beta_start=1e-4, beta_end=0.02, beta_schedule=schedule,
                     rescale_betas_zero_snr=True, prediction_type=prediction, timestep_spacing="trailing",
                     clip_sample=clip)
    exact = rescale_zero_terminal_snr(betas(schedule, STEPS))
    assert torch.allclose(exact.float(), scheduler.betas, rtol=1e-3, atol=1e-6)
    scheduler.betas = exact
    scheduler.alphas = 1 - exact
    scheduler.alphas_cumprod = torch.cumprod(scheduler.alphas, 0)
    assert float(scheduler.alphas_cumprod[-1]) == 0
    one = torch.tensor(1.0, dtype=torch.float64)
    if kind is DDIMScheduler:
        scheduler.final_alpha_cumprod = one
    else:
        scheduler.one = one
    states = run(scheduler, 10, initial, noises, eta)
    assert all(bool(torch.isfinite(state).all()) for state in states)
    entry = {"solver": "ddim" if kind is DDIMScheduler else "ancestral", "beta_schedule": schedule,
             "prediction_type": prediction, "clip_sample": clip, "train_timesteps": STEPS, "steps": 10,
             "timestep_spacing": "trailing", "states": [flat(state) for state in states]}
    if eta is not None:
        entry["eta"] = eta
    return entry


def main():
    make_deterministic(6)
    random = np.random.default_rng(6)
    initial = torch.tensor(random.standard_normal(SHAPE).astype(np.float32)).double()
    noises = torch.tensor(random.standard_normal((10, *SHAPE)).astype(np.float32)).double()
    trajectories = []
    for schedule in ("linear", "squaredcos_cap_v2"):
        for prediction in ("v_prediction", "sample"):
            trajectories.append(trajectory(DDPMScheduler, schedule, prediction, initial, noises, clip=False))
            trajectories.append(trajectory(DDIMScheduler, schedule, prediction, initial, noises, clip=True, eta=0.0))
            trajectories.append(trajectory(DDIMScheduler, schedule, prediction, initial, noises, clip=False, eta=0.5))
    document = {
        "network": "output(x, t) = 0.3 x + 0.001 t, t the 0-based timestep",
        "initial_state": flat(initial),
        "noises": [flat(noise) for noise in noises],
        "tables": [table("sigmoid", False), table("laplace", False)]
        + [table(schedule, True) for schedule in ("linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid", "laplace")],
        "trajectories": trajectories,
    }
    path = FOLDER / "schedules.json"
    path.write_text(to_text(document) + "\n")
    print(f"{path.name}: {len(document['tables'])} tables, {len(trajectories)} trajectories, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
