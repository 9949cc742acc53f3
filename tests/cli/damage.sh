#!/usr/bin/env bash
# Checkpoints that were cut off, altered or lost after they were written: training sets them aside and goes on from the one
# before, sampling uses the one before, each with one line that says so; nothing is deleted.
source "$(dirname "$0")/common.sh"

idx_images "$work/images.idx" 32 12 10
config=$work/tiny.toml
configuration "$config" ddpm "$work/images.idx" 12 10
every=(--set train.checkpoint_every=2 --set train.keep=3)
good=$work/good
succeeds train "$config" --out "$good" "${every[@]}" --set train.steps=6
succeeds train "$config" --out "$work/longer" "${every[@]}" --set train.steps=7
succeeds sample "$good" -n 2 --checkpoint 4 --out "$work/of-4"
run_folder=$work/run
newest=$run_folder/checkpoints/step-0000006

# xor FILE OFFSET VALUE: alters one byte in place
xor() {
    local old
    old=$((0x$(hex "$1" "$2" 1)))
    printf "\\x$(printf %02x $((old ^ $3)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
warnings() { grep -c '^warning:' "$err" || true; }

# recovers TEXT: the newest checkpoint is known to be damaged, and why; the run ends in the bits of one that was not.
recovers() {
    rm -rf "$work/kept" "$work/sampled"
    cp -r "$newest" "$work/kept"
    if [[ ${2:-} != "only training" ]]; then
        succeeds sample "$run_folder" -n 2 --out "$work/sampled"
        expect_equal "warnings of engine sample ($1)" 1 "$(warnings)"
        expect_text "$err" "$newest is damaged: "
        expect_text "$err" "$1"
        expect_text "$err" "step-0000004 is used instead"
        expect_same "$work/of-4/samples.npz" "$work/sampled/samples.npz"
        expect_same "$work/kept" "$newest"
        refuses 1 "$1" sample "$run_folder" -n 2 --checkpoint 6 --out "$work/refused"
        expect_missing "$work/refused"
    fi
    succeeds train "$config" --out "$run_folder" "${every[@]}" --set train.steps=7
    expect_equal "warnings of engine train ($1)" 1 "$(warnings)"
    expect_text "$err" "$newest is damaged: "
    expect_text "$err" "$1"
    expect_text "$err" "set aside as damaged-step-0000006"
    expect_text "$err" "resuming at step 4"
    expect_same "$work/kept" "$run_folder/checkpoints/damaged-step-0000006"
    expect_same "$work/longer/checkpoints/step-0000007" "$run_folder/checkpoints/step-0000007"
    expect_equal "steps and losses" "$(metrics "$work/longer")" "$(metrics "$run_folder")"
}
fresh() {
    rm -rf "$run_folder"
    cp -r "$good" "$run_folder"
}

# ---- A file of the checkpoint: gone, empty, shorter, longer, a byte or a bit of it changed anywhere.
size=$(wc -c <"$good/checkpoints/step-0000006/ema.safetensors")
fresh; rm "$newest/ema.safetensors"; recovers "it has no ema.safetensors"
fresh; : >"$newest/ema.safetensors"; recovers "ema.safetensors has 0 bytes, expected $size"
fresh; truncate -s -1 "$newest/ema.safetensors"; recovers "ema.safetensors has $((size - 1)) bytes, expected $size"
fresh; echo >>"$newest/ema.safetensors"; recovers "ema.safetensors has $((size + 1)) bytes, expected $size"
for offset in 0 9 $((size / 2)) $((size - 1)); do
    fresh; xor "$newest/ema.safetensors" "$offset" $((1 << RANDOM % 8)); recovers "ema.safetensors was altered"
done
fresh; xor "$newest/optimizer.safetensors" 5000 16; recovers "optimizer.safetensors was altered" "only training"
fresh; xor "$newest/model.safetensors" 5000 1; recovers "model.safetensors was altered" "only training"
fresh; rm "$newest/model.safetensors"; mkdir "$newest/model.safetensors"; recovers "model.safetensors is no file" "only training"
fresh; rm -r "$newest"; touch "$newest"; recovers "it is no folder"

# ---- state.json: gone, cut off, garbage, other numbers, other types.
fresh; rm "$newest/state.json"; recovers "it has no state.json"
fresh; truncate -s 40 "$newest/state.json"; recovers "state.json is no JSON object"
fresh; bytes 500 >"$newest/state.json"; recovers "state.json is no JSON object"
fresh; echo '[1, 2]' >"$newest/state.json"; recovers "state.json is no JSON object"
fresh; head -c 300000 /dev/zero | tr '\0' '[' >"$newest/state.json"; recovers "state.json is no JSON object"
fresh; head -c 2000000 /dev/zero | tr '\0' ' ' >"$newest/state.json"; recovers "state.json has 2000000 bytes"
change() { sed -i -E "s/$1/$2/" "$newest/state.json"; } # of state.json, where it must change something
for edit in '"step": 6/"step": 4' '"images": 24/"images": 25' '"crc32": "./"crc32": "g' '"loss_count": 0/"loss_count": 1' \
    '"version": 2/"version": 3' '"files"/"filez"'; do
    fresh; change "${edit%/*}" "${edit#*/}"
    expect_different "$newest/state.json" "$good/checkpoints/step-0000006/state.json"
    recovers "its checksum does not fit"
done
for state in '{}' '{"version": 2}' '{"version": "x"}' '{"version": -1, "step": 6}' '{"version": 1e300, "step": 6}' '{"version": null}'; do
    fresh; echo "$state" >"$newest/state.json"; recovers "state.json"
done
for step in '"x"' -6 1e300 6.5 99999999999999999999 null '[6]' 5; do
    fresh; echo "{\"version\": 1, \"step\": $step}" >"$newest/state.json"; recovers "step"
done

# ---- A run of version 1 had no checksums: it goes on, and what is cut off is seen.
fresh
for checkpoint in "$run_folder"/checkpoints/step-*; do
    step=$((10#${checkpoint##*-}))
    printf '{\n  "images": %d,\n  "seed": 0,\n  "step": %d,\n  "version": 1\n}\n' $((4 * step)) $step >"$checkpoint/state.json"
done
cp -r "$run_folder" "$work/version-1"
succeeds train "$config" --out "$run_folder" "${every[@]}" --set train.steps=7
expect_equal "warnings" 0 "$(warnings)"
expect_text "$err" "resuming at step 6"
expect_same "$work/longer/checkpoints/step-0000007" "$run_folder/checkpoints/step-0000007"
rm -r "$run_folder"
cp -r "$work/version-1" "$run_folder"
truncate -s -4 "$newest/ema.safetensors"
recovers "it is cut off"
# Numbers that are not finite, which no checksum denies there: the last tensor of the file ends in a NaN.
rm -r "$run_folder"
cp -r "$work/version-1" "$run_folder"
printf '\x00\x00\xc0\x7f' | dd of="$newest/ema.safetensors" bs=1 seek=$((size - 4)) conv=notrunc status=none
recovers "of ema.safetensors holds numbers that are not finite"

# ---- Written by a newer version: no damage, so that nothing is set aside, and no other checkpoint is taken for it.
fresh
state='{"checksum":"CRC","step":6,"version":1000}'
crc=$(printf %s '{"step":6,"version":1000}' | gzip -c | tail -c 8 | head -c 4 | od -An -tx4 | tr -d ' ')
echo "${state/CRC/$crc}" >"$newest/state.json"
refuses 1 "written by a newer version" train "$config" --out "$run_folder" "${every[@]}" --set train.steps=7
refuses 1 "written by a newer version" sample "$run_folder" --out "$work/refused"
expect_missing "$work/refused"
expect_contents "$run_folder/checkpoints" step-0000002 step-0000004 step-0000006

# ---- Two damaged ones, one after the other; the names of those set aside do not collide.
fresh
truncate -s 9 "$newest/state.json"
truncate -s 9 "$run_folder/checkpoints/step-0000004/model.safetensors"
mkdir "$run_folder/checkpoints/damaged-step-0000006"
succeeds train "$config" --out "$run_folder" "${every[@]}" --set train.steps=7
expect_equal "warnings" 2 "$(warnings)"
expect_text "$err" "resuming at step 2"
expect_contents "$run_folder/checkpoints" damaged-step-0000004 damaged-step-0000006 damaged-step-0000006.2 \
    step-0000004 step-0000006 step-0000007
expect_same "$work/longer/checkpoints/step-0000007" "$run_folder/checkpoints/step-0000007"

# ---- All of them: an error, each time again, and everything stays; the run is not begun anew by itself.
fresh
for file in "$run_folder"/checkpoints/*/*.safetensors; do truncate -s -1 "$file"; done
cp -r "$run_folder" "$work/all-damaged"
for attempt in 1 2; do
    refuses 1 "none of its 3 checkpoints can be used" train "$config" --out "$run_folder" "${every[@]}" --set train.steps=7
    expect_text "$err" "step-0000006 is damaged"
done
refuses 1 "none of its 3 checkpoints can be used" sample "$run_folder" --out "$work/refused"
refuses 1 "model.safetensors has" sample "$run_folder" --checkpoint 4 --weights model --out "$work/refused"
expect_missing "$work/refused"
expect_same "$work/all-damaged" "$run_folder"

# ---- What ihdm samples start from is made again from the images when it is lost.
configuration "$work/ihdm.toml" ihdm "$work/images.idx" 12 10
succeeds train "$work/ihdm.toml" --out "$work/ihdm"
cp "$work/ihdm/prior.safetensors" "$work/prior"
truncate -s -1 "$work/ihdm/prior.safetensors"
succeeds train "$work/ihdm.toml" --out "$work/ihdm" --set train.steps=5
expect_text "$err" "warning: $work/ihdm/prior.safetensors"
expect_same "$work/prior" "$work/ihdm/prior.safetensors"
