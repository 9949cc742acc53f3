#!/usr/bin/env bash
# engine train, killed (SIGKILL) in the midst of writing checkpoints and between lines of its log: nothing but the work since
# the last checkpoint is lost, and the run ends in the bits of one that nobody killed.
source "$(dirname "$0")/common.sh"

idx_images "$work/images.idx" 32 12 10

# ---- In a checkpoint. The network is wide, so that most of the time goes into writing 10 MB at each step.
config=$work/wide.toml
configuration "$config" ddpm "$work/images.idx" 12 10
wide=(--set 'network.channels=[64,96]' --set train.batch=1 --set train.checkpoint_every=1 --set train.keep=2)
newest_of() { find "$1/checkpoints" -name 'step-*' -printf '%f\n' 2>/dev/null | sort | tail -n 1; }
written() { compgen -G "$work/killed/checkpoints/.unfinished-*/*" >/dev/null; }
newer_than() { [[ $(newest_of "$work/killed") != "$1" ]]; }
inside=0 at=
for ((attempts = 1; attempts <= 40 && inside < 4; ++attempts)); do
    newest=$(newest_of "$work/killed" || true)
    start train "$config" "${wide[@]}" --out "$work/killed" --set train.steps=1000
    # Killed in its first checkpoint again and again it would never get on: every other time it may write one first.
    ((attempts % 2 == 0)) || wait_until "a checkpoint is written" newer_than "$newest"
    wait_until "a checkpoint is being written" written
    sleep 0.0$((RANDOM % 3))$((RANDOM % 10))
    kill -KILL "$background"
    wait "$background" 2>/dev/null || true
    if written; then
        ((++inside))
        at+=" $(compgen -G "$work/killed/checkpoints/.unfinished-*/*" | wc -l)"
    fi
    for checkpoint in "$work"/killed/checkpoints/step-*; do # nothing has the name of a checkpoint but is none
        [[ ! -e $checkpoint ]] || expect_contents "$checkpoint" "${checkpoint_files[@]}"
    done
done
note "$inside of $((attempts - 1)) kills came in the midst of a checkpoint, with so many of its 4 files begun:$at"
((inside > 0)) || fail "expected a kill in the midst of a checkpoint"
newest=$(newest_of "$work/killed")
steps=$((10#${newest#step-} + 2))
succeeds train "$config" "${wide[@]}" --out "$work/killed" --set train.steps=$steps
expect_text "$err" "resuming at step"
succeeds train "$config" "${wide[@]}" --out "$work/whole" --set train.steps=$steps
expect_same "$work/whole/checkpoints" "$work/killed/checkpoints"
expect_equal "steps and losses" "$(metrics "$work/whole")" "$(metrics "$work/killed")"
expect_no_leftovers "$work/killed"

# ---- What a killed deletion left is no checkpoint, and is cleared away.
mkdir "$work/killed/checkpoints/.discarded-step-0000003" "$work/killed/checkpoints/.unfinished-1"
touch "$work/killed/checkpoints/.discarded-step-0000003/state.json"
succeeds info "$work/killed" --json
expect_text "$out" "\"checkpoints\":[$((steps - 1)),$steps]"
succeeds train "$config" "${wide[@]}" --out "$work/killed" --set train.steps=$steps
expect_same "$work/whole/checkpoints" "$work/killed/checkpoints"

# ---- Between the lines of the log: checkpoints each 7 steps, lines each 5; the means are those of the run in one go.
config=$work/tiny.toml
configuration "$config" ddpm "$work/images.idx" 12 10
straddling=(--set train.checkpoint_every=7 --set train.log_every=5)
for signal in KILL KILL INT; do
    lines=0
    [[ -f $work/straddled/metrics.jsonl ]] && lines=$(wc -l <"$work/straddled/metrics.jsonl")
    start train "$config" "${straddling[@]}" --out "$work/straddled" --set train.steps=100000
    wait_until "some lines are logged" has_lines "$work/straddled/metrics.jsonl" $((lines + 3))
    kill -$signal "$background"
    wait "$background" 2>/dev/null || true
done
newest=$(newest_of "$work/straddled")
step=$((10#${newest#step-}))
total=$((step / 5 * 5 + 33)) # not a step with a line: the last one has its own
succeeds train "$config" "${straddling[@]}" --out "$work/straddled" --set train.steps=$total
expect_text "$err" "resuming at step $step"
succeeds train "$config" "${straddling[@]}" --out "$work/straddling" --set train.steps=$total
expect_equal "steps and losses" "$(metrics "$work/straddling")" "$(metrics "$work/straddled")"
expect_same "$work/straddling/$(printf checkpoints/step-%07d $total)" "$work/straddled/$(printf checkpoints/step-%07d $total)"

# ---- Thinning: the newest train.keep and each whose step is a multiple of train.keep_every.
succeeds train "$config" --out "$work/thinned" --set train.steps=13 --set train.checkpoint_every=1 --set train.keep=2 \
    --set train.keep_every=5
expect_contents "$work/thinned/checkpoints" step-0000005 step-0000010 step-0000012 step-0000013
succeeds train "$config" --out "$work/thinned" --set train.steps=14 --set train.keep=1
expect_contents "$work/thinned/checkpoints" step-0000014
