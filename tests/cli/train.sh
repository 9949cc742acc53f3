#!/usr/bin/env bash
# engine train: what a run folder holds, data sets of each kind, and that training learns.
source "$(dirname "$0")/common.sh"

idx_images "$work/square.idx" 32 28 28
idx_images "$work/odd.idx" 32 12 10
has_zlib=0
succeeds info --json
grep -q '"zlib"' "$out" && has_zlib=1

# ---- Both processes, a square and an odd size: everything that a run writes.
for kind in ddpm ihdm; do
    for size in square:28:28:170x170 odd:12:10:82x98; do # 3 samples, two columns, enlarged 3 and 4 times, 2 pixels between
        IFS=: read -r name height width grid <<<"$size"
        run_folder=$work/$kind-$name
        configuration "$work/$kind-$name.toml" $kind "$work/$name.idx" "$height" "$width"
        succeeds train "$work/$kind-$name.toml" --out "$run_folder" \
            --set train.checkpoint_every=1 --set train.keep=3 --set train.sample_every=2
        expect_equal "standard output: the last checkpoint" "$run_folder/checkpoints/step-0000004" "$(<"$out")"
        expect_text "$err" "32 images of ${height}x$width"
        expect_text "$err" "step 4/4"

        files=(.lock checkpoints config.toml metrics.jsonl samples tensorboard)
        [[ $kind == ihdm ]] && files+=(prior.safetensors) # ihdm starts from blurred training images
        expect_contents "$run_folder" "${files[@]}"
        expect_contents "$run_folder/checkpoints" step-0000002 step-0000003 step-0000004
        for step in 2 3 4; do
            checkpoint=$run_folder/checkpoints/step-000000$step
            expect_contents "$checkpoint" "${checkpoint_files[@]}"
            expect_equal "step in state.json" $step "$(json_value "$checkpoint/state.json" step)"
            expect_equal "images in state.json" $((4 * step)) "$(json_value "$checkpoint/state.json" images)"
            for file in ema model optimizer; do
                header=$((0x$(hex "$checkpoint/$file.safetensors" 1 1)$(hex "$checkpoint/$file.safetensors" 0 1)))
                slice "$checkpoint/$file.safetensors" 8 "$header" >"$work/header"
                expect_match "$file.safetensors: header" '^\{.*\} *$' "$(<"$work/header")"
                expect_text "$work/header" 'conv_in.weight"'
            done
            expect_different "$checkpoint/model.safetensors" "$checkpoint/ema.safetensors"
        done
        expect_different "$run_folder"/checkpoints/step-000000{3,4}/model.safetensors

        expect_equal "steps in metrics.jsonl" "1 2 3 4" "$(metric_steps "$run_folder")"
        expect_contents "$run_folder/samples" step-0000002.png step-0000004.png
        for step in 2 4; do
            expect_equal "size of the sample grid" "$grid" "$(png_size "$run_folder/samples/step-000000$step.png")"
        done
        expect_different "$run_folder"/samples/step-000000{2,4}.png

        # The configuration it keeps is the whole one: asked for again, the finished run stays as it is.
        cp -r "$run_folder" "$work/before"
        succeeds train "$run_folder/config.toml" --out "$run_folder"
        expect_same "$work/before" "$run_folder"
        rm -r "$work/before"
        succeeds info "$run_folder" --json
        expect_text "$out" '"checkpoints":[2,3,4]'
        expect_equal "process" $kind "$(json_value "$out" process)"
    done
done

# ---- The seed decides everything.
config=$work/ddpm-odd.toml
succeeds train "$config" --out "$work/again"
succeeds train "$config" --out "$work/other" --set train.seed=1
last=checkpoints/step-0000004
for file in model ema optimizer; do
    expect_same "$work/ddpm-odd/$last/$file.safetensors" "$work/again/$last/$file.safetensors"
done
expect_different "$work/again/$last/model.safetensors" "$work/other/$last/model.safetensors"
expect_contents "$work/again/checkpoints" step-0000004 # checkpoint_every is 1000: only the last
expect_missing "$work/again/samples"

# ---- It learns: the loss over the last 20 of 80 steps against that over the first 5.
for kind in ddpm ihdm; do
    succeeds train "$work/$kind-odd.toml" --out "$work/learning-$kind" \
        --set train.steps=80 --set train.learning_rate=1e-2
    metrics "$work/learning-$kind" | awk '
        $1 <= 5 { first += $2 / 5 }
        $1 > 60 { last += $2 / 20 }
        END { printf "%g %g\n", first, last; exit !(last < 0.9 * first) }' >"$work/losses" ||
        fail "$kind: expected the loss to fall by a tenth in 80 steps; mean of the first 5 and of the last 20: $(<"$work/losses")"
done

# ---- log_every: a line is the mean of its steps, and the last step is always there.
succeeds train "$config" --out "$work/seldom" --set train.log_every=3
expect_equal "steps in metrics.jsonl" "3 4" "$(metric_steps "$work/seldom")"
{ metrics "$work/again"; metrics "$work/seldom"; } | awk '
    NR <= 3 { sum += $2 }
    NR == 5 { difference = $2 - sum / 3; exit !(difference < 1e-6 && difference > -1e-6) }' ||
    fail "expected the loss of step 3 to be the mean of three" \
        "each: $(metrics "$work/again")" "every third: $(metrics "$work/seldom")"

# ---- No step at all writes the initial network, of which the average is the same.
succeeds train "$config" --out "$work/initial" --set train.steps=0
expect_same "$work"/initial/checkpoints/step-0000000/{model,ema}.safetensors

# ---- Accumulated batches, bf16 activations.
succeeds train "$config" --out "$work/accumulated" --set train.accumulation=3 --set train.batch=2
expect_equal "images in state.json" 24 "$(json_value "$work/accumulated/$last/state.json" images)"
succeeds train "$config" --out "$work/bf16" --set train.dtype=bf16
expect_text "$err" "activations bf16"
expect_different "$work/bf16/$last/model.safetensors" "$work/again/$last/model.safetensors"

# ---- A run that diverges ends with an error and no checkpoint of that step.
diverging=(--set train.learning_rate=1000 --set train.weight_decay=1000 --set train.checkpoint_every=1)
refuses 1 "step 2: the loss is" train "$config" --out "$work/diverged" "${diverging[@]}"
expect_contents "$work/diverged/checkpoints" step-0000001

# ---- A data set smaller than a batch gives batches of all its images.
idx_images "$work/three.idx" 3 12 10
succeeds train "$config" --out "$work/few" --set data.path="$work/three.idx" --set train.batch=64
expect_equal "images in state.json" 12 "$(json_value "$work/few/$last/state.json" images)"

# ---- A folder with labels; compressed, it is the same data.
mkdir "$work/folder" "$work/folder.gz"
cp "$work/odd.idx" "$work/folder/train-images-idx3-ubyte"
idx_labels "$work/folder/train-labels-idx1-ubyte" 32
succeeds train "$config" --out "$work/from-folder" --set data.path="$work/folder"
expect_text "$err" "labels 0 to 9"
expect_same "$work/from-folder/$last/model.safetensors" "$work/again/$last/model.safetensors"
for file in train-images-idx3-ubyte train-labels-idx1-ubyte; do
    gzip -c "$work/folder/$file" >"$work/folder.gz/$file.gz"
done
if ((has_zlib)); then
    succeeds train "$config" --out "$work/from-gzip" --set data.path="$work/folder.gz"
    expect_same "$work/from-gzip/$last/model.safetensors" "$work/again/$last/model.safetensors"
else
    refuses 1 "no zlib" train "$config" --out "$work/from-gzip" --set data.path="$work/folder.gz"
fi

# ---- CIFAR-10: several files in a folder, three channels, mirrored images.
mkdir "$work/cifar"
cifar10 "$work/cifar/data_batch_1.bin" 6 0
cifar10 "$work/cifar/data_batch_2.bin" 4 18432
for kind in ddpm ihdm; do
    configuration "$work/cifar.toml" $kind "$work/cifar" 32 32 3
    succeeds train "$work/cifar.toml" --out "$work/cifar-$kind" --set train.sample_every=4
    expect_text "$err" "10 images of 32x32, RGB, labels 0 to 9"
    expect_equal "size of the sample grid" 194x194 "$(png_size "$work/cifar-$kind/samples/step-0000004.png")"
    expect_equal "colour type of the sample grid: RGB" 02 "$(hex "$work/cifar-$kind/samples/step-0000004.png" 25 1)"
    succeeds train "$work/cifar.toml" --out "$work/mirrored-$kind" --set data.flip=true
    expect_different "$work/mirrored-$kind/$last/model.safetensors" "$work/cifar-$kind/$last/model.safetensors"
done
succeeds train "$work/cifar.toml" --out "$work/one-file" --set data.path="$work/cifar/data_batch_2.bin"
expect_text "$err" "4 images of 32x32"
if ((has_zlib)); then
    gzip "$work/cifar/data_batch_2.bin"
    succeeds train "$work/cifar.toml" --out "$work/cifar-gzip"
    expect_same "$work/cifar-gzip/$last/model.safetensors" "$work/cifar-ihdm/$last/model.safetensors"
fi
