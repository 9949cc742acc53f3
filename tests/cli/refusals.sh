#!/usr/bin/env bash
# What each command refuses: exit code 2 for a wrong command line and 1 for everything else, one line "error: ..." that says
# what was wrong, and no run folder begun.
source "$(dirname "$0")/common.sh"

idx_images "$work/images.idx" 32 12 10
config=$work/tiny.toml
configuration "$config" ddpm "$work/images.idx" 12 10

no_run() { # no_run STATUS TEXT ARGUMENT...: of engine train, and no run folder is left
    refuses "$1" "$2" train "${@:3}" --out "$work/refused"
    expect_missing "$work/refused"
}
no_setting() { # no_setting TEXT SECTION.KEY=VALUE...: all given at once
    local settings=() setting
    for setting in "${@:2}"; do settings+=(--set "$setting"); done
    no_run 1 "$1" "$config" "${settings[@]}"
}
no_config() { # no_config TEXT CONTENT: of a configuration file, as printf writes it
    printf "$2" >"$work/wrong.toml"
    no_run 1 "$1" "$work/wrong.toml"
    expect_text "$err" "wrong.toml"
}

# ---- The command line.
refuses 2 "subcommand"
refuses 2 "trian" trian "$config" --out "$work/refused"
refuses 2 "--frobnicate" --frobnicate
no_run 2 "config"
refuses 2 "--out" train "$config"
no_run 2 "--frobnicate" "$config" --frobnicate
no_run 2 "superfluous" "$config" superfluous
refuses 2 "--set" train "$config" --out "$work/refused" --set
refuses 2 "config_or_run" process
refuses 2 "--rows" process "$config" --rows 1
refuses 2 "--rows" process "$config" --rows few
refuses 2 "superfluous" info "$config" superfluous

# ---- --set.
no_setting "unknown key train.stepz; did you mean train.steps?" train.stepz=3
no_setting "unknown section [trian]; did you mean [train]?" trian.batch=3
no_setting "did you mean network.attention_levels?" network.attentionlevels='[1]'
no_setting "expected section.key=value" train.steps
no_setting "expected section.key=value" =3
no_setting "expected section.key=value" steps=3
no_setting "train.steps" train.steps=
no_setting "train.steps" train.steps=many
no_setting "train.steps takes an integer, got a string" 'train.steps="3"'
no_setting "train.steps takes an integer, got a number" train.steps=3.5
no_setting "train.steps takes an integer, got a boolean" train.steps=true
no_setting "train.learning_rate takes a number, got a string" 'train.learning_rate="1e-3"'
no_setting "data.flip takes true or false" data.flip=1
no_setting "network.channels takes an array of integers, got an integer" network.channels=8
no_setting "network.channels takes an array of integers" 'network.channels=[8, "8"]'
no_setting "network.channels takes an array of integers" 'network.channels=[8, -8]'
no_setting "network.downsample is one of convolution, average_pool" network.downsample=maximum
no_setting "train.batch must lie in [1, 1000000], got 0" train.batch=0
no_setting "train.steps must lie in" train.steps=-1
no_setting "train.seed must lie in" train.seed=-1
no_setting "train.learning_rate must lie in" train.learning_rate=nan
no_setting "process.steps must lie in" process.steps=0
no_setting "process.steps" process.steps=99999999999999999999
no_setting "train.dtype is auto, f32 or bf16" train.dtype=f16
no_setting "data.channels is 1 (grey) or 3 (RGB), got 2" data.channels=2

# ---- Values that do not go together.
no_setting "channels 9 do not divide into 4 groups" 'network.channels=[8,9]'
no_setting "attention_levels names level 2, but there are 2" 'network.attention_levels=[2]'
no_setting "channels needs 1 to 8 levels, got 0" 'network.channels=[]'
no_setting "dropout must lie in [0, 1)" network.dropout=1
no_setting "do not divide into heads of 3" network.head_channels=3
no_setting "unknown process 'dpm': expected one of ddpm, ihdm, hdm, blurring, cold" process.kind=dpm
no_setting "schedule" process.schedule=quadratic
no_setting "prediction" process.prediction=noise
no_setting "variance" process.variance=medium
no_setting "beta" process.schedule=linear process.beta_start=0.5 process.beta_end=0.1
no_setting "expected 0 < sigma_min < sigma_max" process.kind=ihdm process.sigma_min=6

no_setting "they need height and width in multiples of 4, got 12×10" 'network.channels=[8,8,8]'
no_setting "'dpm' does not fit process ddpm: expected ancestral or ddim" train.sample_every=100 sample.solver=dpm
no_setting "does not fit process ihdm" process.kind=ihdm train.sample_every=100 sample.solver=ddim
no_setting "does not fit process ihdm" process.kind=ihdm sample.solver=ddim # engine sample would refuse it later
no_setting "12 levels; expected 1 to 12" train.sample_every=100 sample.steps=13

# ---- The configuration file.
no_run 1 "cannot read $work/missing.toml" "$work/missing.toml"
no_run 1 "it is a folder" "$work"
no_config "line 2: not valid TOML" '[train]\nsteps = [1,'
no_config "line 3: not valid TOML" '[train]\nsteps = 1\nsteps = 2\n'
no_config "not valid TOML" '\x89PNG\r\n\x1a\n\x00\x00\x00\x0d'
no_config "stands outside a [section]" 'steps = 1\n'
no_config "unknown key train.stepz; did you mean train.steps?" '[train]\nstepz = 1\n'
no_config "unknown section [trian]; did you mean [train]?" '[trian]\nsteps = 1\n'
no_config "train.steps takes an integer, got a string" '[train]\nsteps = "1"\n'
no_config "train.batch must lie in [1, 1000000]" '[train]\nbatch = 0\n'
no_config "train.optimizer" '[train.optimizer]\nbeta = 1\n'
for command in process info; do
    refuses 1 "cannot read $work/missing.toml" $command "$work/missing.toml"
    refuses 1 "no config.toml in it" $command "$work"
    refuses 1 "did you mean process.steps?" $command "$config" --set process.stepz=1
    refuses 1 "wrong.toml" $command "$work/wrong.toml"
done

# ---- Data.
no_data() { # no_data TEXT FILE [SECTION.KEY=VALUE]...
    no_setting "$1" data.path="$2" "${@:3}"
    expect_text "$err" "$2"
}
printf '[train]\nsteps = 1\n' >"$work/no-data.toml"
no_run 1 "data.path is not set" "$work/no-data.toml"
no_data "no data set at" "$work/nowhere"
mkdir "$work/empty"
no_data "holds no data set" "$work/empty"
no_data "not a data set that is known" "$config"
no_data "expected an image of 10x12 (data.height, data.width), got 12x10" "$work/images.idx" \
    data.height=10 data.width=12 data.resize=none
no_setting "data format 'png' is not known" data.format=png
no_setting "data.resize is crop or none" data.resize=stretch
no_setting "data.memory_limit must lie in" data.memory_limit=-1
: >"$work/wrong.idx"
no_data "got 0 bytes" "$work/wrong.idx"
no_data "it is empty" "$work/wrong.idx" data.format=idx
head -c 10 "$work/images.idx" >"$work/wrong.idx"
no_data "cut off within its header" "$work/wrong.idx"
head -c 1000 "$work/images.idx" >"$work/wrong.idx"
no_data "it is cut off" "$work/wrong.idx"
{ cat "$work/images.idx"; echo; } >"$work/wrong.idx"
no_data "something follows" "$work/wrong.idx"
big_endian 0x803 0 12 10 >"$work/wrong.idx"
no_data "there are none" "$work/wrong.idx"
big_endian 0x803 0xffffffff 0xffffffff 0xffffffff >"$work/wrong.idx"
no_data "refused" "$work/wrong.idx"
idx_labels "$work/wrong.idx" 12
no_data "a labels file" "$work/wrong.idx"
cp "$work/images.idx" "$work/few-images-idx3-ubyte"
idx_labels "$work/few-labels-idx1-ubyte" 31
no_data "31 labels for the 32 images" "$work/few-images-idx3-ubyte"
cifar10 "$work/cifar.bin" 3 0
no_data "expected an image of 12x10 (data.height, data.width), got 32x32" "$work/cifar.bin" data.resize=none
head -c 6000 "$work/cifar.bin" >"$work/cut.bin"
no_data "expected CIFAR-10 records of 3073 bytes" "$work/cut.bin"
{ printf '\x0a'; bytes 3072; } >"$work/label.bin"
no_data "expected labels 0 to 9" "$work/label.bin"
gzip -c "$work/images.idx" >"$work/whole.gz"
head -c 500 "$work/whole.gz" >"$work/cut.gz"
succeeds info --json
if grep -q '"zlib"' "$out"; then
    no_data "cut off" "$work/cut.gz"
else
    no_data "no zlib" "$work/cut.gz"
fi

# ---- Devices.
no_run 1 "unknown device 'gpu': expected auto, cpu or cuda" "$config" --device gpu
if [[ $(json_value "$out" gpu) == "built without CUDA" ]]; then no_run 1 "built without CUDA" "$config" --device cuda; fi

# ---- Run folders that cannot be made or written.
touch "$work/file"
refuses 1 "$work/file" train "$config" --out "$work/file"
refuses 1 "$work/file/run" train "$config" --out "$work/file/run"
expect_equal "size of the file that was in the way" 0 "$(wc -c <"$work/file")"
# Root may write everywhere, so that as root the program runs as nobody.
program=$ENGINE
if ((EUID == 0)); then
    printf '#!/bin/bash\nexec setpriv --reuid=65534 --regid=65534 --clear-groups %q "$@"\n' "$ENGINE" >"$work/as-nobody"
    chmod 755 "$work" "$work/as-nobody"
    program=$work/as-nobody
fi
mkdir -m 555 "$work/read-only"
if [[ $("$program" --version 2>/dev/null) == engine* ]]; then
    (
        ENGINE=$program
        refuses 1 "$work/read-only" train "$config" --out "$work/read-only/run"
        refuses 1 "$work/read-only" train "$config" --out "$work/read-only"
    )
    expect_equal "contents of the read-only folder" "" "$(ls -A "$work/read-only")"
else
    note "the program cannot be run as nobody: a read-only folder is not tried"
fi
