#!/usr/bin/env bash
# A disk that is full: what cannot be written whole is not there at all, and a run goes on when there is room again.
source "$(dirname "$0")/common.sh"

# A disk of our own to fill takes a mount namespace of our own: the script starts itself once more in one.
if [[ ${1:-} != in-namespace ]]; then
    namespace=(unshare --mount)
    ((EUID == 0)) || namespace=(unshare --user --map-root-user --mount)
    if "${namespace[@]}" mount -t tmpfs -o size=2m tmpfs "$work" 2>/dev/null; then
        "${namespace[@]}" bash "$0" in-namespace || exit
        exit 0
    fi
    note "no file system may be mounted here: a limit on the size of files stands in for the full disk"
fi

idx_images "$work/images.idx" 32 12 10
config=$work/tiny.toml
configuration "$config" ddpm "$work/images.idx" 12 10
succeeds train "$config" --out "$work/whole"

expect_unharmed() { # expect_unharmed RUN: it holds step 2 and nothing half written
    expect_contents "$1/checkpoints" step-0000002
    expect_contents "$1/checkpoints/step-0000002" "${checkpoint_files[@]}"
    expect_no_leftovers "$1"
}
expect_to_go_on() { # expect_to_go_on RUN: with room, it ends in the bits of the run in one go
    succeeds train "$config" --out "$1"
    expect_text "$err" "resuming at step 2"
    expect_same "$work/whole/checkpoints/step-0000004" "$1/checkpoints/step-0000004"
    expect_equal "steps and losses" "$(metrics "$work/whole")" "$(metrics "$1")"
}

# ---- A limit on the size of files. A write beyond it fails, as the signal that would end the program is ignored.
limited=$work/limited
succeeds train "$config" --out "$limited" --set train.steps=2
smaller=$(wc -c <"$limited/checkpoints/step-0000002/ema.safetensors")
(
    trap '' XFSZ
    ulimit -f $((smaller / 1024 + 8)) # KiB; optimizer.safetensors is twice as large
    refuses 1 "optimizer.safetensors" train "$config" --out "$limited"
)
expect_unharmed "$limited"
expect_to_go_on "$limited"

[[ ${1:-} == in-namespace ]] || exit 0

# ---- A disk of 2 MiB, filled up to some KiB.
disk=$work/disk
mkdir "$disk"
trap 'umount "$disk" 2>/dev/null || true; clean_up' EXIT
mount -t tmpfs -o size=2m tmpfs "$disk"
fill_but() { # fill_but KIB
    rm -f "$disk/filler"
    head -c $((($(df --output=avail -k "$disk" | tail -n 1) - $1) * 1024)) /dev/zero >"$disk/filler"
}
succeeds train "$config" --out "$disk/run" --set train.steps=2
fill_but 128 # room for a part of a checkpoint
refuses 1 "No space left on device" train "$config" --out "$disk/run"
expect_match "what it says" "^error: step 4: cannot write $disk/run/checkpoints/.*; the last good checkpoint is $disk/run/checkpoints/step-0000002. Once that is mended, the same command goes on from there" \
    "$(tail -n 1 "$err")"
expect_unharmed "$disk/run"
fill_but 8 # room for some lines of metrics; the one cut off is dropped later
refuses 1 "cannot write $disk/run/metrics.jsonl: No space left on device" \
    train "$config" --out "$disk/run" --set train.steps=1000
expect_text "$err" "the last good checkpoint is $disk/run/checkpoints/step-0000002"
expect_unharmed "$disk/run"
fill_but 0
refuses 1 "$disk/run" train "$config" --out "$disk/run"
expect_unharmed "$disk/run"

# Nor is there a beginning of a run, of images, of an output.
refuses 1 "$disk/new/config.toml" train "$config" --out "$disk/new"
expect_missing "$disk/new"
mkdir "$disk/given"
refuses 1 "$disk/given/config.toml" train "$config" --out "$disk/given"
expect_equal "contents of a folder that was given" "" "$(ls -A "$disk/given")"
refuses 1 "$disk/images" sample "$disk/run" -n 2 --out "$disk/images"
expect_no_leftovers "$disk/images"
{ npy_header "1, 1, 12, 10"; head -c 480 /dev/zero; } >"$work/input.npy"
refuses 1 "$disk/output.npy" predict "$disk/run" --t 1 --input "$work/input.npy" --output "$disk/output.npy"
expect_missing "$disk/output.npy"
expect_no_leftovers "$disk"

rm "$disk/filler"
expect_to_go_on "$disk/run"
succeeds train "$config" --out "$disk/new" --set train.steps=1
