"""Golden trajectories of diffusers' fast solvers, thresholding and learned variances: solvers.json beside this script.

The network is a closed form, output(x, t) = 0.3 x + 0.001 t (and 0.2 x for the variance), so that only the schedulers'
arithmetic is recorded; noises of stochastic ones are given. The keys of an entry are those of `engine sample`. The
package computes in float32.
"""

from unittest import mock

import numpy as np
import torch
from diffusers import (DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, DPMSolverSinglestepScheduler,
                       EulerDiscreteScheduler, HeunDiscreteScheduler, UniPCMultistepScheduler)

from golden import FOLDER, make_deterministic
from make_ddpm_tables import flat, to_text

SHAPE = (2, 2, 2, 2)  # images, channels, height, width
BETAS = dict(num_train_timesteps=1000, beta_start=1e-4, beta_end=0.02)
PREDICTIONS = {"epsilon": "epsilon", "sample": "x0", "v_prediction": "v"}


def network(x, timestep):
    return 0.3 * x + 0.001 * float(timestep)


def run(scheduler, steps, initial, noises):
    scheduler.set_timesteps(steps)
    learned = getattr(scheduler.config, "variance_type", None) == "learned_range"
    in_sigma = isinstance(scheduler, (EulerDiscreteScheduler, HeunDiscreteScheduler))
    state = initial
    if in_sigma:  # the other schedulers' start
        state = initial * (scheduler.sigmas[0] ** 2 + 1) ** 0.5
    shown, states = [], []
    for i, t in enumerate(scheduler.timesteps):
        shown.append(float(t))
        x = scheduler.scale_model_input(state, t)
        output = network(x, t)
        if learned:
            output = torch.cat([output, 0.2 * x], dim=1)
        draw = mock.patch("diffusers.schedulers.scheduling_ddpm.randn_tensor", lambda *_a, i=i, **_o: noises[i])
        with draw:
            if "sde" in str(scheduler.config.get("algorithm_type")):
                state = scheduler.step(output, t, state, variance_noise=noises[i]).prev_sample
            else:
                state = scheduler.step(output, t, state).prev_sample
        states.append(state)
    assert all(bool(torch.isfinite(s).all()) for s in states), (type(scheduler), dict(scheduler.config), shown)
    return shown, states


def main():
    make_deterministic(6)
    random = np.random.default_rng(6)
    initial = torch.tensor(random.standard_normal(SHAPE).astype(np.float32))
    noises = torch.tensor(random.standard_normal((20, *SHAPE)).astype(np.float32))
    entries = []

    def add(name, kind, solver, steps, theirs=None, **ours):
        options = {**BETAS, **(theirs or {})}
        scheduler = kind(**options)
        shown, states = run(scheduler, steps, initial, noises)
        prediction = PREDICTIONS[options.get("prediction_type", "epsilon")]
        entries.append({"name": name, "solver": solver, "steps": steps, "prediction": prediction,
                        "schedule": "cosine" if options.get("beta_schedule") == "squaredcos_cap_v2" else "linear",
                        **ours, "timesteps": shown, "final": flat(states[-1])})

    for order in (1, 2, 3):
        for solver, end in (("dpm-solver++", "zero"), ("dpm-solver", "sigma_min")):
            algorithm = solver.replace("dpm-solver", "dpmsolver")
            for kind in ("midpoint", "heun"):
                if order == 1 and kind == "heun":
                    continue
                theirs = dict(solver_order=order, algorithm_type=algorithm, solver_type=kind, final_sigmas_type=end)
                ours = dict(order=order, solver_type=kind, final_sigma=end)
                for steps in (5, 10, 20) if kind == "midpoint" else (10,):
                    add(f"{solver} {order} {kind} {steps}", DPMSolverMultistepScheduler, solver, steps, theirs, **ours)
                for steps in (6, 10) if order > 1 else ():
                    add(f"{solver} {order} {kind} singlestep {steps}", DPMSolverSinglestepScheduler, solver, steps,
                        dict(theirs, lower_order_final=True), singlestep=True, **ours)
        for kind, end in (("bh1", "sigma_min"), ("bh2", "zero")):  # the package's bh1 divides by zero at sigma 0
            for steps in (5, 20):
                add(f"unipc {order} {kind} {steps}", UniPCMultistepScheduler, "unipc", steps,
                    dict(solver_order=order, solver_type=kind, final_sigmas_type=end), order=order, solver_type=kind,
                    final_sigma=end)
    for order in (1, 2):
        for kind in ("midpoint", "heun"):
            add(f"sde {order} {kind}", DPMSolverMultistepScheduler, "sde-dpm-solver++", 20,
                dict(solver_order=order, algorithm_type="sde-dpmsolver++", solver_type=kind), order=order, solver_type=kind)
    for prediction in ("sample", "v_prediction"):
        theirs = dict(prediction_type=prediction)
        add(f"dpm-solver++ {prediction}", DPMSolverMultistepScheduler, "dpm-solver++", 10, theirs, order=2)
        add(f"dpm-solver {prediction}", DPMSolverMultistepScheduler, "dpm-solver", 10,
            dict(theirs, algorithm_type="dpmsolver", final_sigmas_type="sigma_min"), order=2, final_sigma="sigma_min")
        add(f"unipc {prediction}", UniPCMultistepScheduler, "unipc", 10, dict(theirs, solver_order=3), order=3)
        add(f"heun {prediction}", HeunDiscreteScheduler, "heun", 6, theirs)
    for spacing in ("leading", "trailing", "linspace"):
        theirs = dict(timestep_spacing=spacing)
        add(f"dpm-solver++ {spacing}", DPMSolverMultistepScheduler, "dpm-solver++", 7, theirs, order=2, spacing=spacing)
        add(f"unipc {spacing}", UniPCMultistepScheduler, "unipc", 7, theirs, order=2, spacing=spacing)
        add(f"euler {spacing}", EulerDiscreteScheduler, "euler", 7, theirs, spacing=spacing)
        add(f"heun {spacing}", HeunDiscreteScheduler, "heun", 7, theirs, spacing=spacing)
    karras = dict(use_karras_sigmas=True)
    add("dpm-solver++ karras", DPMSolverMultistepScheduler, "dpm-solver++", 10, karras, order=2, spacing="karras")
    add("unipc karras", UniPCMultistepScheduler, "unipc", 10, karras, order=2, spacing="karras")
    add("euler karras", EulerDiscreteScheduler, "euler", 10, karras, spacing="karras")
    add("heun karras", HeunDiscreteScheduler, "heun", 10, karras, spacing="karras")
    add("dpm-solver++ log-snr", DPMSolverMultistepScheduler, "dpm-solver++", 10, dict(use_lu_lambdas=True), order=2,
        spacing="log-snr")
    add("dpm-solver++ all orders", DPMSolverMultistepScheduler, "dpm-solver++", 10,
        dict(solver_order=3, lower_order_final=False), order=3, lower_order_final=False)
    add("cosine", DPMSolverMultistepScheduler, "dpm-solver++", 10, dict(beta_schedule="squaredcos_cap_v2"), order=2)
    threshold = dict(thresholding=True, dynamic_thresholding_ratio=0.8, sample_max_value=1.5)
    limits = dict(threshold=0.8, threshold_limit=1.5)
    add("dpm-solver++ threshold", DPMSolverMultistepScheduler, "dpm-solver++", 10, threshold, order=2, **limits)
    add("dpm-solver threshold", DPMSolverMultistepScheduler, "dpm-solver", 10,
        dict(threshold, algorithm_type="dpmsolver", final_sigmas_type="sigma_min"), order=2, final_sigma="sigma_min", **limits)
    add("unipc threshold", UniPCMultistepScheduler, "unipc", 10, threshold, order=2, **limits)
    add("heun clip", HeunDiscreteScheduler, "heun", 7, dict(clip_sample=True), clip=True)
    add("ancestral threshold", DDPMScheduler, "ancestral", 10, dict(threshold, clip_sample=False), spacing="leading", **limits)
    for count in (10, 20):
        add(f"learned {count}", DDPMScheduler, "ancestral", count,
            dict(variance_type="learned_range", clip_sample=False), spacing="leading", variance="learned")

    document = {
        "network": "output(x, t) = 0.3 x + 0.001 t, t the 0-based timestep; for the variance 0.2 x",
        "shape": list(SHAPE),
        "initial_state": flat(initial),
        "noises": [flat(noise) for noise in noises],
        "trajectories": entries,
    }
    path = FOLDER / "solvers.json"
    path.write_text(to_text(document) + "\n")
    print(f"{path.name}: {len(entries)} trajectories, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
