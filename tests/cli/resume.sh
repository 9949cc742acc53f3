#!/usr/bin/env bash
# engine train, interrupted in every way: what is resumed ends in the bits of a run in one go.
source "$(dirname "$0")/common.sh"

idx_images "$work/images.idx" 32 12 10
trained=(model.safetensors ema.safetensors optimizer.safetensors state.json)

expect_same_run() { # expect_same_run RUN RUN STEP: checkpoints of that step, and the losses on the way
    local file name
    printf -v name 'checkpoints/step-%07d' "$3"
    for file in "${trained[@]}"; do expect_same "$1/$name/$file" "$2/$name/$file"; done
    expect_equal "steps and losses of $2" "$(metrics "$1")" "$(metrics "$2")"
    expect_no_leftovers "$2"
}

# ---- 6 steps in one go, and 3 then 6. Dropout and mirrored images draw numbers of their own.
for kind in ddpm ihdm; do
    config=$work/$kind.toml
    configuration "$config" $kind "$work/images.idx" 12 10
    [[ $kind == ihdm ]] && export OMP_NUM_THREADS=2 # here alone, with threads
    extra=(--set network.dropout=0.1 --set data.flip=true --set train.accumulation=2)
    succeeds train "$config" "${extra[@]}" --out "$work/$kind-whole" --set train.steps=6
    succeeds train "$config" "${extra[@]}" --out "$work/$kind-parts" --set train.steps=3
    succeeds train "$config" "${extra[@]}" --out "$work/$kind-parts" --set train.steps=6
    expect_text "$err" "resuming at step 3"
    expect_same_run "$work/$kind-whole" "$work/$kind-parts" 6
done
export OMP_NUM_THREADS=1
config=$work/ddpm.toml

# ---- Levels drawn by importance: what they are drawn by is part of the checkpoint. Two levels soon have their history.
levels=(--set process.steps=2 --set train.batch=8 --set process.loss_weight=vlb)
important=("${levels[@]}" --set train.timestep_sampling=importance)
succeeds train "$config" "${levels[@]}" --out "$work/uniform" --set train.steps=6
succeeds train "$config" "${important[@]}" --out "$work/important-whole" --set train.steps=6
succeeds train "$config" "${important[@]}" --out "$work/important-parts" --set train.steps=4
succeeds train "$config" "${important[@]}" --out "$work/important-parts" --set train.steps=6 --dry-run
succeeds train "$config" "${important[@]}" --out "$work/important-parts" --set train.steps=6
expect_text "$err" "resuming at step 4"
expect_same_run "$work/important-whole" "$work/important-parts" 6
expect_same "$work"/important-{whole,parts}/checkpoints/step-0000006/level_losses.safetensors
expect_contents "$work/important-whole/checkpoints/step-0000006" "${checkpoint_files[@]}" level_losses.safetensors
expect_equal "losses before there is a history" "$(metrics "$work/uniform" | head -n 1)" \
    "$(metrics "$work/important-whole" | head -n 1)"
expect_different "$work"/{uniform,important-whole}/checkpoints/step-0000006/model.safetensors
rm "$work/important-parts/checkpoints/step-0000006/level_losses.safetensors"
succeeds train "$config" "${important[@]}" --out "$work/important-parts" --set train.steps=6
expect_text "$err" "it has no level_losses.safetensors; set aside"
expect_same_run "$work/important-whole" "$work/important-parts" 6
refuses 1 "this run was begun with another" train "$config" "${levels[@]}" --out "$work/important-whole"
refuses 1 'is uniform or importance, got "cosh"' train "$config" --out "$work/none" --set train.timestep_sampling=cosh

# ---- SIGKILL at any moment, again and again.
kill_steps=120
succeeds train "$config" --out "$work/kill-whole" --set train.steps=$kill_steps --set train.checkpoint_every=2
delays=
for attempt in 1 2 3 4 5; do
    # The first comes after some steps, so that there is something to resume; the others whenever they come.
    start train "$config" --out "$work/killed" --set train.steps=$kill_steps --set train.checkpoint_every=2
    if ((attempt == 1)); then
        wait_until "5 steps are logged" has_lines "$work/killed/metrics.jsonl" 5
    else
        delay=0.$(printf %03d $((RANDOM % 250)))
        delays+=" $delay"
        sleep "$delay"
    fi
    kill -KILL "$background" 2>/dev/null || true # it may have finished
    wait "$background" 2>/dev/null || true
    if ((attempt == 1)); then expect_missing "$work/killed/checkpoints/step-0000$kill_steps"; fi
done
note "killed at 5 steps, then after seconds:$delays"
succeeds train "$config" --out "$work/killed" --set train.steps=$kill_steps --set train.checkpoint_every=2
expect_same_run "$work/kill-whole" "$work/killed" $kill_steps

# ---- SIGINT saves, ends with 130 and prints the command that goes on, whatever was set; that does. SIGTERM is the same.
endless=("$config" --set train.steps=1000000)
stop() { # stop SIGNAL: $stopped_at is the step where it stopped
    local before
    before=0
    [[ -f $work/stopped/metrics.jsonl ]] && before=$(wc -l <"$work/stopped/metrics.jsonl")
    wait_until "some steps are logged" has_lines "$work/stopped/metrics.jsonl" $((before + 2))
    kill "-$1" "$background"
    ends_with 130
    stopped_at=$(sed -nE 's/^stopped at step ([0-9]+), saved; go on with: engine .*/\1/p' "$work/background.err")
    [[ -n $stopped_at ]] ||
        fail "$1: expected \"stopped at step N, saved; go on with: engine ...\"" "got: $(tail -n 1 "$work/background.err")"
    ! grep -q '^error:' "$work/background.err" || fail "$1 is no error: $(grep '^error:' "$work/background.err")"
    expect_equal "newest checkpoint after $1" "$(printf 'step-%07d' "$stopped_at")" \
        "$(ls "$work/stopped/checkpoints" | tail -n 1)"
    expect_equal "last logged step after $1" "$stopped_at" "$(metric_steps "$work/stopped" | awk '{ print $NF }')"
    expect_no_leftovers "$work/stopped"
}
start train "${endless[@]}" --set train.batch=3 --out "$work/stopped"
stop INT
read -ra again < <(sed -n 's/.*go on with: engine //p' "$work/background.err")
first_stop=$stopped_at
start "${again[@]}"
wait_until "it resumes" grep -q "resuming at step $first_stop" "$work/background.err"
stop TERM
((stopped_at > first_stop)) ||
    fail "expected the command it printed to go on from step $first_stop, it stopped at $stopped_at"
succeeds train "$config" --set train.batch=3 --out "$work/stopped" --set train.steps=$((stopped_at + 2))
succeeds train "$config" --set train.batch=3 --out "$work/unstopped" --set train.steps=$((stopped_at + 2))
expect_same_run "$work/unstopped" "$work/stopped" $((stopped_at + 2))

# ---- One process a run folder; the one that is refused does the other no harm.
start train "${endless[@]}" --out "$work/locked"
wait_until "it trains" has_lines "$work/locked/metrics.jsonl" 1
refuses 1 "another process is training in this folder" train "${endless[@]}" --out "$work/locked"
lines=$(wc -l <"$work/locked/metrics.jsonl")
wait_until "the first goes on" has_lines "$work/locked/metrics.jsonl" $((lines + 2))
kill -INT "$background"
ends_with 130
metrics "$work/locked" >/dev/null
succeeds train "${endless[@]}" --out "$work/locked" --set train.steps=1 # the lock went with its process

# ---- Another network, process, order of data or optimiser is refused, and the run left as it was.
cp -r "$work/ddpm-whole" "$work/before"
for setting in train.batch=5 train.seed=1 train.accumulation=1 train.ema_rate=0.5 train.beta1=0.5 process.steps=13 \
    process.kind=ihdm network.blocks=2 network.dropout=0 'network.channels=[8,12]' data.flip=false data.resize=none; do
    refuses 1 "this run was begun with another" \
        train "$config" "${extra[@]}" --out "$work/ddpm-whole" --set train.steps=7 --set "$setting"
done
expect_same "$work/before" "$work/ddpm-whole"

# What a run may go on with: more steps, another learning rate or type, data elsewhere, other logging and sampling.
# From then on it is the run's configuration.
mv "$work/images.idx" "$work/moved.idx"
succeeds train "$config" "${extra[@]}" --out "$work/ddpm-whole" --set train.steps=10 --set train.log_every=2 \
    --set train.checkpoint_every=2 --set train.keep=1 --set train.sample_every=10 --set train.sample_count=1 \
    --set sample.solver=ddim --set sample.steps=3 --set train.learning_rate=1e-4 --set train.dtype=bf16 \
    --set data.path="$work/moved.idx"
expect_text "$err" "resuming at step 6"
expect_text "$err" "activations bf16"
expect_equal "steps in metrics.jsonl" "1 2 3 4 5 6 8 10" "$(metric_steps "$work/ddpm-whole")"
expect_text "$work/ddpm-whole/metrics.jsonl" '"learning_rate":9.99'
expect_contents "$work/ddpm-whole/checkpoints" step-0000010
expect_contents "$work/ddpm-whole/samples" step-0000010.png
cp -r "$work/ddpm-whole" "$work/after"
succeeds train "$work/ddpm-whole/config.toml" --out "$work/ddpm-whole"
expect_same "$work/after" "$work/ddpm-whole"
succeeds sample "$work/ddpm-whole" -n 1 --out "$work/sampled"
succeeds sample "$work/ddpm-whole" -n 1 --out "$work/sampled-ddim" --solver ddim --steps 3
expect_same "$work/sampled" "$work/sampled-ddim"
mv "$work/moved.idx" "$work/images.idx"

# ---- A run that lost its newest checkpoint drops the metrics past the one before, and a line cut off by a crash.
half=(--set train.steps=4 --set train.checkpoint_every=2)
succeeds train "$config" --out "$work/half" "${half[@]}"
cp -r "$work/half" "$work/whole"
rm -r "$work/half/checkpoints/step-0000004"
printf '{"loss":1.0,"step":9}\n{"loss":1.0,"st' >>"$work/half/metrics.jsonl"
succeeds train "$config" --out "$work/half" "${half[@]}"
expect_text "$err" "resuming at step 2"
expect_same_run "$work/whole" "$work/half" 4
rm -r "$work/half/checkpoints"
succeeds train "$config" --out "$work/half" "${half[@]}"
expect_same_run "$work/whole" "$work/half" 4

# ---- A run without a checkpoint begins anew, with what ihdm samples start from made of the data of now.
idx_images "$work/fewer.idx" 20 12 10
succeeds train "$work/ihdm.toml" --out "$work/restarted"
rm -r "$work/restarted/checkpoints"
succeeds train "$work/ihdm.toml" --out "$work/restarted" --set data.path="$work/fewer.idx" --set process.sigma_max=3.0
succeeds train "$work/ihdm.toml" --out "$work/begun" --set data.path="$work/fewer.idx" --set process.sigma_max=3.0
expect_same "$work/begun/prior.safetensors" "$work/restarted/prior.safetensors"
expect_same_run "$work/begun" "$work/restarted" 4
