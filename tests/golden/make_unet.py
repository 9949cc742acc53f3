"""Golden files from diffusers' UNet2DModel: two tiny networks and a ten-step training trace of the first.

Writes unet_ddpm.safetensors, unet_ddpm_trace.safetensors and unet_ddpm_heads.safetensors beside this script.
"""

import copy

import torch
import torch.nn.functional as F
from diffusers import UNet2DModel

from golden import make_deterministic, nmse, parameters_and_gradients, randomise, record, report_rounding, write

# google/ddpm-cifar10-32, for its parameter count.
CIFAR10 = dict(
    sample_size=32, in_channels=3, out_channels=3, block_out_channels=(128, 256, 256, 256), layers_per_block=2,
    down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    norm_num_groups=32, norm_eps=1e-6, flip_sin_to_cos=False, freq_shift=1, downsample_padding=0,
    attention_head_dim=None, center_input_sample=False, act_fn="silu", dropout=0.0,
)
CIFAR10_PARAMETERS = 35_746_307

# The same layout with two levels.
DDPM = dict(
    CIFAR10, sample_size=12, block_out_channels=(8, 16), norm_num_groups=4,
    down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
)

# The defaults of diffusers' training script where they differ: eps, embedding order and shift, padding, heads.
HEADS = dict(
    sample_size=(12, 20), in_channels=1, out_channels=1, block_out_channels=(8, 16, 8), layers_per_block=1,
    down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    norm_num_groups=4, norm_eps=1e-5, flip_sin_to_cos=True, freq_shift=0, downsample_padding=1,
    attention_head_dim=8, center_input_sample=False, act_fn="silu", dropout=0.0,
)

TRACED = ("conv_in.weight", "down_blocks.1.attentions.0.to_q.weight", "up_blocks.1.resnets.2.norm1.weight")


def hooked(network):
    modules = {"time_embedding": network.time_embedding, "conv_in": network.conv_in, "mid_block": network.mid_block}
    # A down block returns (hidden, skips); the hook keeps hidden.
    modules.update({f"down_blocks.{i}": block for i, block in enumerate(network.down_blocks)})
    return modules


def make_network(config, timesteps, seed, name):
    make_deterministic(seed)
    network = UNet2DModel(**config)
    network.train()
    randomise(network)
    size = config["sample_size"]
    height, width = size if isinstance(size, tuple) else (size, size)
    inputs = torch.randn(len(timesteps), config["in_channels"], height, width)
    target = torch.randn(len(timesteps), config["out_channels"], height, width)
    timesteps = torch.tensor(timesteps)
    tensors = record(network, inputs, timesteps, target, F.mse_loss, hooked(network))
    tensors.update(parameters_and_gradients(network))

    double = copy.deepcopy(network).double()
    double_tensors = record(double, inputs.double(), timesteps, target.double(), F.mse_loss, hooked(double))
    double_tensors.update(parameters_and_gradients(double))
    write(name, tensors, config=config)
    print(f"  {sum(p.numel() for p in network.parameters())} parameters, loss {tensors['loss'].item():.6f}")
    report_rounding(tensors, double_tensors)
    network.zero_grad()
    return network


def make_batches(steps, batch, channels, size):
    """Noised smooth images and their noise: a task on which ten steps already lower the loss."""
    alpha_bars = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0).float()
    coarse = torch.randn(steps * batch, channels, 3, 3)
    images = F.interpolate(coarse, size=(size, size), mode="bilinear", align_corners=False)
    images = images.reshape(steps, batch, channels, size, size)
    timesteps = torch.randint(0, 1000, (steps, batch))
    noise = torch.randn(steps, batch, channels, size, size)
    alpha_bar = alpha_bars[timesteps][..., None, None, None]
    return alpha_bar.sqrt() * images + (1 - alpha_bar).sqrt() * noise, timesteps, noise


def train(network, inputs, timesteps, targets):
    """Ten steps: Adam, linear warm-up over five steps, clip at global norm 1, exponential moving average."""
    ema = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    losses, norms, rates, decays = [], [], [], []
    for n in range(len(inputs)):
        rates.append(1e-3 * min((n + 1) / 5, 1.0))
        decays.append(min(0.999, (1 + n) / (10 + n)))
        for group in optimiser.param_groups:
            group["lr"] = rates[-1]
        optimiser.zero_grad()
        loss = F.mse_loss(network(inputs[n], timesteps[n]).sample, targets[n])
        loss.backward()
        # Before clipping; gradients are multiplied by min(1, 1 / (norm + 1e-6)).
        norms.append(torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0).item())
        losses.append(loss.item())
        optimiser.step()
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                ema[name].mul_(decays[-1]).add_(parameter, alpha=1 - decays[-1])
    final = {name: parameter.detach() for name, parameter in network.named_parameters()}
    return losses, norms, rates, decays, final, ema


def make_trace(network, name):
    make_deterministic(20)
    inputs, timesteps, targets = make_batches(10, 4, DDPM["in_channels"], DDPM["sample_size"])
    double = copy.deepcopy(network).double()
    losses, norms, rates, decays, final, ema = train(network, inputs, timesteps, targets)
    double_losses, double_norms, *_, double_final, _ = train(double, inputs.double(), timesteps, targets.double())
    tensors = {
        "trace.inputs": inputs, "trace.timesteps": timesteps.float(), "trace.targets": targets,
        "trace.losses": torch.tensor(losses), "trace.grad_norms": torch.tensor(norms),
        "trace.learning_rates": torch.tensor(rates), "trace.ema_decays": torch.tensor(decays),
    }
    for key in TRACED:
        tensors[f"trace.final.{key}"] = final[key]
        tensors[f"trace.ema.{key}"] = ema[key]
    write(name, tensors, config=DDPM)
    print("  losses    ", " ".join(f"{value:.6f}" for value in losses))
    print("  grad norms", " ".join(f"{value:.4f}" for value in norms))
    print(f"  against float64: losses differ by {max(abs(a / b - 1) for a, b in zip(losses, double_losses)):.1e} "
          f"relative, norms by {max(abs(a / b - 1) for a, b in zip(norms, double_norms)):.1e}, "
          f"final weights NMSE {max(nmse(final[k], double_final[k]) for k in TRACED):.1e}")


def main():
    count = sum(parameter.numel() for parameter in UNet2DModel(**CIFAR10).parameters())
    print(f"google/ddpm-cifar10-32: {count} parameters")
    assert count == CIFAR10_PARAMETERS
    network = make_network(DDPM, [7, 613], 1, "unet_ddpm.safetensors")
    make_trace(network, "unet_ddpm_trace.safetensors")
    make_network(HEADS, [0, 981], 2, "unet_ddpm_heads.safetensors")


if __name__ == "__main__":
    main()
