#!/usr/bin/env bash
# Run folders that tools/convert-pytorch made of other programs' checkpoints: the same outputs as theirs
# (tests/golden/make_pytorch.py). Where there is a Python with torch and safetensors (ENGINE_PYTHON, or python3), the script
# is held to them too; the engine needs none.
source "$(dirname "$0")/common.sh"

golden=$SOURCE_DIR/tests/golden/pytorch

for folder in "$golden"/*/; do
    name=$(basename "$folder")
    run_folder=$work/$name
    cp -r "$folder/run" "$run_folder"
    label=()
    [[ $name == improved ]] && label=(--label 3)
    for t in 0 7 981; do
        succeeds predict "$run_folder" --input "$folder/golden/input.npy" --t $t "${label[@]}" --output "$work/output.npy"
        expect_near "$name at t = $t" "$folder/golden/output-$t.npy" "$work/output.npy"
    done
done
expect_text "$work/improved/config.toml" 'variance = "learned"'
expect_text "$work/improved/config.toml" "out_channels = 6"

# ---- IHDM samples once it has its prior, which training with nothing left to do makes.
step=$work/ihdm/checkpoints/step-0000002
refuses 1 "prior.safetensors" sample "$work/ihdm" -n 2 --out "$work/none"

if python=${ENGINE_PYTHON:-python3} && ! "$python" -c 'import torch, safetensors' 2>/dev/null; then
    note "no Python with torch and safetensors: the converter itself is not tried (ENGINE_PYTHON names one)"
    exit 0
fi
converter=$SOURCE_DIR/tools/convert-pytorch
(cd "$SOURCE_DIR/tests/golden" && "$python" -B check_pytorch.py) >"$out" 2>"$err" || fail "check_pytorch.py" "$(tail -n 5 "$err")"

idx_images "$work/images.idx" 8 12 8
"$python" "$converter" ihdm "$golden/ihdm/checkpoint.pt" --size 12x8 --groups 2 --steps 20 --sigma-max 6 --out "$work/whole" \
    --set data.path="$work/images.idx" --set train.batch=4 >"$out"
expect_same "$work/whole/checkpoints/step-0000002/ema.safetensors" "$step/ema.safetensors"
succeeds train "$work/whole/config.toml" --out "$work/whole"
expect_exists "$work/whole/prior.safetensors"
expect_contents "$work/whole/checkpoints" step-0000002
succeeds sample "$work/whole" -n 2 --out "$work/samples"
expect_exists "$work/samples/grid.png"
succeeds train "$work/whole/config.toml" --out "$work/whole" --set train.steps=4 # goes on with its optimiser
expect_exists "$work/whole/checkpoints/step-0000004"
succeeds export "$work/whole" --to diffusers "$work/unet" --unet-only

status=0
"$python" "$converter" ihdm "$work/images.idx" --size 12x8 --steps 20 --sigma-max 6 --out "$work/none" >"$out" 2>"$err" || status=$?
expect_equal "exit code" 1 $status
expect_match "one line" "^error: $work/images.idx: no checkpoint that torch.load" "$(<"$err")"
expect_missing "$work/none"
