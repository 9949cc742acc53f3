#!/usr/bin/env bash
# engine train with other schedules, weights of levels and a learned variance: what takes effect, what is refused.
source "$(dirname "$0")/common.sh"

idx_images "$work/images.idx" 16 8 8
config=$work/ddpm.toml
configuration "$config" ddpm "$work/images.idx" 8 8
first_loss() { metrics "$1" | head -n 1; }

succeeds train "$config" --out "$work/plain" --set train.steps=1
for setting in process.loss_weight=min-snr process.loss_weight=p2 process.loss_weight=vlb process.schedule=sigmoid \
    process.schedule=laplace process.variance=learned; do
    run_folder=$work/${setting#*=}
    succeeds train "$config" --out "$run_folder" --set train.steps=2 --set "$setting"
    [[ $(first_loss "$run_folder") != "$(first_loss "$work/plain")" ]] || fail "$setting changes no loss"
    refuses 1 "this run was begun with another" train "$config" --out "$run_folder" --set train.steps=2
done
succeeds process "$work/p2" --json
expect_text "$out" '"loss_weight":['
succeeds process "$work/plain" --json
! grep -q loss_weight "$out" || fail "uniform weights need no column"

# ---- A learned variance doubles the network's output, unless that is said otherwise.
parameters() { # parameters RUN
    succeeds info "$1" --json
    json_value "$out" parameters
}
expect_equal "parameters of one more channel of 3×3 by 8, and its bias" 73 \
    $(($(parameters "$work/learned") - $(parameters "$work/plain")))
refuses 1 "whose output is of 2 channels are trained" train "$config" --out "$work/none" --set process.variance=learned \
    --set network.out_channels=1
refuses 1 "whose output is of 1 channels are trained" train "$config" --out "$work/none" --set network.out_channels=2
refuses 1 "a process in another basis takes small or large" train "$config" --out "$work/none" \
    --set process.variance=learned --set process.kind=blurring
succeeds train "$config" --out "$work/other" --set process.variance=learned --set process.kind=cold --set train.steps=1
expect_missing "$work/none"

# ---- A schedule that ends in noise alone.
zero=(--set process.zero_terminal_snr=true)
refuses 1 "process.prediction = v or x0" train "$config" --out "$work/none" "${zero[@]}"
succeeds train "$config" --out "$work/zero" "${zero[@]}" --set process.prediction=v
succeeds sample "$work/zero" -n 2 --spacing trailing --steps 3 --out "$work/samples"
succeeds process "$work/zero" --json
expect_text "$out" '"alpha_bar_last":{"meaning":"ᾱ_N: the share of the data'"'"'s variance left at level N","value":0.0}'

# ---- What there is no number for.
for kind in ihdm cold; do
    refuses 1 "choose uniform" process "$config" --set process.kind=$kind --set process.loss_weight=min-snr
done
refuses 1 "choose min-snr, p2 or uniform" process "$config" --set process.kind=hdm --set process.loss_weight=vlb
refuses 1 "expected uniform, min-snr, p2 or vlb" process "$config" --set process.loss_weight=snr
refuses 1 "process.loss_gamma must lie in (0, 1000], got 0" process "$config" --set process.loss_gamma=0.0
refuses 1 "linear, scaled_linear, cosine, sigmoid, laplace or vp" process "$config" --set process.schedule=exp
