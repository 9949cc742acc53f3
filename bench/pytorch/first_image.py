"""From the command to the first image in PyTorch: loads a checkpoint of this project's run into diffusers' UNet2DModel, takes
ten DDIM steps for one image and writes a PNG, without compiling anything."""
import argparse
import tomllib


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="configuration of the network (TOML)")
    parser.add_argument("weights", help="model.safetensors or ema.safetensors of a checkpoint")
    parser.add_argument("output", help="PNG to write")
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()

    import torch
    from PIL import Image
    from safetensors.torch import load_file
    from unet import build

    torch.set_num_threads(options.threads)
    with open(options.config, "rb") as f:
        config = tomllib.load(f)
    network = build(config)
    network.load_state_dict(load_file(options.weights))
    network = network.eval().to(memory_format=torch.channels_last)
    data, steps = config["data"], 10
    alpha_bar = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000), 0).tolist()
    torch.manual_seed(0)
    x = torch.randn(1, data["channels"], data["height"], data["width"])
    with torch.inference_mode():
        for t in range(1000 - 1000 // steps, -1, -1000 // steps):
            previous = t - 1000 // steps
            a, a_previous = alpha_bar[t], alpha_bar[previous] if previous >= 0 else 1.0
            epsilon = network(x, torch.full((1,), t)).sample
            x0 = ((x - (1 - a) ** 0.5 * epsilon) / a**0.5).clamp(-1, 1)
            x = a_previous**0.5 * x0 + (1 - a_previous) ** 0.5 * epsilon
    pixels = ((x[0].permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255).byte().numpy()
    Image.fromarray(pixels.squeeze()).save(options.output)


if __name__ == "__main__":
    main()
