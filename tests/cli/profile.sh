#!/usr/bin/env bash
# engine train --profile and sample --profile: the table, the files, and that a profile changes nothing else.
source "$(dirname "$0")/common.sh"

# A roofline in the cache, so that nothing is measured here.
export XDG_CACHE_HOME=$work/cache
cpu=$("$ENGINE" info | sed -nE 's/^cpu  +//p')
mkdir -p "$XDG_CACHE_HOME/heat-engine"
printf '{"%s": {"memory_gb_s": 20, "f32_gflop_s": 100, "bf16_gflop_s": 200}}\n' "$cpu" \
    >"$XDG_CACHE_HOME/heat-engine/device.json"

# expect_profile ERRORS FOLDER OP...: the table in a copy of standard error, with these ops; the two files.
expect_profile() {
    local errors=$1 folder=$2 op
    shift 2
    expect_text "$errors" "roofline: 20.0 GB/s, 100 GFLOP/s f32, 200 bf16"
    grep -qE '^op +calls +ms +share % +GB/s +GFLOP/s +roofline%$' "$errors" || fail "no head of a table in $errors"
    for op in "outside ops" "$@"; do
        grep -qE "^$op +([0-9]+|-) +[0-9.]+ +[0-9.]+ +([0-9.]+|-) +([0-9.]+|-) +([0-9.]+|-)$" "$errors" ||
            fail "expected a line of the table for: $op" "got: $(cat "$errors")"
    done
    # Names have spaces: share % is the fourth column from the right.
    awk '/^op +calls/ { inside = 1; next } /^roofline:/ { inside = 0 }
         inside { sum += $(NF - 3) } END { printf "%.2f", sum }' "$errors" >"$work/sum"
    awk '{ exit !($1 > 99.5 && $1 < 100.5) }' "$work/sum" || fail "shares add up to $(<"$work/sum") %, not 100"

    expect_exists "$folder/profile.json" "$folder/trace.json"
    local number='-?[0-9]+(\.[0-9]+)?'
    expect_match "trace.json: first line" '^\{"displayTimeUnit": "ms", "dropped_events": 0, "traceEvents": \[$' \
        "$(head -n 1 "$folder/trace.json")"
    expect_equal "trace.json: last line" "]}" "$(tail -n 1 "$folder/trace.json")"
    # Every line between is one event, and all but the last end in a comma.
    sed '1d;$d' "$folder/trace.json" >"$work/events"
    ! grep -vE "^\{\"name\": \"[^\"]+\", \"ph\": \"(X\", \"pid\": 1, \"tid\": [0-9]+, \"ts\": $number, \"dur\": $number, \"args\": \{\"bytes\": $number, \"flops\": $number, \"shape\": \"[^\"]*\"\}|M\", \"pid\": 1, \"tid\": [0-9]+, \"args\": \{\"name\": \"thread [0-9]+\"\})\},?$" \
        "$work/events" || fail "trace.json: lines that are no events"
    expect_equal "trace.json: lines without a comma" 1 "$(grep -cv ',$' "$work/events")"
    ! tail -n 1 "$work/events" | grep -q ',$' || fail "trace.json: a comma after the last event"
    # As many calls as the table counts.
    expect_equal "calls" "$(awk '/^op +calls/ { inside = 1; next } /^roofline:/ { inside = 0 }
        inside && $(NF - 5) != "-" { sum += $(NF - 5) } END { print sum }' "$errors")" "$(grep -c '"ph": "X"' "$work/events")"
}

training=(conv2d "conv2d backward data" "conv2d backward weights" group_norm "group_norm backward" linear attention silu
    squared_error "adam and ema" clip normal combine checkpoint "pack weights" "batch wait")

idx_images "$work/images.idx" 16 12 10
for kind in ddpm ihdm; do
    configuration "$work/$kind.toml" $kind "$work/images.idx" 12 10
    succeeds train "$work/$kind.toml" --out "$work/plain-$kind"
    ! grep -q roofline "$err" || fail "a table without --profile"
    expect_missing "$work/plain-$kind/profile"
    succeeds train "$work/$kind.toml" --out "$work/$kind" --profile
    expect_profile "$err" "$work/$kind/profile" "${training[@]}"
    grep -qE '^gather batch \(other thread\) +[0-9]+ ' "$err" || fail "no batches gathered beside the training" "$(cat "$err")"
    expect_text "$err" "$work/$kind/profile: profile.json, trace.json"
    expect_same "$work"/{plain-"$kind",$kind}/checkpoints/step-0000004/model.safetensors
    # Four steps: one pass of the optimiser each.
    expect_equal "calls of adam" 4 "$(awk '/^adam and ema/ { print $4 }' "$err")"
done
grep -qE '^to_basis +' "$err" || fail "ihdm: no changes of basis in the table"

# The named folder instead; sampling writes beside its pictures.
succeeds train "$work/ddpm.toml" --out "$work/named" --profile "$work/elsewhere"
expect_exists "$work/elsewhere/trace.json"
expect_missing "$work/named/profile"
succeeds sample "$work/ddpm" -n 2 --out "$work/pictures" --profile
expect_profile "$err" "$work/pictures" conv2d group_norm combine "write images" clamp
! grep -q backward "$err" || fail "sampling has no backward pass"
expect_exists "$work/pictures/grid.png"
succeeds sample "$work/ihdm" -n 2 --out "$work/more" --profile "$work/of-sampling"
expect_profile "$err" "$work/of-sampling" conv2d from_basis normal
expect_missing "$work/more/trace.json"

# A folder that cannot be made.
touch "$work/file"
refuses_profile() {
    run train "$work/ddpm.toml" --out "$work/refused" --profile "$work/file/folder"
    expect_equal "exit code" 1 $status
    expect_text "$err" "error: $work/file/folder: cannot make the folder"
}
refuses_profile
