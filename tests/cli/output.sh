#!/usr/bin/env bash
# --quiet and --json: what is said where. Standard output is for results, standard error for errors and for who watches.
source "$(dirname "$0")/common.sh"

idx_images "$work/images.idx" 32 12 10
config=$work/tiny.toml
configuration "$config" ddpm "$work/images.idx" 12 10
object='^\{.*\}$'

expect_silent() { # expect_silent FILE
    [[ ! -s $1 ]] || fail "expected nothing in $1, got: $(head -n 3 "$1")"
}
expect_objects() { # expect_objects COUNT: so many lines of standard output, each a JSON object
    expect_equal "lines of JSON" "$1" "$(grep -cE "$object" "$out" || true)"
    expect_equal "lines" "$1" "$(wc -l <"$out")"
}

# ---- engine train.
succeeds train "$config" --out "$work/plain"
expect_text "$err" "step 4/4"
succeeds train "$config" --out "$work/quiet" --quiet
expect_silent "$err"
expect_equal "standard output: the last checkpoint" "$work/quiet/checkpoints/step-0000004" "$(<"$out")"
expect_same "$work"/{plain,quiet}/checkpoints/step-0000004/model.safetensors
succeeds train "$config" --out "$work/quiet" -q --set train.steps=5
expect_silent "$err"

succeeds train "$config" --out "$work/json" --json
expect_text "$err" "step 4/4"
expect_objects 5
head -n 4 "$out" >"$work/lines"
expect_same "$work/lines" "$work/json/metrics.jsonl"
tail -n 1 "$out" >"$work/result"
expect_equal "run" "$work/json" "$(json_value "$work/result" run)"
expect_equal "checkpoint" "$work/json/checkpoints/step-0000004" "$(json_value "$work/result" checkpoint)"
expect_equal "step" 4 "$(json_value "$work/result" step)"
expect_equal "finished" true "$(json_value "$work/result" finished)"
expect_equal "loss" "$(tail -n 1 "$work/json/metrics.jsonl" | sed -E 's/.*"loss":([^,}]*).*/\1/')" "$(json_value "$work/result" loss)"
expect_match "seconds" '^[0-9.e+-]+$' "$(json_value "$work/result" seconds)"
expect_match "peak memory" '^[1-9][0-9]+$' "$(json_value "$work/result" peak_memory_bytes)"
succeeds train "$config" --out "$work/json" --json --quiet # nothing left to do: the result alone
expect_silent "$err"
expect_objects 1
expect_equal "loss of no step" null "$(json_value "$out" loss)"

# Interrupted, the result says so.
start train "$config" --out "$work/stopped" --json --quiet --set train.steps=1000000
wait_until "a line is printed" has_lines "$work/background.out" 2
kill -INT "$background"
ends_with 130
expect_silent "$work/background.err"
tail -n 1 "$work/background.out" >"$work/result"
expect_equal "finished" false "$(json_value "$work/result" finished)"
expect_exists "$(json_value "$work/result" checkpoint)"

# Errors are said however quiet.
refuses 1 "data.path" train "$config" --out "$work/refused" --quiet --json --set data.path=
refuses 2 "--out" train "$config" --quiet

# ---- engine sample.
succeeds sample "$work/plain" -n 2 --out "$work/images"
expect_text "$err" "percent"
succeeds sample "$work/plain" -n 2 --out "$work/images-quiet" --quiet
expect_silent "$err"
expect_match "the result" "2 images .*images-quiet/grid.png" "$(<"$out")"
expect_same "$work/images" "$work/images-quiet"
succeeds sample "$work/plain" -n 2 --out "$work/images-json" --quiet --json
expect_silent "$err"
expect_objects 1
expect_equal "grid" "$work/images-json/grid.png" "$(json_value "$out" grid)"

# ---- engine predict.
{ npy_header "2, 1, 12, 10"; head -c 960 /dev/zero; } >"$work/x.npy"
succeeds predict "$work/plain" --input "$work/x.npy" --t 3 --output "$work/y.npy"
expect_silent "$out"
succeeds predict "$work/plain" --input "$work/x.npy" --t 3 --output "$work/z.npy" --json
expect_silent "$err"
expect_objects 1
expect_equal "output" "$work/z.npy" "$(json_value "$out" output)"
expect_text "$out" '"shape":[2,1,12,10]'
expect_equal "checkpoint_step" 4 "$(json_value "$out" checkpoint_step)"
expect_same "$work/y.npy" "$work/z.npy"

# ---- The other commands with --json print one object and nothing else.
for arguments in "info" "info $config" "process $config" "train $config --out $work/dry --dry-run --quiet"; do
    read -ra words <<<"$arguments"
    succeeds "${words[@]}" --json
    expect_silent "$err"
    expect_objects 1
done

# ---- No command at all: the help, then the error; a command that is none: the nearest.
run
expect_equal "exit code of no command" 2 $status
expect_silent "$out"
expect_text "$err" "Usage: engine"
expect_match "the last line" "^error: " "$(tail -n 1 "$err")"
refuses 2 "unknown command trian; did you mean engine train?" trian "$config"
refuses 2 "unknown command sampel; did you mean engine sample?" sampel
