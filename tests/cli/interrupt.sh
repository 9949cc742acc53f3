#!/usr/bin/env bash
# Ctrl-C and SIGTERM at every stage of engine train: it saves where there is something to save, says how to go on, and leaves
# nothing half made.
source "$(dirname "$0")/common.sh"

idx_images "$work/images.idx" 32 12 10
config=$work/tiny.toml
configuration "$config" ddpm "$work/images.idx" 12 10

# catches SIGNAL-NUMBER: the program in the background has a handler for it, and is no longer the shell that starts it
catches() {
    local mask
    [[ /proc/$background/exe -ef $ENGINE ]] || return
    mask=$(sed -n 's/^SigCgt:\s*//p' "/proc/$background/status")
    (((0x$mask >> ($1 - 1) & 1) == 1))
}
stopped() { # stopped STATUS TEXT: the program in the background ended so, and said this last; no error
    ends_with "$1"
    expect_match "last line of standard error" "$2" "$(tail -n 1 "$work/background.err")"
    ! grep -q '^error:' "$work/background.err" || fail "an interruption is no error: $(grep '^error:' "$work/background.err")"
}

# ---- While it loads. Drawing so many initial weights takes long enough.
for signal in INT TERM HUP; do
    start train "$config" --out "$work/loading/run" --set 'network.channels=[256,256]'
    wait_until "it catches signals" catches "$(kill -l "$signal")"
    kill -$signal "$background"
    stopped 130 "^stopped before the training began, nothing was written; the same command begins again$"
    expect_missing "$work/loading"
done

# ---- While ihdm blurs the training images.
images=30000
{ big_endian 0x803 $images 28 28; for ((i = 0; i < images / 1000; ++i)); do bytes 784000; done; } >"$work/many.idx"
configuration "$work/ihdm.toml" ihdm "$work/many.idx" 28 28
start train "$work/ihdm.toml" --out "$work/prior/run"
wait_until "it has loaded" test -f "$work/prior/run/config.toml"
kill -INT "$background"
stopped 130 "^stopped before the training began, nothing was written; the same command begins again$"
expect_missing "$work/prior"

# ---- While it writes a checkpoint: that one is finished.
start train "$config" --out "$work/writing" --set train.steps=100000 --set train.checkpoint_every=1 --set 'network.channels=[64,96]'
being_written() { compgen -G "$work/writing/checkpoints/.unfinished-*" >/dev/null; }
wait_until "a checkpoint is being written" being_written
kill -TERM "$background"
stopped 130 "^stopped at step [0-9]+, saved; go on with: engine train $work/writing/config.toml --out $work/writing$"
step=$(sed -nE 's/^stopped at step ([0-9]+).*/\1/p' "$work/background.err")
expect_equal "newest checkpoint" "$(printf step-%07d "$step")" "$(ls "$work/writing/checkpoints" | tail -n 1)"
expect_contents "$work/writing/checkpoints/$(printf step-%07d "$step")" "${checkpoint_files[@]}"
expect_no_leftovers "$work/writing"

# ---- While it samples a grid: the step is saved, and the grid drawn when the run goes on.
long=(--set process.steps=1000 --set train.sample_every=2 --set train.steps=2)
succeeds train "$config" "${long[@]}" --out "$work/grid-whole"
start train "$config" "${long[@]}" --out "$work/grid"
wait_until "step 2 is logged" has_lines "$work/grid/metrics.jsonl" 2
kill -INT "$background"
got=0
wait "$background" || got=$?
((got == 0 || got == 130)) || fail "interrupted in a grid" "expected exit code 0 or 130, got $got"
expect_exists "$work/grid/checkpoints/step-0000002"
[[ -e $work/grid/samples ]] && note "the signal came after the grid was drawn"
succeeds train "$config" "${long[@]}" --out "$work/grid"
expect_same "$work/grid-whole/samples" "$work/grid/samples"
expect_same "$work/grid-whole/checkpoints" "$work/grid/checkpoints"
expect_no_leftovers "$work/grid"

# ---- A terminal that is closed asks to stop as Ctrl-C does, but not where nohup was asked for.
start train "$config" --out "$work/hangup" --set train.steps=100000
wait_until "it trains" has_lines "$work/hangup/metrics.jsonl" 1
kill -HUP "$background"
stopped 130 "^stopped at step "
trap '' HUP
start train "$config" --out "$work/nohup" --set train.steps=100000
trap - HUP
wait_until "it trains" has_lines "$work/nohup/metrics.jsonl" 1
kill -HUP "$background"
wait_until "it goes on" has_lines "$work/nohup/metrics.jsonl" $(($(wc -l <"$work/nohup/metrics.jsonl") + 2))
kill -INT "$background"
stopped 130 "^stopped at step "

# ---- Nobody reads what it says any more: it trains on, and Ctrl-C saves (as in `engine train … 2>&1 | tee log`).
mkfifo "$work/pipe"
"$ENGINE" train "$config" --out "$work/unheard" --set train.steps=100000 2>"$work/pipe" >/dev/null &
background=$!
started+=("$background")
head -n 1 "$work/pipe" >/dev/null # and closes it
wait_until "it trains" has_lines "$work/unheard/metrics.jsonl" 5
kill -INT "$background"
ends_with 130
expect_equal "newest checkpoint" "$(printf step-%07d "$(metric_steps "$work/unheard" | awk '{ print $NF }')")" \
    "$(ls "$work/unheard/checkpoints" | tail -n 1)"
