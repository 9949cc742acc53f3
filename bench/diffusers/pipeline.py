"""diffusers' DDIMPipeline as its users call it on a CPU: the contestant of bench/against_diffusers.py.

  pipeline.py make FOLDER             random weights in the layout of google/ddpm-cifar10-32, as save_pretrained writes them
  pipeline.py first FOLDER IMAGE.png  one image in ten steps, from nothing to the file
  pipeline.py serve FOLDER            says that it is ready, and for each number N on standard input calls the pipeline N times
                                      and prints their seconds and the largest resident size as one line of JSON
"""
import argparse
import contextlib
import json
import sys
import time

STEPS = 10
LAYOUT = dict(
    sample_size=32, in_channels=3, out_channels=3, block_out_channels=(128, 256, 256, 256), layers_per_block=2,
    down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"), norm_eps=1e-6, flip_sin_to_cos=False, freq_shift=1,
    downsample_padding=0, attention_head_dim=None,
)  # fmt: skip


def peak_bytes():
    with open("/proc/self/status") as f:  # getrusage's begins with that of the parent
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM:")) * 1024


def make(folder):
    import torch
    from diffusers import DDIMPipeline, DDIMScheduler, UNet2DModel

    torch.manual_seed(0)
    pipeline = DDIMPipeline(UNet2DModel(**LAYOUT), DDIMScheduler())
    pipeline.save_pretrained(folder)
    print(json.dumps({"parameters": pipeline.unet.num_parameters()}))


def load(folder, channels_last):
    import torch
    from diffusers import DDIMPipeline

    pipeline = DDIMPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    if channels_last:
        pipeline.unet.to(memory_format=torch.channels_last)
    return pipeline


def sample(pipeline, batch, bf16):
    import torch

    autocast = torch.autocast("cpu", torch.bfloat16) if bf16 else contextlib.nullcontext()
    with autocast:
        return pipeline(batch_size=batch, generator=torch.Generator().manual_seed(0), num_inference_steps=STEPS).images


def serve(options):
    import diffusers
    import torch

    pipeline = load(options.folder, options.channels_last)
    sample(pipeline, options.batch, options.bf16)
    print(json.dumps({"ready": True, "torch": torch.__version__, "diffusers": diffusers.__version__}), flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            start = time.perf_counter()
            sample(pipeline, options.batch, options.bf16)
            seconds.append(time.perf_counter() - start)
        print(json.dumps({"seconds": seconds, "memory_bytes": peak_bytes()}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["make", "first", "serve"])
    parser.add_argument("folder")
    parser.add_argument("image", nargs="?", help="PNG to write")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--bf16", action="store_true", help="autocast to bfloat16")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()

    import torch

    torch.set_num_threads(options.threads)
    if options.mode == "make":
        make(options.folder)
    elif options.mode == "first":
        sample(load(options.folder, options.channels_last), 1, options.bf16)[0].save(options.image)
        print(json.dumps({"memory_bytes": peak_bytes()}))
    else:
        serve(options)


if __name__ == "__main__":
    main()
