#!/usr/bin/env bash
# engine sample from images: --init-image, --inpaint, --interpolate, --noise-seed, --variations; and --png16.
source "$(dirname "$0")/common.sh"

succeeds info --json
grep -q "\"libpng\"" "$out" || skip "this build has no libpng"

idx_images "$work/images.idx" 32 12 10
for kind in ddpm ihdm; do
    configuration "$work/$kind.toml" $kind "$work/images.idx" 12 10
    succeeds train "$work/$kind.toml" --out "$work/$kind" --set train.learning_rate=1e-2
done
ddpm=$work/ddpm ihdm=$work/ihdm
for kind in ddpm ihdm; do
    succeeds sample "$work/$kind" -n 4 --out "$work/plain-$kind"
    succeeds sample "$work/$kind" -n 4 --seed 1 --out "$work/seed-$kind"
done
images=$work/plain-ddpm # as good as any
mkdir "$work/folder"
cp "$images"/0000[012].png "$work/folder"

# ---- From images: as many as there are, or as are asked for; the same in any batch; near the image at a low strength.
for kind in ddpm ihdm; do
    run=$work/$kind
    succeeds sample "$run" --init-image "$work/folder" --strength 0.5 --out "$work/from-$kind"
    expect_contents "$work/from-$kind" grid.png samples.npz 0000{0,1,2}.png
    succeeds sample "$run" --init-image "$work/folder" --strength 0.5 --batch 2 --out "$work/from-$kind-2"
    expect_same "$work/from-$kind" "$work/from-$kind-2"
    succeeds sample "$run" --init-image "$work/folder" --strength 0.5 -n 5 --out "$work/more"
    expect_same "$work/more/00002.png" "$work/from-$kind/00002.png"
    expect_different "$work/more/00003.png" "$work/more/00000.png" # the first image again, other noise
    rm -r "$work/more"
    succeeds sample "$run" --init-image "$images/00001.png" --strength 1 -n 2 --out "$work/one"
    expect_contents "$work/one" grid.png samples.npz 0000{0,1}.png
    rm -r "$work/one"
done
succeeds sample "$ddpm" -n 3 --npy --no-singles --out "$work/array"
succeeds sample "$ddpm" --init-image "$work/array/samples.npy" --strength 0.3 --out "$work/from-array"
expect_contents "$work/from-array" grid.png samples.npz 0000{0,1,2}.png

# ---- Inpainting: a black mask leaves the image itself, a white one ordinary samples.
mask() { # mask NAME BLACK WHITE: a picture of so many black pixels, then white ones, row by row
    npy_header "1, 1, 12, 10" >"$work/$1.npy"
    { for ((i = 0; i < $2; ++i)); do printf '\0\0\0\0'; done; for ((i = 0; i < $3; ++i)); do printf '\0\0\x80\x3f'; done; } \
        >>"$work/$1.npy"
    succeeds operator apply --kind heat --t 1e-9 --input "$work/$1.npy" --output "$work/$1.png"
}
mask black 120 0
mask white 0 120
mask half 60 60
succeeds sample "$ddpm" --inpaint "$work/folder" --mask "$work/black.png" --out "$work/known"
for k in 0 1 2; do expect_same "$work/known/0000$k.png" "$images/0000$k.png"; done
succeeds sample "$ddpm" --inpaint "$work/folder" --mask "$work/white.png" --out "$work/free"
for k in 0 1 2; do expect_same "$work/free/0000$k.png" "$images/0000$k.png"; done # their own seed's
succeeds sample "$ddpm" --inpaint "$images/00001.png" --mask "$work/half.png" --seed 3 -n 3 --out "$work/half"
bytes_of() { slice "$1/samples.npz" $((167 + $2 * 120)) "$3"; }
for k in 0 1 2; do cmp <(bytes_of "$work/half" $k 60) <(bytes_of "$images" 1 60) || fail "known pixels of image $k changed"; done
! cmp -s <(bytes_of "$work/half" 0 120) <(bytes_of "$images" 1 120) || fail "nothing was filled"
for batch in 1 2; do
    succeeds sample "$ddpm" --inpaint "$work/folder" --mask "$work/half.png" --resamples 2 --jump 3 --batch $batch \
        --solver ddim --steps 8 --out "$work/resampled-$batch"
done
expect_same "$work/resampled-1" "$work/resampled-2"
succeeds sample "$ddpm" --inpaint "$work/folder" --mask "$work/half.png" --solver ddim --steps 8 --out "$work/plainly"
expect_different "$work/resampled-1/samples.npz" "$work/plainly/samples.npz"

# ---- Between two seeds: the ends are theirs.
for kind in ddpm ihdm; do
    succeeds sample "$work/$kind" --interpolate 0,1 -n 5 --index 2 --batch 2 --out "$work/between-$kind"
    expect_same "$work/between-$kind/00000.png" "$work/plain-$kind/00002.png"
    expect_same "$work/between-$kind/00004.png" "$work/seed-$kind/00002.png"
    expect_different "$work/between-$kind/00002.png" "$work/between-$kind/00000.png"
done
succeeds sample "$ddpm" --interpolate 0,1 --out "$work/nine" --no-singles
expect_equal "a grid of one row" 376x48 "$(png_size "$work/nine/grid.png")"

# ---- Noises of the steps from another seed, and variations.
for kind in ddpm ihdm; do
    succeeds sample "$work/$kind" -n 4 --noise-seed 0 --out "$work/same-noise"
    expect_same "$work/same-noise" "$work/plain-$kind"
    succeeds sample "$work/$kind" -n 4 --noise-seed 1 --out "$work/other-noise"
    for other in plain seed; do expect_different "$work/other-noise/00000.png" "$work/$other-$kind/00000.png"; done
    rm -r "$work/same-noise" "$work/other-noise"
    succeeds sample "$work/$kind" -n 2 --variations 3 --split-at 0.5 --index 1 --out "$work/varied"
    expect_contents "$work/varied" grid.png samples.npz 0000{3,4,5,6,7,8}.png
    expect_same "$work/varied/00003.png" "$work/plain-$kind/00001.png"
    expect_same "$work/varied/00006.png" "$work/plain-$kind/00002.png"
    expect_different "$work/varied/00004.png" "$work/varied/00003.png"
    rm -r "$work/varied"
done

# ---- Sixteen bits.
succeeds sample "$ddpm" -n 2 --png16 --out "$work/deep"
expect_contents "$work/deep" grid.png samples.npz 0000{0,1}.png # and no samples.npy
expect_equal "bits of a channel" 10 "$(hex "$work/deep/00000.png" 24 1)"
expect_equal "size" 10x12 "$(png_size "$work/deep/00000.png")"
succeeds sample "$ddpm" --init-image "$work/deep/00000.png" --strength 0.1 --out "$work/from-deep"

# ---- Refusals.
sample=(sample "$ddpm" --out "$work/refused")
refuses 1 "strength = 1.5: expected above 0 to 1" "${sample[@]}" --init-image "$work/folder" --strength 1.5
refuses 1 "strength = 0: expected above 0 to 1" "${sample[@]}" --init-image "$work/folder" --strength 0
refuses 1 "strength = nan: expected above 0 to 1" "${sample[@]}" --init-image "$work/folder" --strength nan
refuses 1 "is level 0 of 12" "${sample[@]}" --init-image "$work/folder" --strength 0.01
refuses 2 "" "${sample[@]}" --init-image "$work/folder"
refuses 2 "" "${sample[@]}" --strength 0.5
refuses 1 "nowhere" "${sample[@]}" --init-image "$work/nowhere" --strength 0.5
refuses 1 "solver ode starts from the prior" "${sample[@]}" --init-image "$work/folder" --strength 0.5 --solver ode
{ npy_header "1, 1, 12, 10"; bytes 476; printf '\0\0\xc0\x7f'; } >"$work/nan.npy"
refuses 1 "not finite" "${sample[@]}" --init-image "$work/nan.npy" --strength 0.5
npy_header "1, 1, 10, 12" >"$work/turned.npy"
bytes 480 >>"$work/turned.npy"
refuses 1 "expected images of 12×10, the size of the run's, got 10×12" "${sample[@]}" --init-image "$work/turned.npy" --strength 0.5
refuses 1 "expected a mask of 12×10, the size of the run's images, got 48×376" "${sample[@]}" --inpaint "$work/folder" \
    --mask "$work/nine/grid.png"
refuses 2 "" "${sample[@]}" --inpaint "$work/folder"
refuses 2 "" "${sample[@]}" --inpaint "$work/folder" --mask "$work/half.png" --init-image "$work/folder" --strength 0.5
refuses 1 "jump = 12 of a path of 12 steps: expected 1 to 11" "${sample[@]}" --inpaint "$work/folder" --mask "$work/half.png" \
    --resamples 2 --jump 12
refuses 1 "solver heun has none" "${sample[@]}" --inpaint "$work/folder" --mask "$work/half.png" --solver heun
refuses 1 "process ihdm has none" sample "$ihdm" --out "$work/refused" --inpaint "$work/folder" --mask "$work/half.png"
refuses 1 "expected two seeds, such as 1,2" "${sample[@]}" --interpolate 1
refuses 1 "expected two seeds, such as 1,2" "${sample[@]}" --interpolate 1,-2
refuses 1 "interpolation over 1 images: expected at least 2" "${sample[@]}" --interpolate 1,2 -n 1
refuses 2 "" "${sample[@]}" --interpolate 1,2 --seed 3
refuses 1 "solver ddim draws no noise in its steps" "${sample[@]}" --noise-seed 1 --solver ddim
refuses 1 "split-at = 0.1 is level 1 of 12" "${sample[@]}" --variations 3 --split-at 0.1
refuses 2 "" "${sample[@]}" --split-at 0.5
expect_missing "$work/refused"
