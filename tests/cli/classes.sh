#!/usr/bin/env bash
# Networks with classes: trained, resumed, sampled with and without guidance; classifiers; what is refused.
source "$(dirname "$0")/common.sh"
cd "$work"

idx_images train-images-idx3-ubyte 32 12 12
idx_labels train-labels-idx1-ubyte 32
configuration classes.toml ddpm train-images-idx3-ubyte 12 12
classes=(--set network.classes=10 --set train.label_dropout=0.3)
classifier=(--set network.kind=classifier --set network.classes=10)

# ---- Resumed training ends in the bits of training in one go: labels and their dropout too.
same_when_resumed() { # same_when_resumed NAME SETTINGS...
    succeeds train classes.toml --out "$1" "${@:2}"
    succeeds train classes.toml --out "$1-parts" "${@:2}" --set train.steps=2
    succeeds train classes.toml --out "$1-parts" "${@:2}"
    expect_same "$1/checkpoints/step-0000004" "$1-parts/checkpoints/step-0000004"
}
same_when_resumed classes "${classes[@]}" --set train.sample_every=4
same_when_resumed classifier "${classifier[@]}"
expect_equal "lines of the classifier" "$(grep -o '"accuracy_by_level":[^]]*]' classifier/metrics.jsonl)" \
    "$(grep -o '"accuracy_by_level":[^]]*]' classifier-parts/metrics.jsonl)"
has_lines classifier/metrics.jsonl 4
succeeds train classes.toml --out kept "${classes[@]}" --set train.label_dropout=0
expect_different classes/checkpoints/step-0000004/model.safetensors kept/checkpoints/step-0000004/model.safetensors

# ---- Image k has the list's label k, whatever the batch.
sample() { succeeds sample "$1" -n 5 --steps 3 --no-singles --out "$2" "${@:3}"; }
sample classes whole --label 1,4 --guidance 2 --npy
sample classes parts --label 1,4 --guidance 2 --npy --batch 2
cmp whole/grid.png parts/grid.png || fail "guided images depend on the batch"
expect_text whole/samples.npz arr_1.npy
sample classes other --label 1 --guidance 2
expect_different whole/samples.npz other/samples.npz
sample classes unguided --label 1,4
expect_different whole/samples.npz unguided/samples.npz
sample classes one --label 1,4 --guidance 1
expect_same unguided one
sample classes zero --label 1,4 --guidance 0
sample classes null --label none
expect_same zero/grid.png null/grid.png
sample classes interval --label all --guidance 3 --guidance-interval 0.2,0.6 --guidance-rescale 0.5 --solver ancestral
for solver in ddim ancestral; do
    sample classes by-classifier-$solver --label 2 --classifier classifier --classifier-scale 2 --solver $solver
    sample classes without-$solver --label 2 --solver $solver
    expect_different by-classifier-$solver/samples.npz without-$solver/samples.npz
    sample classes by-nothing-$solver --label 2 --classifier classifier --classifier-scale 0 --solver $solver
    expect_same by-nothing-$solver without-$solver
done

# ---- engine classify.
succeeds classify classifier --input train-images-idx3-ubyte --levels 3 --json
expect_match "agreement" '^0(\.[0-9]+)?$|^1\.0$' "$(json_value "$out" agreement)"
expect_text "$out" '"agreement_by_level":['
succeeds classify classifier --input whole/samples.npz
expect_text "$out" "of 5 images agree with their class"
succeeds classify classifier --input whole/samples.npz --label 7 --json
expect_text "$out" '"count_by_class":[0,0,0,0,0,0,0,5,0,0]'

# ---- Exported with the row of the null class, and imported again.
succeeds export classes --to diffusers folder --unet-only
expect_text folder/config.json '"num_class_embeds": 11'
succeeds import folder --out again --set network.classes=10 --set network.null_class=true \
    --set process.steps=12 --set process.schedule=cosine
expect_same classes/checkpoints/step-0000004/ema.safetensors again/checkpoints/step-0000000/ema.safetensors
sample again again-guided --label 1,4 --guidance 2
expect_same whole/grid.png again-guided/grid.png

# ---- Refusals.
refuses_training() { refuses 1 "$1" train classes.toml --out none "${@:2}"; expect_missing none; }
refuses_training "labels 0 to 9, and network.classes is 5: expected at least 10" --set network.classes=5
refuses_training "null_class needs classes" --set train.label_dropout=0.1
refuses_training "a classifier has no null class" "${classifier[@]}" --set train.label_dropout=0.1
refuses_training "a classifier needs at least 2 classes" --set network.kind=classifier
refuses_training "draws no samples" "${classifier[@]}" --set train.sample_every=1
refuses_training "kind is unet or classifier" --set network.kind=unit
refuses_training "train.label_dropout must lie in [0, 1]" --set train.label_dropout=1.5
cp train-images-idx3-ubyte alone-idx3-ubyte
refuses_training "these images have no labels" --set data.path=alone-idx3-ubyte --set network.classes=10
refuses 1 "begun with another" train classes.toml --out classes "${classes[@]}" --set train.label_dropout=0.4
refuses_sampling() { refuses 1 "$1" sample "$2" --steps 2 --out none "${@:3}"; expect_missing none; }
refuses_sampling "choose one with --label 0 to 9" classes
refuses_sampling "not 10" classes --label 3,10
refuses_sampling "--label 3,x: expected a class" classes --label 3,x
refuses_sampling "no null class to be guided away from" kept --label 3 --guidance 2
refuses_sampling "this network has no null class" kept --label none
refuses_sampling "is no class to be guided to" classes --label none --guidance 2
refuses_sampling "guidance scale nan" classes --label 3 --guidance nan
refuses_sampling "guidance scale inf" classes --label 3 --guidance inf
refuses_sampling "guidance rescale 2" classes --label 3 --guidance 2 --guidance-rescale 2
refuses_sampling "belongs to --guidance" classes --label 3 --guidance-interval 0,1
refuses_sampling "expected two shares" classes --label 3 --guidance 2 --guidance-interval 0.5
refuses_sampling "expected 0 ≤ low < high ≤ 1" classes --label 3 --guidance 2 --guidance-interval 0.5,0.2
refuses_sampling "belongs to --classifier" classes --label 3 --classifier-scale 2
refuses_sampling "no classifier: its network.kind is unet" classes --label 3 --classifier kept
refuses_sampling "a classifier draws no images" classifier --label 3
refuses 1 "no classifier: its network.kind is unet" classify classes --input train-images-idx3-ubyte
refuses 1 "not 12" classify classifier --input whole/samples.npz --label 12
succeeds train classes.toml --out shorter "${classifier[@]}" --set process.steps=6
refuses_sampling "another noise schedule" classes --label 3 --classifier shorter
