#!/usr/bin/env bash
# Numbers that make no sense: each key has a range, and what cannot fit the machine's memory is refused before it is asked for.
source "$(dirname "$0")/common.sh"

idx_images "$work/images.idx" 32 12 10
config=$work/tiny.toml
configuration "$config" ddpm "$work/images.idx" 12 10

no_setting() { # no_setting TEXT SECTION.KEY=VALUE...: all given at once
    local settings=() setting
    for setting in "${@:2}"; do settings+=(--set "$setting"); done
    refuses 1 "$1" train "$config" "${settings[@]}" --out "$work/refused"
    expect_missing "$work/refused"
}

# ---- Every key that takes a number refuses what is none, and what lies beyond both ends of its range.
floats="process.beta_start process.beta_end process.sigma_min process.sigma_max process.sigma process.delta
    network.norm_epsilon network.dropout network.frequency_shift train.learning_rate train.beta1 train.beta2 train.epsilon
    train.weight_decay train.clip_norm train.ema_rate"
for key in $floats; do
    for value in nan -nan inf -inf -1.5 1e38 1e300; do no_setting "$key must lie in" "$key=$value"; done
done
integers="data.height data.width data.channels process.steps network.blocks network.head_channels network.groups
    network.downsample_padding train.steps train.batch train.seed train.accumulation train.warm_up train.log_every
    train.checkpoint_every train.keep train.keep_every train.sample_every train.sample_count sample.steps"
for key in $integers; do
    no_setting "$key takes an integer" "$key=1.0"
    no_setting "$key takes an integer" "$key=nan"
    no_setting "$key must lie in" "$key=-1"
    no_setting "$key" "$key=99999999999999999999"
    [[ $key == train.seed ]] || no_setting "$key must lie in" "$key=9223372036854775807"
done

# ---- Ends that do not belong to the range; too small for a 32-bit number is zero.
no_setting "beta1 must lie in [0, 1), got 1" train.beta1=1
no_setting "beta1 must lie in [0, 1), got 1" train.beta1=0.999999999999
no_setting "beta2 must lie in [0, 1), got 1" train.beta2=1.0
no_setting "train.epsilon must lie in (0, 1], got 0" train.epsilon=0
no_setting "train.epsilon must lie in (0, 1], got 0" train.epsilon=1e-60
no_setting "dropout must lie in [0, 1), got 1" network.dropout=1
no_setting "norm_epsilon must lie in (0, 1], got 0" network.norm_epsilon=0
no_setting "beta_start must lie in (0, 1), got 0" process.schedule=linear process.beta_start=0
no_setting "beta_end must lie in (0, 1), got 1" process.schedule=linear process.beta_end=1
no_setting "sigma_min must lie in (0, 1000000], got 0" process.kind=ihdm process.sigma_min=0
no_setting "must not exceed 2^32, got 1000000000 × 1000" train.steps=1000000000 train.accumulation=1000

# ---- Networks and batches beyond all memory.
no_setting "lower network.channels or network.blocks" 'network.channels=[65536, 65536]'
no_setting "lower network.channels or network.blocks" 'network.channels=[65536, 65536, 65536, 65536, 65536, 65536, 65536, 65536]' \
    network.blocks=64
no_setting "network.channels takes an array of integers in [0, 65536]" 'network.channels=[65537]'
{ big_endian 0x803 1 4096 4096; head -c $((4096 * 4096)) /dev/zero; } >"$work/large.idx"
no_setting "batches of 1 images of 4096×4096 take at least" data.path="$work/large.idx" data.height=4096 data.width=4096 \
    train.batch=1000000 'network.channels=[256]' network.blocks=64 'network.attention_levels=[]'
expect_text "$err" "lower train.batch"
succeeds train "$config" --out "$work/run"
sed -i 's/^channels = \[ 8, 8 \]/channels = [ 65536, 65536 ]/' "$work/run/config.toml"
expect_text "$work/run/config.toml" 65536
refuses 1 "lower network.channels or network.blocks" sample "$work/run" --out "$work/pictures"
expect_missing "$work/pictures"
