#!/usr/bin/env bash
# engine import and engine export: runs of diffusers' folders, and back. What the package itself computed lies in
# tests/golden/diffusers (make_diffusers.py).
source "$(dirname "$0")/common.sh"

golden=$SOURCE_DIR/tests/golden/diffusers

# ---- Every layout: imported, and the same outputs as the package's.
runs=$work/runs
for folder in "$golden"/*/; do
    name=$(basename "$folder")
    succeeds import "$folder" --out "$runs/$name"
    expect_contents "$runs/$name" checkpoints config.toml
    expect_contents "$runs/$name/checkpoints/step-0000000" "${checkpoint_files[@]}"
    expect_same "$runs/$name"/checkpoints/step-0000000/{model,ema}.safetensors
    label=()
    [[ $name == classes ]] && label=(--label 3)
    for t in 0 7 981; do
        succeeds predict "$runs/$name" --input "$folder/golden/input.npy" --t $t "${label[@]}" --output "$work/output.npy"
        expect_near "$name at t = $t" "$folder/golden/output-$t.npy" "$work/output.npy"
    done
    succeeds info "$runs/$name" --json
    expect_equal "$name: checkpoints" '[0]' "$(sed -nE 's/.*"checkpoints":(\[[^]]*\]).*/\1/p' "$out")"
    if [[ $name != plain ]]; then # three channels in, one out: no process has such a network
        succeeds sample "$runs/$name" -n 1 --steps 2 "${label[@]}" --out "$work/samples-$name"
        expect_exists "$work/samples-$name/grid.png"
    fi
done
expect_no_leftovers "$runs"

# ---- Schedulers become keys.
expect_keys() { # expect_keys RUN LINE...
    local line
    for line in "${@:2}"; do expect_text "$runs/$1/config.toml" "$line"; done
}
expect_keys cifar "kind = 'ddpm'" "schedule = 'linear'" "variance = 'large'" "solver = 'ancestral'" "steps = 1000" \
    "head_channels = 0" "downsample_padding = 0" "cosine_first = false" "height = 16"
expect_keys script "schedule = 'cosine'" "prediction = 'v'" "variance = 'small'" "head_channels = 8" "cosine_first = true"
expect_keys classes "schedule = 'scaled_linear'" "beta_end = 0.012" "prediction = 'x0'" "solver = 'ddim'" \
    "steps = 50" "spacing = 'trailing'" "clip = false" "classes = 5" "height = 12" "width = 20"
expect_keys residual "scale_shift = true" "downsample = 'residual'" "upsample = 'residual'" "head_channels = 2"
expect_keys plain "solver = 'dpm-solver++'" "order = 2" "solver_type = 'midpoint'" "spacing = 'linspace'" "clip = false" \
    "middle_attention = false" "attention_levels = []" "out_channels = 1"
succeeds import "$golden/legacy" --out "$work/bare"
expect_text "$err" "no scheduler in it"

# ---- DDIM goes the package's way from a noise of one's own, in any batch. A network of random weights amplifies rounding
# from step to step: the package's own f32 and f64 differ by more than this.
tolerance=3e-4
succeeds import "$golden/cifar" --out "$work/milder" --set process.beta_end=0.002 # see make_diffusers.py
for steps in 10 50; do
    run=$runs/cifar
    ((steps == 50)) && run=$work/milder
    succeeds sample "$run" --init-noise "$golden/cifar/golden/noise.npy" --solver ddim --steps $steps --npy --out "$work/ddim-$steps"
    expect_near "DDIM in $steps steps" "$golden/cifar/golden/sample$steps.npy" "$work/ddim-$steps/samples.npy"
done
succeeds sample "$runs/cifar" --init-noise "$golden/cifar/golden/noise.npy" --solver ddim --steps 10 --npy --batch 1 -n 2 \
    --out "$work/ddim-batch"
expect_near "DDIM one image at a time" "$golden/cifar/golden/sample10.npy" "$work/ddim-batch/samples.npy"
tolerance=1e-4

# ---- So do the fast solvers.
with_scheduler() { # with_scheduler NAME CLASS: cifar with the scheduler whose configuration is golden/NAME.json
    rm -rf "$work/with-$1" && cp -r "$golden/cifar" "$work/with-$1"
    cp "$golden/cifar/golden/$1.json" "$work/with-$1/scheduler_config.json"
    sed -i "s/DDPMScheduler/$2/" "$work/with-$1/model_index.json"
    succeeds import "$work/with-$1" --out "$runs/$1"
}
fast() { # fast NAME STEPS ARGUMENT...
    succeeds sample "$runs/$1" --init-noise "$golden/cifar/golden/noise.npy" --steps "$2" --npy --out "$work/$1-$2" "${@:3}"
    expect_near "$1 in $2 steps" "$golden/cifar/golden/$1$2.npy" "$work/$1-$2/samples.npy"
}
with_scheduler dpm DPMSolverMultistepScheduler
with_scheduler sde DPMSolverMultistepScheduler
with_scheduler unipc UniPCMultistepScheduler
expect_keys sde "solver = 'sde-dpm-solver++'" "order = 2" "beta_end = 0.002" "steps = 50" "final_sigma = 'zero'"
expect_keys unipc "solver = 'unipc'" "solver_type = 'bh2'" "spacing = 'karras'"
fast dpm 10
fast dpm 50
fast unipc 10
fast sde 5 --step-noise "$golden/cifar/golden/step-noise.npy" --batch 1
refuses 1 "expected that of 8, or of all but the last" sample "$runs/sde" -n 2 --steps 8 \
    --step-noise "$golden/cifar/golden/step-noise.npy" --out "$work/none"
refuses 1 "expected an array steps×3×3×16×16" sample "$runs/sde" -n 3 --steps 5 \
    --step-noise "$golden/cifar/golden/step-noise.npy" --out "$work/none"
for name in dpm unipc; do
    succeeds export "$runs/$name" --to diffusers "$work/pipeline/$name"
    succeeds import "$work/pipeline/$name" --out "$work/again/$name"
    expect_same "$runs/$name/config.toml" "$work/again/$name/config.toml"
done

no_noise() { # no_noise TEXT FILE ARGUMENT...
    refuses 1 "$1" sample "$runs/cifar" --init-noise "$2" --out "$work/none" "${@:3}"
    expect_missing "$work/none"
}
no_noise "expected noise of 16×16, the size of the run's images, got 8×8" "$golden/legacy/golden/input.npy"
no_noise "expected an array N×3×H×W, got 2×1×12×20" "$golden/classes/golden/input.npy"
no_noise "it starts 2 images, --count asks for 3" "$golden/cifar/golden/noise.npy" -n 3
no_noise "$work/missing.npy" "$work/missing.npy"
head -c 1000 "$golden/cifar/golden/noise.npy" >"$work/cut.npy"
no_noise "$work/cut.npy" "$work/cut.npy"
{ head -c -4 "$golden/cifar/golden/noise.npy"; printf '\x00\x00\xc0\x7f'; } >"$work/nan.npy"
no_noise "not finite" "$work/nan.npy"

# ---- Labels.
with_label() { # with_label TEXT RUN [LABEL]...
    refuses 1 "$1" predict "$runs/$2" --input "$golden/$2/golden/input.npy" --t 0 --output "$work/none.npy" "${@:3}"
    refuses 1 "$1" sample "$runs/$2" -n 1 --steps 1 --out "$work/none" "${@:3}"
    expect_missing "$work/none.npy" "$work/none"
}
with_label "this network has 5 classes: choose one with --label 0 to 4" classes
with_label "choose one with --label 0 to 4, not 5" classes --label 5
with_label "not -1" classes --label -1
with_label "has no classes: leave --label out" cifar --label 0
succeeds predict "$runs/classes" --input "$golden/classes/golden/input.npy" --t 7 --label 2 --output "$work/other.npy"
expect_different "$golden/classes/golden/output-7.npy" "$work/other.npy"
refuses 1 "network output" sample "$runs/plain" -n 1 --steps 1 --out "$work/none"

# ---- Export and import again: the same weights, bit by bit, and the same configuration.
step=checkpoints/step-0000000
for name in cifar script residual; do
    succeeds export "$runs/$name" --to diffusers "$work/pipeline/$name"
    expect_contents "$work/pipeline/$name" model_index.json scheduler unet
    expect_contents "$work/pipeline/$name/unet" config.json diffusion_pytorch_model.safetensors
    succeeds import "$work/pipeline/$name" --out "$work/again/$name"
    expect_same "$runs/$name/$step" "$work/again/$name/$step"
    expect_same "$runs/$name/config.toml" "$work/again/$name/config.toml"
done
for schedule in sigmoid laplace; do
    succeeds import "$golden/script" --out "$work/$schedule" --set process.schedule=$schedule \
        --set process.zero_terminal_snr=true
    succeeds export "$work/$schedule" --to diffusers "$work/pipeline/$schedule"
    expect_text "$work/pipeline/$schedule/scheduler/scheduler_config.json" "\"beta_schedule\": \"$schedule\""
    expect_text "$work/pipeline/$schedule/scheduler/scheduler_config.json" '"rescale_betas_zero_snr": true'
    succeeds import "$work/pipeline/$schedule" --out "$work/again/$schedule"
    expect_same "$work/$schedule/config.toml" "$work/again/$schedule/config.toml"
done
succeeds export "$runs/classes" --to diffusers "$work/classes-unet" --unet-only
expect_contents "$work/classes-unet" config.json diffusion_pytorch_model.safetensors
succeeds import "$work/classes-unet" --out "$work/again/classes"
expect_same "$runs/classes/$step" "$work/again/classes/$step"

# ---- A run of our own: the average by default, the last weights on request. An imported one can be trained on.
idx_images "$work/images.idx" 8 8 8
configuration "$work/own.toml" ddpm "$work/images.idx" 8 8
succeeds train "$work/own.toml" --out "$work/own" --set sample.solver=ddim --set sample.clip=false
succeeds export "$work/own" --to diffusers "$work/own-ema"
expect_same "$work/own/checkpoints/step-0000004/ema.safetensors" "$work/own-ema/unet/diffusion_pytorch_model.safetensors"
succeeds export "$work/own" --to diffusers "$work/own-model" --weights model --json
expect_same "$work/own/checkpoints/step-0000004/model.safetensors" "$work/own-model/unet/diffusion_pytorch_model.safetensors"
expect_equal "step" 4 "$(json_value "$out" checkpoint_step)"
expect_text "$work/own-ema/model_index.json" '"DDIMPipeline"'
succeeds import "$work/own-ema" --out "$work/own-again" --set data.path="$work/images.idx" --set train.batch=2 --json
expect_equal "solver" ddim "$(json_value "$out" solver)"
expect_same "$work/own/checkpoints/step-0000004/ema.safetensors" "$work/own-again/$step/ema.safetensors"
expect_text "$work/own-again/config.toml" "clip = false"
succeeds train "$work/own-again/config.toml" --out "$work/own-again" --set train.steps=2
expect_exists "$work/own-again/checkpoints/step-0000002"
idx_images "$work/wide.idx" 8 12 20
refuses 1 "these images have no labels" train "$runs/classes/config.toml" --out "$runs/classes" --set data.path="$work/wide.idx"

# ---- Refused exports leave nothing.
no_export() { # no_export TEXT RUN ARGUMENT...
    refuses 1 "$1" export "$2" --to diffusers "$work/none" "${@:3}"
    expect_missing "$work/none"
}
configuration "$work/ihdm.toml" ihdm "$work/images.idx" 8 8
succeeds train "$work/ihdm.toml" --out "$work/ihdm" --set network.upsample=nearest --set train.steps=1
no_export "no counterpart of process ihdm: --unet-only" "$work/ihdm"
# Heads by their number have a counterpart where all attentions have as many channels.
succeeds train "$work/ihdm.toml" --out "$work/heads" --set network.heads=2 --set train.steps=1
succeeds export "$work/heads" --to diffusers "$work/heads-unet" --unet-only
expect_text "$work/heads-unet/config.json" '"attention_head_dim": 4'
succeeds train "$work/ihdm.toml" --out "$work/heads-apart" --set network.heads=2 --set 'network.channels=[8, 16]' \
    --set 'network.attention_levels=[0, 1]' --set train.steps=1
no_export "network.heads = 2: diffusers' UNet2DModel has heads of the same channels" "$work/heads-apart" --unet-only
refuses 1 "choose one of them" train "$work/ihdm.toml" --out "$work/none" --set network.heads=2 --set network.head_channels=4
no_export 'network.upsample = "nearest"' "$work/ihdm" --unet-only
no_export "--unet-only" "$runs/classes"
no_export "not a run folder" "$work"
no_export "no checkpoint of step 3" "$runs/cifar" --checkpoint 3
refuses 1 "exists already" export "$runs/cifar" --to diffusers "$work/own-ema"
refuses 2 "" export "$runs/cifar" --to elsewhere "$work/none"

# ---- Refused imports leave nothing, and name what is wrong.
case=$work/case
damaged=$work/damaged
fresh_case() { # fresh_case NAME
    rm -rf "$case"
    cp -r "$golden/$1" "$case"
}
no_import() { # no_import TEXT
    refuses 1 "$1" import "$case" --out "$damaged/run"
    expect_missing "$damaged"
}
config_refused() { # config_refused TEXT FILE SED-SCRIPT: of cifar
    fresh_case cifar
    sed -i -E "$3" "$case/$2"
    no_import "$1"
}
unet_refused() { config_refused "$1" config.json "$2"; }
scheduler_refused() { config_refused "$1" scheduler_config.json "$2"; }
key() { echo "s/\"$1\": [^,]*(,?)\$/\"$1\": $2\\1/"; } # key NAME JSON: of one line
add() { echo "s/^\\{/{ \"$1\": $2,/"; }

unet_refused 'center_input_sample = true: not supported, only false is' "$(key center_input_sample true)"
unet_refused 'time_embedding_type = "fourier"' "$(key time_embedding_type '"fourier"')"
unet_refused 'resnet_time_scale_shift = "spatial"' "$(key resnet_time_scale_shift '"spatial"')"
unet_refused 'attn_norm_num_groups = null: a middle attention without' "$(key resnet_time_scale_shift '"scale_shift"')"
unet_refused 'downsample_type = "fir"' "$(key downsample_type '"fir"')"
unet_refused 'some levels change their resolution by a residual block' "$(key downsample_type '"resnet"')"
unet_refused 'upsample_type = "fir"' "$(key upsample_type '"fir"')"
unet_refused 'some levels change their resolution by a residual block' "$(key upsample_type '"resnet"')"
unet_refused 'act_fn = "gelu"' "$(key act_fn '"gelu"')"
unet_refused 'mid_block_scale_factor = 1.5' "$(key mid_block_scale_factor 1.5)"
unet_refused 'mid_block_type = null' "$(key mid_block_type null)"
unet_refused 'class_embed_type = "timestep"' "$(key class_embed_type '"timestep"')"
unet_refused 'attn_norm_num_groups = 2' "$(key attn_norm_num_groups 2)"
unet_refused 'attention_head_dim = 5: 8 channels do not divide' "$(key attention_head_dim 5)"
unet_refused 'norm_num_groups = "many": expected a whole number' "$(key norm_num_groups '"many"')"
unet_refused 'channels 8 do not divide into 3 groups' "$(key norm_num_groups 3)"
unet_refused 'norm_epsilon must be positive' "$(key norm_eps 0)"
unet_refused 'in_channels = 4: not supported' "$(key in_channels 4)"
unet_refused 'sample_size = 12: 4 levels take sizes in multiples of 8' "$(key sample_size 12)"
unet_refused 'sample_size is missing' "$(key sample_size null)"
unet_refused 'block SkipDownBlock2D is not supported' 's/"AttnDownBlock2D"/"SkipDownBlock2D"/'
unet_refused 'level 1 has attention on its way up alone' 's/"AttnDownBlock2D"/"DownBlock2D"/'
unet_refused 'have 4, 5 and 4 levels' 's/"AttnDownBlock2D"/"AttnDownBlock2D", "DownBlock2D"/'
unet_refused 'novelty = 3: an unknown setting' "$(add novelty 3)"
unet_refused '_class_name = "UNet2DConditionModel"' "$(key _class_name '"UNet2DConditionModel"')"
unet_refused 'config.json: not valid JSON' 's/"act_fn"/act_fn/'
scheduler_refused 'beta_schedule = "exp"' "$(key beta_schedule '"exp"')"
scheduler_refused 'variance_type = "learned"' "$(key variance_type '"learned"')"
scheduler_refused 'learned_range takes 6 out_channels of the network, not 3' "$(key variance_type '"learned_range"')"
scheduler_refused 'prediction_type = "flow_prediction"' "$(key prediction_type '"flow_prediction"')"
scheduler_refused 'thresholding = "yes"' "$(key thresholding '"yes"')"
scheduler_refused 'rescale_betas_zero_snr = true' "$(key rescale_betas_zero_snr true)"
scheduler_refused 'clip_sample_range = 2.0' "$(key clip_sample_range 2.0)"
scheduler_refused 'steps_offset = 1' "$(key steps_offset 1)"
scheduler_refused 'trained_betas = [0.1' "$(key trained_betas '[0.1]')"
scheduler_refused 'expected 0 < beta_start <= beta_end < 1' "$(key beta_end 1.5)"
scheduler_refused 'novelty = "x": an unknown setting' "$(add novelty '"x"')"
scheduler_refused 'num_train_timesteps = 0: expected a whole number' "$(key num_train_timesteps 0)"
config_refused 'scheduler PNDMScheduler is not supported' model_index.json 's/DDPMScheduler/PNDMScheduler/'
config_refused 'its unet is UNet2DConditionModel' model_index.json 's/UNet2DModel/UNet2DConditionModel/'
config_refused 'vqvae = ["diffusers","VQModel"]: an unknown setting' model_index.json "$(add vqvae '["diffusers", "VQModel"]')"
# What is null or of no effect is fine.
fresh_case cifar
sed -i -E "$(add novelty null); $(key num_train_timesteps 5)" "$case/config.json"
succeeds import "$case" --out "$work/fine"
expect_same "$runs/cifar/config.toml" "$work/fine/config.toml"

weights=diffusion_pytorch_model.safetensors
weights_refused() { # weights_refused TEXT COMMAND...: of cifar, the weights through that filter
    fresh_case cifar
    "${@:2}" <"$golden/cifar/$weights" >"$case/$weights"
    no_import "$1"
}
weights_refused "2 tensors of this network are missing, the first conv_in.weight" sed 's/"conv_in\./"conv_up./g'
weights_refused "2 tensors belong to none of its layers, the first conv_up.bias" sed 's/"conv_in\./"conv_up./g'
weights_refused "conv_in.weight is 3×8×3×3, expected 8×3×3×3" sed -E 's/("conv_in.weight":\{"dtype":"F32","shape":\[)8,3,/\13,8,/'
weights_refused "conv_in.weight is I32, expected F32, F16, BF16 or F64" sed -E 's/("conv_in.weight":\{"dtype":")F32/\1I32/'
with_nan() { head -c -4; printf '\x00\x00\xc0\x7f'; }
weights_refused "holds numbers that are not finite" with_nan
weights_refused "cut off" head -c 200000
weights_refused "cut off" head -c 1000
weights_refused "too few for a safetensors file" head -c 3
weights_refused "safetensors" sed 's/^.\{8\}{/xxxxxxxx{/'

fresh_case cifar && rm "$case/config.json" && no_import "no unet/config.json or config.json in it"
fresh_case cifar && rm "$case/scheduler_config.json" && no_import "no scheduler/scheduler_config.json"
fresh_case cifar && rm "$case/$weights" && no_import "no $weights in it"
fresh_case cifar && mv "$case/$weights" "$case/diffusion_pytorch_model.bin" && no_import "only weights as safetensors are read"
fresh_case cifar && mv "$case/$weights" "$case/$weights.index.json" && no_import "weights in several files"
rm -rf "$case" && no_import "no folder"
case=$golden/cifar
refuses 1 "unknown key network.width" import "$case" --out "$damaged/run" --set network.width=3
expect_missing "$damaged"
refuses 1 "exists already" import "$case" --out "$runs/cifar"
expect_exists "$runs/cifar/config.toml"
touch "$work/file"
refuses 1 "exists already" import "$case" --out "$work/file"
refuses 1 "cannot make the folder" import "$case" --out "$work/file/run"
