"""What the scripts of this folder share: determinism, random weights, recording a network, writing a file."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

FOLDER = Path(__file__).resolve().parent


def make_deterministic(seed):
    """One thread and a fixed seed, so that a second run on the same machine gives the same bits."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)


def randomise(network):
    """Draws every parameter anew so that none is zero or one and activations stay of order one."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, parameter[0].numel() ** -0.5)
            elif name.endswith("weight"):
                parameter.normal_(1.0, 0.2)
            else:
                parameter.normal_(0.0, 0.1)
            assert not bool(((parameter == 0) | (parameter == 1)).any()), name


def record(network, inputs, timesteps, target, loss_function, hooked):
    """Forward and backward of one batch: the tensors of a golden file, apart from parameters and their gradients.

    `hooked` maps the name of an activation to the module whose output it is; activations are NCHW.
    """
    tensors = {}
    hooks = []
    for name, module in hooked.items():

        def keep(_module, _arguments, output, name=name):
            hidden = output[0] if isinstance(output, tuple) else output
            tensors[f"activations.{name}"] = hidden.detach().clone()

        hooks.append(module.register_forward_hook(keep))
    network.zero_grad()
    inputs = inputs.clone().requires_grad_(True)
    output = network(inputs, timesteps)
    output = getattr(output, "sample", output)
    loss = loss_function(output, target)
    loss.backward()
    for hook in hooks:
        hook.remove()
    tensors.update(
        {
            "input": inputs.detach(),
            "timesteps": timesteps.to(inputs.dtype),
            "output": output.detach(),
            "target": target,
            "loss": loss.detach().reshape(1),
            "gradients.input": inputs.grad,
        }
    )
    return tensors


def parameters_and_gradients(network):
    tensors = {}
    for name, parameter in network.named_parameters():
        tensors[f"parameters.{name}"] = parameter.detach()
        tensors[f"gradients.{name}"] = parameter.grad
    return tensors


def nmse(value, reference):
    """Normalised mean square error |value - reference|^2 / |reference|^2 in float64."""
    value, reference = np.asarray(value, np.float64), np.asarray(reference, np.float64)
    return float(((value - reference) ** 2).sum() / (reference**2).sum())


def report_rounding(tensors, double_tensors):
    """Prints how far the float32 record is from the same computation in float64."""
    compared = [name for name in tensors if name.startswith(("output", "loss", "gradients", "activations"))]
    # What float64 leaves of a gradient that is zero in exact arithmetic: there is nothing relative to compare.
    zero = [name for name in compared if double_tensors[name].abs().max() < 1e-14]
    worst = max((nmse(tensors[name], double_tensors[name]), name) for name in compared if name not in zero)
    print(f"  output NMSE against float64 {nmse(tensors['output'], double_tensors['output']):.1e}, "
          f"worst tensor {worst[0]:.1e} ({worst[1]})")
    largest = max((tensors[name].abs().max().item() for name in zero), default=0.0)
    print(f"  zero in exact arithmetic, at most {largest:.1e} here: {', '.join(zero)}")


def write(name, tensors, **metadata):
    """Writes FOLDER/name; metadata values are strings or become JSON."""
    text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in metadata.items()}
    # One storage per tensor: safetensors refuses views of shared storage. One metadata entry: the order of several
    # is not fixed, and the file would differ from run to run.
    assert len(text) == 1
    path = FOLDER / name
    save_file({key: value.detach().clone().contiguous() for key, value in tensors.items()}, path, text)
    path.chmod(0o644)
    print(f"{name}: {len(tensors)} tensors, {path.stat().st_size} bytes")
