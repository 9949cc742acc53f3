#!/usr/bin/env bash
# engine sample: which image comes out is decided by the run, the seed, the index and the solver, and by nothing else.
source "$(dirname "$0")/common.sh"

idx_images "$work/images.idx" 32 12 10
faster=(--set train.learning_rate=1e-2 --set train.checkpoint_every=2)
for kind in ddpm ihdm; do
    configuration "$work/$kind.toml" $kind "$work/images.idx" 12 10
    succeeds train "$work/$kind.toml" --out "$work/$kind" "${faster[@]}"
done
mkdir "$work/cifar"
cifar10 "$work/cifar/data_batch_1.bin" 8 0
configuration "$work/rgb.toml" ddpm "$work/cifar" 32 32 3
succeeds train "$work/rgb.toml" --out "$work/rgb"

# The samples as bytes: of samples.npz, behind the zip archive's entry header of 39 bytes and 128 of .npy.
expect_archive() { # expect_archive FILE SHAPE
    expect_equal "$1: magic" 504b0304 "$(hex "$1" 0 4)"
    expect_equal "$1: name of its array" arr_0.npy "$(slice "$1" 30 9)"
    expect_npy "$1" "$2" '|u1' 39
}
image() { # image FOLDER K BYTES: image k of the archive
    slice "$1/samples.npz" $((167 + $2 * $3)) "$3"
}

# ---- What is written, in grey and in colour.
for case in ddpm:12x10:1 ihdm:12x10:1 rgb:32x32:3; do
    IFS=: read -r name size channels <<<"$case"
    folder=$work/written/$name # neither exists yet
    succeeds sample "$work/$name" -n 5 --out "$folder"
    expect_match "standard output" "^5 images from step 4 in [0-9.]+ s \([0-9.]+ s each\): $folder/grid.png\$" "$(<"$out")"
    expect_contents "$folder" grid.png samples.npz 0000{0,1,2,3,4}.png
    expect_archive "$folder/samples.npz" "5, ${size%x*}, ${size#*x}, $channels"
    for k in 0 1 2 3 4; do expect_equal "size of image $k" "${size#*x}x${size%x*}" "$(png_size "$folder/0000$k.png")"; done
    for k in 1 2 3 4; do expect_different "$folder/00000.png" "$folder/0000$k.png"; done
done
expect_equal "grid of 12x10" 124x98 "$(png_size "$work/written/ddpm/grid.png")" # 3 by 2 cells enlarged 4 times
expect_equal "grid of 32x32" 292x194 "$(png_size "$work/written/rgb/grid.png")" # 3 times
expect_equal "colour type: RGB" 02 "$(hex "$work/written/rgb/00000.png" 25 1)"
succeeds sample "$work/ddpm" -n 3 --out "$work/no-singles" --no-singles
expect_contents "$work/no-singles" grid.png samples.npz
succeeds sample "$work/ddpm" --out "$work/default" --no-singles
expect_archive "$work/default/samples.npz" "64, 12, 10, 1"

# ---- --json: one line.
succeeds sample "$work/ddpm" -n 3 --out "$work/json" --json
expect_equal "lines on standard output" 1 "$(wc -l <"$out")"
expect_match "JSON" '^\{.*"seconds":[0-9.e-]+,"seconds_per_image":[0-9.e-]+\}$' "$(<"$out")"
for pair in count:3 checkpoint_step:4 "grid:$work/json/grid.png"; do
    expect_equal "${pair%%:*} in JSON" "${pair#*:}" "$(json_value "$out" "${pair%%:*}")"
done
! grep -q $'\r' "$err" || fail "expected plain lines where standard error is no terminal"

# ---- The same again, in batches of any size, and one image alone.
for kind in ddpm ihdm; do
    whole=$work/written/$kind
    succeeds sample "$work/$kind" -n 5 --out "$work/$kind-again"
    expect_same "$whole" "$work/$kind-again"
    for batch in 1 2 5; do
        succeeds sample "$work/$kind" -n 5 --batch $batch --out "$work/$kind-batch-$batch"
        expect_same "$whole" "$work/$kind-batch-$batch"
    done
    succeeds sample "$work/$kind" -n 1 --index 3 --out "$work/$kind-alone"
    expect_contents "$work/$kind-alone" grid.png samples.npz 00003.png
    expect_same "$whole/00003.png" "$work/$kind-alone/00003.png"
    cmp <(image "$whole" 3 120) <(image "$work/$kind-alone" 0 120) ||
        fail "$kind: image 3 of 5 and image 3 alone differ in samples.npz"
    succeeds sample "$work/$kind" -n 5 --seed 1 --out "$work/$kind-seed"
    for k in 0 1 2 3 4; do expect_different "$whole/0000$k.png" "$work/$kind-seed/0000$k.png"; done
done

# ---- The network itself or its average, and earlier checkpoints.
succeeds sample "$work/ddpm" -n 5 --weights model --out "$work/model"
expect_different "$work/model/samples.npz" "$work/written/ddpm/samples.npz"
succeeds sample "$work/ddpm" -n 5 --checkpoint 2 --out "$work/earlier"
expect_text "$out" "from step 2"
expect_different "$work/earlier/samples.npz" "$work/written/ddpm/samples.npz"

# ---- Every solver that a process names, in one step, some and all.
for kind in ddpm ihdm; do
    succeeds process "$work/$kind" --json
    IFS=, read -ra solvers < <(sed -E 's/.*"solvers":\[([^]]*)\].*/\1/; s/"//g' "$out")
    steps=(1 5 12)
    [[ $kind == ihdm ]] && steps=(12) # as trained
    expect_match "solvers of $kind" "$([[ $kind == ddpm ]] && echo 'ancestral ddim' || echo ihdm)" "${solvers[*]}"
    for solver in "${solvers[@]}"; do
        [[ $solver == ode ]] && continue # chooses its own steps: score.sh
        for count in "${steps[@]}"; do
            succeeds sample "$work/$kind" -n 5 --no-singles --out "$work/solver-$solver-$count" \
                --solver "$solver" --steps "$count"
            expect_text "$err" "sampling 100/100"
        done
        ((${#steps[@]} == 1)) || expect_different "$work/solver-$solver-5/samples.npz" "$work/solver-$solver-12/samples.npz"
    done
    expect_same "$work/solver-${solvers[0]}-12/samples.npz" "$work/written/$kind/samples.npz" # the defaults
done
ancestral=$work/solver-ancestral-5/samples.npz ddim=$work/solver-ddim-5/samples.npz
expect_different "$ancestral" "$ddim"
variant() { # variant REFERENCE OPTION...: the option makes a difference
    local reference=$1
    shift
    succeeds sample "$work/ddpm" -n 5 --steps 5 --out "$work/variant" --no-singles "$@"
    expect_different "$reference" "$work/variant/samples.npz"
}
variant "$ancestral" --variance large
variant "$ancestral" --no-clip
variant "$ancestral" --spacing trailing
variant "$ddim" --solver ddim --eta 0.5
variant "$ddim" --solver ddim --spacing linspace
succeeds sample "$work/ddpm" -n 5 --steps 5 --out "$work/variant" --no-singles --solver ddim --eta 0 --spacing leading
expect_same "$ddim" "$work/variant/samples.npz" # the defaults
variant "$ddim" --solver ddim --dtype bf16
variant "$ancestral" --threshold 0.5
for solver in dpm-solver dpm-solver++ sde-dpm-solver++ unipc euler heun; do variant "$ddim" --solver $solver; done

# The configuration's [sample] is what a run does unless told otherwise; its steps go with its solver.
succeeds train "$work/ddpm.toml" --out "$work/ddpm-ddim" "${faster[@]}" --set sample.solver=ddim --set sample.steps=5
succeeds sample "$work/ddpm-ddim" -n 5 --out "$work/configured" --no-singles
expect_same "$ddim" "$work/configured/samples.npz"
succeeds sample "$work/ddpm-ddim" -n 5 --out "$work/configured" --no-singles --solver ancestral
expect_same "$work/solver-ancestral-12/samples.npz" "$work/configured/samples.npz"

# ---- --trajectory: an animation besides, and the same images.
for kind in ddpm ihdm; do
    succeeds sample "$work/$kind" -n 5 --trajectory --out "$work/trajectory"
    animation=$work/trajectory/trajectory.png
    expect_equal "size of the animation" "$(png_size "$work/trajectory/grid.png")" "$(png_size "$animation")"
    control=$(grep -abo acTL "$animation" | sed -n "1s/:.*//p")
    [[ -n $control ]] || fail "$animation: expected an animation, found no acTL chunk"
    expect_equal "frames that the animation declares: start and 12 steps" 13 $((0x$(hex "$animation" $((control + 4)) 4)))
    expect_equal "frames that it holds" 13 "$(grep -ao fcTL "$animation" | wc -l)"
    rm "$animation"
    expect_same "$work/written/$kind" "$work/trajectory"
    rm -r "$work/trajectory"
done

# ---- A run is self-contained: without its data, elsewhere, it gives the same images.
rm "$work/images.idx" "$work"/*.toml
mkdir "$work/elsewhere"
for kind in ddpm ihdm; do
    mv "$work/$kind" "$work/elsewhere/$kind"
    succeeds sample "$work/elsewhere/$kind" -n 5 --out "$work/$kind-moved"
    expect_same "$work/written/$kind" "$work/$kind-moved"
done
ddpm=$work/elsewhere/ddpm ihdm=$work/elsewhere/ihdm

# ---- More images than fit one picture are written all the same.
succeeds train "$work/rgb/config.toml" --out "$work/many" --set process.steps=1 --set train.steps=1 --set network.groups=1 \
    --set 'network.channels=[2]' --set 'network.attention_levels=[]' --set network.middle_attention=false
succeeds sample "$work/many" -n 9500 --no-singles --out "$work/many-samples"
expect_archive "$work/many-samples/samples.npz" "9500, 32, 32, 3"

# ---- Interrupted, it ends with 130 and leaves no part of the images.
succeeds train "$work/rgb/config.toml" --out "$work/long" --set process.steps=1000 --set train.steps=1
start sample "$work/long" -n 8 --out "$work/interrupted"
wait_until "it samples" grep -q "sampling 10/100" "$work/background.err"
kill -INT "$background"
ends_with 130
expect_equal "last line of standard error" "error: interrupted" "$(tail -n 1 "$work/background.err")"
expect_missing "$work/interrupted"

# ---- Refusals; none makes a folder for images.
no() { # no STATUS TEXT ARGUMENT...
    refuses "$@" --out "$work/refused"
    expect_missing "$work/refused"
}
no 2 "--count" sample "$ddpm" -n 0
no 2 "--count" sample "$ddpm" -n -1
no 2 "--count" sample "$ddpm" -n many
no 2 "--batch" sample "$ddpm" --batch 0
no 2 "--index" sample "$ddpm" --index -1
no 2 "--seed" sample "$ddpm" --seed -1
no 2 "--steps" sample "$ddpm" --steps -1
no 2 "run" sample
refuses 2 "--out" sample "$ddpm"
no 1 "12 levels; expected 1 to 12" sample "$ddpm" --steps 13
no 1 "'ddim' does not fit process ihdm" sample "$ihdm" --solver ddim
no 1 "expected ancestral or ddim" sample "$ddpm" --solver dpm
no 1 "leave the steps out" sample "$ihdm" --steps 11
no 1 "belong to processes that are Markov" sample "$ihdm" --eta 1
no 1 "eta belongs to solver ddim" sample "$ddpm" --eta 1
no 1 "eta = 1.5" sample "$ddpm" --solver ddim --eta 1.5
no 1 "unknown spacing 'even'" sample "$ddpm" --steps 5 --spacing even
no 1 "order belongs to solver dpm-solver" sample "$ddpm" --order 2
no 1 "ihdm has none" sample "$ihdm" --threshold 0.9
no 1 "missing.npy" sample "$ddpm" --step-noise "$work/missing.npy"
no 1 "unknown variance 'none'" sample "$ddpm" --variance none
no 1 "weights are ema or model" sample "$ddpm" --weights best
no 1 "no checkpoint of step 3; there are 2, 4" sample "$ddpm" --checkpoint 3
no 1 "dtype is auto, f32 or bf16" sample "$ddpm" --dtype f16
no 1 "expected auto, cpu or cuda" sample "$ddpm" --device gpu
no 1 "not a run folder" sample "$work/nothing"
no 1 "not a run folder" sample "$work/written"
no 1 "not a run folder" sample "$ENGINE"
touch "$work/file"
refuses 1 "$work/file/pictures" sample "$ddpm" -n 1 --out "$work/file/pictures"
! grep -q sampling "$err" || fail "expected a folder that cannot be made to be refused before sampling"

# ---- Damaged runs.
checkpoint=$ddpm/checkpoints/step-0000004
cp "$checkpoint/ema.safetensors" "$work/good"
printf '{"step":4,"version":1}\n' >"$checkpoint/state.json" # without checksums: it is the tensors that are looked at
truncate -s -100 "$checkpoint/ema.safetensors"
no 1 "ema.safetensors" sample "$ddpm" --checkpoint 4
truncate -s 0 "$checkpoint/ema.safetensors"
no 1 "ema.safetensors" sample "$ddpm" --checkpoint 4
{ printf '\xff\xff\xff\xff\xff\xff\xff\x7f'; bytes 5000; } >"$checkpoint/ema.safetensors" # a header of 2^63 bytes
no 1 "ema.safetensors" sample "$ddpm" --checkpoint 4
sed 's/conv_in.weight/conv_an.weight/' "$work/good" >"$checkpoint/ema.safetensors"
no 1 "another architecture" sample "$ddpm" --checkpoint 4
cp "$work/rgb/checkpoints/step-0000004/ema.safetensors" "$checkpoint/ema.safetensors"
no 1 "another architecture" sample "$ddpm" --checkpoint 4
rm "$checkpoint/ema.safetensors"
no 1 "ema.safetensors" sample "$ddpm" --checkpoint 4
succeeds sample "$ddpm" -n 5 --weights model --out "$work/undamaged"
expect_same "$work/model" "$work/undamaged"
cp "$work/good" "$checkpoint/ema.safetensors"
succeeds sample "$ddpm" -n 5 --out "$work/repaired"
expect_same "$work/written/ddpm" "$work/repaired"
truncate -s -1 "$ihdm/prior.safetensors"
no 1 "prior.safetensors" sample "$ihdm"
rm "$ihdm/prior.safetensors"
no 1 "prior.safetensors" sample "$ihdm"
rm -r "$ddpm/checkpoints"
no 1 "no checkpoint yet" sample "$ddpm"
