"""Golden folders as diffusers' save_pretrained writes them: tiny pipelines and networks, with their outputs.

Writes diffusers/NAME beside this script: the folder to import, and NAME/golden with input.npy, the network's
outputs output-T.npy at timesteps T, and for one of them DDIM's way from a given noise, noise.npy to sampleN.npy in
N steps, and that of fast solvers. `make_diffusers.py --full FOLDER` writes only the full-size google/ddpm-cifar10-32 layout there; with
`--check FOLDER GOLDEN`, a folder that the engine exported is loaded and its outputs compared with GOLDEN's.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import (DDIMPipeline, DDIMScheduler, DDPMPipeline, DDPMScheduler, DPMSolverMultistepScheduler, UNet2DModel,
                       UniPCMultistepScheduler)
from safetensors.torch import load_file, save_file

from golden import FOLDER, make_deterministic, randomise
from make_unet import CIFAR10, CIFAR10_PARAMETERS

TIMESTEPS = (0, 7, 981)

DOWN, ATTENTION_DOWN, UP, ATTENTION_UP = "DownBlock2D", "AttnDownBlock2D", "UpBlock2D", "AttnUpBlock2D"

# google/ddpm-cifar10-32, fewer channels.
CIFAR = dict(CIFAR10, sample_size=16, block_out_channels=(8, 8, 12, 8), norm_num_groups=4)

# What diffusers' unconditional training script builds, fewer channels: all else is UNet2DModel's default.
SCRIPT = dict(
    sample_size=32, in_channels=3, out_channels=3, layers_per_block=2, block_out_channels=(8, 8, 8, 8, 16, 8),
    down_block_types=(DOWN, DOWN, DOWN, DOWN, ATTENTION_DOWN, DOWN),
    up_block_types=(UP, ATTENTION_UP, UP, UP, UP, UP), norm_num_groups=4,
)

CLASSES = dict(
    sample_size=(12, 20), in_channels=1, out_channels=1, layers_per_block=1, block_out_channels=(8, 16),
    down_block_types=(DOWN, ATTENTION_DOWN), up_block_types=(ATTENTION_UP, UP), norm_num_groups=4,
    attention_head_dim=4, num_class_embeds=5,
)

LEGACY = dict(
    sample_size=8, in_channels=3, out_channels=3, layers_per_block=1, block_out_channels=(8, 16),
    down_block_types=(ATTENTION_DOWN, DOWN), up_block_types=(UP, ATTENTION_UP), norm_num_groups=8,
    attention_head_dim=None, flip_sin_to_cos=False, freq_shift=1, downsample_padding=0, norm_eps=1e-6,
)

PLAIN = dict(
    sample_size=8, in_channels=3, out_channels=1, layers_per_block=1, block_out_channels=(6, 12, 18),
    down_block_types=(DOWN,) * 3, up_block_types=(UP,) * 3, norm_num_groups=3, add_attention=False,
)

# guided-diffusion's kind of blocks: the timestep scales and shifts, residual blocks between the levels.
RESIDUAL = dict(
    sample_size=(8, 12), in_channels=3, out_channels=3, layers_per_block=1, block_out_channels=(4, 4, 8),
    down_block_types=("ResnetDownsampleBlock2D", ATTENTION_DOWN, DOWN),
    up_block_types=("ResnetUpsampleBlock2D", ATTENTION_UP, UP), norm_num_groups=2, attention_head_dim=2,
    attn_norm_num_groups=2, downsample_type="resnet", upsample_type="resnet", resnet_time_scale_shift="scale_shift",
)

FORMER_NAMES = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
RECENT_KEYS = ("dropout", "downsample_type", "upsample_type", "attn_norm_num_groups", "add_attention", "class_embed_type",
               "num_class_embeds", "num_train_timesteps", "resnet_time_scale_shift", "mid_block_type",
               "time_embedding_dim")


def make_network(config, seed, dtype=torch.float32):
    make_deterministic(seed)
    network = UNet2DModel(**config).eval()
    randomise(network)
    with torch.no_grad():  # smaller outputs: a sampling step then amplifies rounding less
        network.conv_out.weight.mul_(0.3)
    return network.to(dtype).float()  # weights that a file of this type holds exactly


def save_as(folder, dtype):
    """Weights of this type in place of float32."""
    path = folder / "diffusion_pytorch_model.safetensors"
    save_file({name: value.to(dtype) for name, value in load_file(path).items()}, path, {"format": "pt"})


def size_of(network):
    size = network.config.sample_size
    return tuple(size) if isinstance(size, (tuple, list)) else (size, size)


def predict(network, images, timestep, label=None):
    labels = None if label is None else torch.full((len(images),), label)
    with torch.no_grad():
        return network(images, timestep, class_labels=labels).sample


def save_array(path, tensor):
    np.save(path, tensor.numpy())


def write_outputs(network, folder, label=None):
    golden = folder / "golden"
    golden.mkdir()
    images = torch.randn(2, network.config.in_channels, *size_of(network))
    save_array(golden / "input.npy", images)
    for timestep in TIMESTEPS:
        save_array(golden / f"output-{timestep}.npy", predict(network, images, timestep, label))


def write_samples(network, scheduler, golden):
    noise = torch.randn(2, network.config.in_channels, *size_of(network))
    save_array(golden / "noise.npy", noise)
    # Clipped guesses at a nearly pure noise amplify rounding, in 50 steps to order one (the package's own float32 leaves
    # its float64): there the noise schedule is milder.
    for steps, beta_end in ((10, 0.02), (50, 0.002)):
        ddim = DDIMScheduler.from_config(scheduler.config, beta_end=beta_end)
        ddim.set_timesteps(steps)
        images = noise
        for timestep in ddim.timesteps:
            images = ddim.step(predict(network, images, timestep), timestep, images).prev_sample
        save_array(golden / f"sample{steps}.npy", images)
        assert images.abs().max() < 1.5


def write_fast_samples(network, golden):
    """The way of fast solvers from write_samples' noise, and the configurations of their schedulers."""
    noise = torch.from_numpy(np.load(golden / "noise.npy"))
    step_noise = torch.from_numpy(np.random.default_rng(7).standard_normal((5, *noise.shape)).astype(np.float32))
    save_array(golden / "step-noise.npy", step_noise)
    mild = dict(beta_end=0.002)  # see write_samples
    for name, scheduler, counts in (("dpm", DPMSolverMultistepScheduler(**mild), (10, 50)),
                                    ("sde", DPMSolverMultistepScheduler(algorithm_type="sde-dpmsolver++", **mild), (5,)),
                                    ("unipc", UniPCMultistepScheduler(use_karras_sigmas=True, **mild), (10,))):
        scheduler.to_json_file(golden / f"{name}.json")
        for count in counts:
            scheduler.set_timesteps(count)
            images = noise
            for i, timestep in enumerate(scheduler.timesteps):
                drawn = {"variance_noise": step_noise[i]} if name == "sde" else {}
                images = scheduler.step(predict(network, images, timestep), timestep, images, **drawn).prev_sample
            save_array(golden / f"{name}{count}.npy", images)
            assert images.abs().max() < 20, images.abs().max()


def into_root(folder):
    """The layout of google/ddpm-cifar10-32: everything at the root."""
    for part in ("unet", "scheduler"):
        for file in (folder / part).iterdir():
            file.rename(folder / file.name)
        (folder / part).rmdir()


def make_legacy(folder):
    """Names and keys of before diffusers 0.15."""
    path = folder / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    for now, before in FORMER_NAMES.items():
        tensors = {name.replace(now, before): value for name, value in tensors.items()}
    save_file(tensors, path, {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config = {key: value for key, value in config.items() if key not in RECENT_KEYS}
    config["_diffusers_version"] = "0.0.4"
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def fresh(path):
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def finish(folder):
    """Says the size, and loads what was written once more, as a user of the package would."""
    unet = folder / "unet" if (folder / "unet").exists() else folder
    network = UNet2DModel.from_pretrained(unet).eval()
    golden = folder / "golden"
    images = torch.from_numpy(np.load(golden / "input.npy"))
    label = 3 if network.config.num_class_embeds else None
    for timestep in TIMESTEPS:
        expected = np.load(golden / f"output-{timestep}.npy")
        assert np.abs(predict(network, images, timestep, label).numpy() - expected).max() < 1e-5
    for file in folder.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)
    weights = unet / "diffusion_pytorch_model.safetensors"
    print(f"{folder.name}: {network.num_parameters()} parameters, weights {weights.stat().st_size} bytes")


def make_residual(root):
    folder = fresh(root / "residual")
    network = make_network(RESIDUAL, 7)
    DDPMPipeline(network, DDPMScheduler()).save_pretrained(folder)
    write_outputs(network, folder)
    finish(folder)


def make_all(root):
    folder = fresh(root / "cifar")
    network = make_network(CIFAR, 1)
    scheduler = DDPMScheduler(variance_type="fixed_large")
    DDPMPipeline(network, scheduler).save_pretrained(folder)
    write_outputs(network, folder)
    write_samples(network, scheduler, folder / "golden")
    write_fast_samples(network, folder / "golden")
    into_root(folder)
    finish(folder)

    folder = fresh(root / "script")
    network = make_network(SCRIPT, 2, torch.float16)
    scheduler = DDPMScheduler(beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction")
    DDPMPipeline(network, scheduler).save_pretrained(folder)
    save_as(folder / "unet", torch.float16)
    write_outputs(network, folder)
    finish(folder)

    folder = fresh(root / "classes")
    network = make_network(CLASSES, 3)
    DDIMPipeline(network, DDIMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012,
                                        prediction_type="sample", clip_sample=False,
                                        timestep_spacing="trailing")).save_pretrained(folder)
    write_outputs(network, folder, 3)
    finish(folder)

    folder = fresh(root / "legacy")
    network = make_network(LEGACY, 4)
    network.save_pretrained(folder)
    write_outputs(network, folder)
    make_legacy(folder)
    finish(folder)

    make_residual(root)

    folder = fresh(root / "plain")
    network = make_network(PLAIN, 5, torch.bfloat16)
    network.save_pretrained(folder / "unet")
    save_as(folder / "unet", torch.bfloat16)
    DPMSolverMultistepScheduler().save_pretrained(folder / "scheduler")
    write_outputs(network, folder)
    finish(folder)


def make_full(folder):
    folder = fresh(folder)
    network = make_network(CIFAR10, 6)
    assert network.num_parameters() == CIFAR10_PARAMETERS
    scheduler = DDPMScheduler()
    DDPMPipeline(network, scheduler).save_pretrained(folder)
    write_outputs(network, folder)


def check(folder, golden):
    pipeline = DDPMPipeline.from_pretrained(folder)
    images = torch.from_numpy(np.load(golden / "input.npy"))
    worst = 0.0
    for timestep in TIMESTEPS:
        expected = np.load(golden / f"output-{timestep}.npy")
        worst = max(worst, float(np.abs(predict(pipeline.unet.eval(), images, timestep).numpy() - expected).max()))
    print(f"{type(pipeline.scheduler).__name__} {dict(pipeline.scheduler.config)}")
    print(f"{folder}: outputs differ by {worst:.1e} at most")
    assert worst < 1e-4


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            make_all(FOLDER / "diffusers")
        case ["--full", target]:
            make_full(Path(target))
        case ["--check", exported, outputs]:
            check(Path(exported), Path(outputs))
        case _:
            sys.exit(__doc__)
