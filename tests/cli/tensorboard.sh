#!/usr/bin/env bash
# RUN/tensorboard: scalars and sample grids as TensorBoard's event files, the same after a run was cut off and resumed.
source "$(dirname "$0")/common.sh"

idx_images "$work/images.idx" 32 12 10
config=$work/tiny.toml
configuration "$config" ddpm "$work/images.idx" 12 10
grids=(--set train.sample_every=2 --set train.checkpoint_every=1)
events=tensorboard/events.out.tfevents.engine

# records FILE: a line a record, "STEP KIND CONTENT" without what differs from run to run, after checking that the lengths
# lead from one to the next up to the end of the file. CONTENT is the hex of the event past its time and step; of scalars
# without the four bytes of images_per_second, the last.
records() {
    local -a file
    local at=0 length i step shift byte kind content
    mapfile -t file < <(od -An -v -tx1 -w1 "$1" | tr -d ' ')
    while ((at < ${#file[@]})); do
        length=0
        for ((i = 7; i >= 0; --i)); do length=$((length << 8 | 0x${file[at + i]})); done
        ((length > 0 && at + length + 16 <= ${#file[@]})) || fail "$1: a record of $length bytes at byte $at of ${#file[@]}"
        i=$((at + 12))
        [[ ${file[i]} == 09 ]] || fail "$1: expected the time first in the event at byte $i, got ${file[i]}"
        i=$((i + 9)) step=0
        if [[ ${file[i]} == 10 ]]; then
            for ((shift = 0, byte = 128; byte >= 128; shift += 7)); do
                byte=$((0x${file[++i]}))
                step=$((step | (byte & 127) << shift))
            done
            ((++i))
        fi
        content=$(printf %s "${file[@]:i:at + 12 + length - i}")
        case $content in
            1a0d627261696e2e4576656e743a32) kind=version ;; # "brain.Event:2"
            2a*89504e470d0a1a0a*49454e44ae426082) kind=image ;;
            2a*) kind=scalars content=${content%????????} ;;
            *) fail "$1: expected a version or a summary, got $content" ;;
        esac
        echo "$step $kind $content"
        at=$((at + 16 + length))
    done
}
kinds() { records "$1" | awk '{ printf "%s%s %s", separator, $1, $2; separator = ", " } END { print "" }'; }
hex_of() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; }

# ---- What a run writes.
succeeds train "$config" --out "$work/whole" "${grids[@]}"
expect_contents "$work/whole/tensorboard" "${events##*/}"
records "$work/whole/$events" >"$work/records"
expect_equal "events" "0 version, 1 scalars, 2 scalars, 2 image, 3 scalars, 4 scalars, 4 image" "$(kinds "$work/whole/$events")"
for tag in loss learning_rate gradient_norm images_per_second; do
    expect_equal "scalars with the tag $tag" 4 "$(grep -c "scalars.*$(hex_of "$tag")" "$work/records")"
done
expect_equal "images with the tag samples" 2 "$(grep -c "image.*$(hex_of samples)" "$work/records")"
# The learning rate 1e-3 as a float, little-endian, after its tag; the grid of step 4 inside the event.
expect_text "$work/records" "$(hex_of learning_rate)156f12833a"
expect_text "$work/records" "$(od -An -v -tx1 "$work/whole/samples/step-0000004.png" | tr -d ' \n')"

# ---- A finished run asked for again adds nothing.
cp "$work/whole/$events" "$work/before"
succeeds train "$config" --out "$work/whole" "${grids[@]}"
expect_same "$work/before" "$work/whole/$events"

# ---- Resumed in parts: the same events, and the same grids, as they are made of the same noises.
succeeds train "$config" --out "$work/parts" "${grids[@]}" --set train.steps=1
succeeds train "$config" --out "$work/parts" "${grids[@]}" --set train.steps=2
succeeds train "$config" --out "$work/parts" "${grids[@]}"
expect_equal "events of a run in parts" "$(<"$work/records")" "$(records "$work/parts/$events")"
expect_same "$work/whole/samples" "$work/parts/samples"

# ---- Killed while writing, past the newest checkpoint: what will be written again is cut, with the half record.
cp -r "$work/whole" "$work/killed"
rm -r "$work/killed/checkpoints/step-0000004"
truncate -s -5 "$work/killed/$events"
succeeds train "$config" --out "$work/killed" "${grids[@]}"
expect_text "$err" "resuming at step 3"
expect_equal "events of a killed run" "$(<"$work/records")" "$(records "$work/killed/$events")"

# ---- What is no event file is written anew, and a run without it goes on with one.
echo "no events" >"$work/killed/$events"
succeeds train "$config" --out "$work/killed" "${grids[@]}" --set train.steps=5
expect_equal "events after a damaged file" "0 version, 5 scalars" "$(kinds "$work/killed/$events")"
rm -r "$work/killed/tensorboard"
succeeds train "$config" --out "$work/killed" "${grids[@]}" --set train.steps=6
expect_equal "events after a lost file" "0 version, 6 scalars, 6 image" "$(kinds "$work/killed/$events")"

# ---- A run that begins anew begins its events anew.
rm -r "$work/parts/checkpoints"
succeeds train "$config" --out "$work/parts" "${grids[@]}"
expect_equal "events of a run begun anew" "$(<"$work/records")" "$(records "$work/parts/$events")"
