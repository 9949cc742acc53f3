#!/usr/bin/env bash
# engine train --dry-run: it checks what training would, says what it takes, and writes nothing.
source "$(dirname "$0")/common.sh"

idx_images "$work/images.idx" 32 12 10
for kind in ddpm ihdm; do configuration "$work/$kind.toml" $kind "$work/images.idx" 12 10; done
mkdir "$work/place" "$work/elsewhere"
cp "$work"/*.toml "$work/images.idx" "$work/place"

# listing: every file and folder of $work/place with its time, size and sum. The program runs there, too.
listing() {
    (cd "$work/place" && find . -printf '%p %y %T@ %s %i\n' | sort && find . -type f -exec cksum {} + | sort)
}
dry() { # dry ARGUMENT...: succeeds and leaves $work/place as it was
    local before after
    before=$(listing)
    succeeds train "$@" --dry-run
    after=$(listing)
    expect_equal "$work/place after engine train $* --dry-run" "$before" "$after"
}
no_dry() { # no_dry TEXT ARGUMENT...: refused with 1, and nothing is written
    local before after
    before=$(listing)
    refuses 1 "$1" train "${@:2}" --dry-run
    after=$(listing)
    expect_equal "$work/place after engine train ${*:2} --dry-run" "$before" "$after"
}
cd "$work/place"

# ---- A run to begin: nothing is made, for either process, with sample grids or without.
for kind in ddpm ihdm; do
    dry $kind.toml --out new/run
    expect_missing "$work/place/new"
    for word in parameters "memory at the peak" activations "time a step" "time in all" "a checkpoint" disk "nothing was written"; do
        expect_text "$out" "$word"
    done
    dry $kind.toml --out new/run --set train.sample_every=2
    expect_text "$out" "time of a grid"
done

# ---- Its figures, against the run itself.
dry ddpm.toml --out run --json --set train.steps=40 --set train.sample_every=20
cp "$out" "$work/figures"
expect_equal "lines of JSON" 1 "$(wc -l <"$out")"
figure() { json_value "$work/figures" "$1"; }
expect_equal "dry_run" true "$(figure dry_run)"
expect_equal "steps_left" 40 "$(figure steps_left)"
succeeds info ddpm.toml --json
expect_equal "parameters" "$(json_value "$out" parameters)" "$(figure parameters)"
(($(figure activation_bytes) > 0 && $(figure sampling_bytes) > 0)) || fail "expected memory above 0" "$(<"$work/figures")"
expect_equal "data_bytes" $((32 * 12 * 10)) "$(figure data_bytes)"
awk -v step="$(figure seconds_per_step)" -v grid="$(figure seconds_per_grid)" -v all="$(figure seconds)" \
    'BEGIN { difference = all - 40 * step - 2 * grid; exit !(step > 0 && grid > 0 && difference ^ 2 < 1e-12) }' ||
    fail "expected seconds = 40 steps and 2 grids" "$(<"$work/figures")"
succeeds train ddpm.toml --out run --json --set train.steps=40 --set train.sample_every=20 --set train.keep=1 --set train.checkpoint_every=20
near() { # near WHAT EXPECTED GOT PERCENT
    awk -v expected="$2" -v got="$3" -v percent="$4" 'BEGIN { exit !((got - expected) ^ 2 <= (percent / 100 * expected) ^ 2) }' ||
        fail "$1: expected within $4 % of $2" "got: $3"
}
near "peak memory" "$(json_value "$out" peak_memory_bytes)" "$(figure peak_memory_bytes)" 5
checkpoint=$(cat run/checkpoints/step-0000040/* | wc -c)
near "bytes of a checkpoint" "$checkpoint" "$(figure checkpoint_bytes)" 10
written=$(du -sb run | cut -f 1)
(($(figure disk_bytes) >= written)) || fail "expected disk_bytes of at least what the run takes, $written" "got: $(figure disk_bytes)"

# ---- A run that stands: where it would go on, and the run as it was.
dry ddpm.toml --out run --set train.steps=50 --json
expect_equal "first_step" 40 "$(json_value "$out" first_step)"
expect_equal "steps_left" 10 "$(json_value "$out" steps_left)"
dry run/config.toml --out run --json # nothing left
expect_equal "steps_left" 0 "$(json_value "$out" steps_left)"

# ---- What training would refuse.
no_dry "this run was begun with another" ddpm.toml --out run --set train.batch=5
no_dry "data.path is not set" ddpm.toml --out new --set data.path=
no_dry "no data set at" ddpm.toml --out new --set data.path=nowhere
no_dry "they need height and width in multiples of 4" ddpm.toml --out new --set 'network.channels=[8,8,8]'
no_dry "does not fit process ihdm" ihdm.toml --out new --set sample.solver=ddim
no_dry "schedule" ddpm.toml --out new --set process.schedule=quadratic
no_dry "did you mean train.steps?" ddpm.toml --out new --set train.stepz=1
no_dry "is no folder" ddpm.toml --out images.idx/run
no_dry "is no folder" ddpm.toml --out images.idx
# A damaged checkpoint: training would set it aside and go on from the one before; of the only one there is no way on.
cp -r run/checkpoints/step-0000040 run/checkpoints/step-0000041
truncate -s 40 run/checkpoints/step-0000041/optimizer.safetensors
dry ddpm.toml --out run --set train.steps=50 --json
expect_text "$err" "step-0000041"
expect_equal "first_step" 40 "$(json_value "$out" first_step)"
rm -r run/checkpoints/step-0000041
truncate -s 40 run/checkpoints/step-0000040/optimizer.safetensors
no_dry "step-0000040" ddpm.toml --out run --set train.steps=50
# A learning rate that makes the network diverge in the first steps.
no_dry "the loss is" ddpm.toml --out new --set train.learning_rate=1000 --set train.weight_decay=1000

# While another process trains there.
start train ddpm.toml --out "$work/elsewhere/busy" --set train.steps=1000000
wait_until "it trains" has_lines "$work/elsewhere/busy/metrics.jsonl" 1
no_dry "another process is training in this folder" ddpm.toml --out "$work/elsewhere/busy" --set train.steps=1000000
kill -INT "$background"
ends_with 130

# ---- A folder that cannot be written, as nobody; a disk that is too small.
if ((EUID == 0)); then
    mkdir -m 555 "$work/elsewhere/read-only"
    chmod 755 "$work" "$work/place"
    printf '#!/bin/bash\nexec setpriv --reuid=65534 --regid=65534 --clear-groups %q "$@"\n' "$ENGINE" >"$work/as-nobody"
    chmod 755 "$work/as-nobody"
    if [[ $("$work/as-nobody" --version 2>/dev/null) == engine* ]]; then
        (
            ENGINE=$work/as-nobody
            no_dry "$work/elsewhere/read-only" ddpm.toml --out "$work/elsewhere/read-only/run"
        )
    fi
fi
mkdir "$work/elsewhere/disk"
if mount -t tmpfs -o size=64k tmpfs "$work/elsewhere/disk" 2>/dev/null; then
    trap 'umount "$work/elsewhere/disk" 2>/dev/null || true; clean_up' EXIT
    no_dry "are free" ddpm.toml --out "$work/elsewhere/disk/run"
    umount "$work/elsewhere/disk"
else
    note "no file system may be mounted here: a small disk is not tried"
fi
