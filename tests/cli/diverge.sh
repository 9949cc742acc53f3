#!/usr/bin/env bash
# A training that goes astray: it stops with the step, what is not finite, the last good checkpoint and what to try; no
# checkpoint ever holds a number that is not finite.
source "$(dirname "$0")/common.sh"

idx_images "$work/images.idx" 32 12 10
config=$work/tiny.toml
configuration "$config" ddpm "$work/images.idx" 12 10
advice="Try a smaller train.learning_rate"

# ---- The loss, clipped or not.
for clip in 0 1; do
    run_folder=$work/loss-$clip
    refuses 1 "the loss is not a number" train "$config" --out "$run_folder" --set train.steps=100 \
        --set train.clip_norm=$clip --set train.learning_rate=1000 --set train.weight_decay=0.02 --set train.checkpoint_every=1
    newest=$(ls "$run_folder/checkpoints" | tail -n 1)
    step=$((10#${newest#step-}))
    expect_match "what it says" \
        "^error: step $((step + 1)): the loss is not a number; the last good checkpoint is $run_folder/checkpoints/$newest\. $advice" \
        "$(tail -n 1 "$err")"
    expect_equal "last line of metrics" $step "$(metric_steps "$run_folder" | awk '{ print $NF }')"
    succeeds sample "$run_folder" -n 1 --out "$work/sampled-$clip" --weights model # every tensor is finite
done
refuses 1 "the last good checkpoint is none" train "$config" --out "$work/none" --set train.steps=100 \
    --set train.learning_rate=1000 --set train.weight_decay=0.02

# ---- The gradient alone: the last layer's weights are so large that the loss is finite and the gradient's norm is not. A
# run of version 1 has no checksums, so that its weights may be set.
succeeds train "$config" --out "$work/begun"
checkpoint=$work/begun/checkpoints/step-0000004
printf '{"seed":0,"step":4,"version":1}\n' >"$checkpoint/state.json"
header=$((0x$(hex "$checkpoint/model.safetensors" 1 1)$(hex "$checkpoint/model.safetensors" 0 1)))
read -r begin end < <(slice "$checkpoint/model.safetensors" 8 $header |
    sed -nE 's/.*"conv_out\.weight":\{[^}]*"data_offsets":\[([0-9]+),([0-9]+)\].*/\1 \2/p'; echo)
for ((i = begin; i < end; i += 4)); do printf '\x00\x00\x00\x5a'; done | # 2^53
    dd of="$checkpoint/model.safetensors" bs=1 seek=$((8 + header + begin)) conv=notrunc status=none
for settings in "train.log_every=1" "train.log_every=1000 train.checkpoint_every=5"; do
    read -ra keys <<<"$settings"
    cp -r "$work/begun" "$work/gradient"
    refuses 1 "step 5: the gradient norm is infinite; the last good checkpoint is $work/gradient/checkpoints/step-0000004" \
        train "$config" --out "$work/gradient" --set train.steps=9 "${keys[@]/#/--set=}"
    expect_text "$err" "$advice"
    expect_contents "$work/gradient/checkpoints" step-0000004
    expect_equal "steps in metrics.jsonl" "1 2 3 4" "$(metric_steps "$work/gradient")"
    rm -r "$work/gradient"
done
