#!/usr/bin/env bash
# engine bench: the device's figures, timing of ops, and comparing two such files.
source "$(dirname "$0")/common.sh"

export XDG_CACHE_HOME=$work/cache

# ---- The device, quickly: every figure a positive number.
succeeds bench device --device cpu --quick --json --out "$work/device.json" --commit 0123abc
expect_match "JSON" '^\{.*\}$' "$(<"$out")"
expect_equal "commit" 0123abc "$(json_value "$out" commit)"
expect_missing "$work/cache/heat-engine/device.json" # too inexact to be kept
succeeds bench device --device cpu --quick
for name in copy_gb_s triad_gb_s update_gb_s cache_copy_gb_s fma_f32_gflop_s fma_f32_one_thread_gflop_s matmul_f32_gflop_s \
    matmul_bf16_gflop_s parallel_region_us; do
    expect_text "$work/device.json" "\"$name\""
    awk -v name=$name '$1 == name { found = $3 > 0 && $2 >= $3 && $2 <= $4 } END { exit !found }' "$out" ||
        fail "$name: expected 0 < least <= median <= most" "$(grep "$name" "$out")"
done
refuses 1 "$work/nowhere" bench device --device cpu --quick --json --out "$work/nowhere/device.json"

# ---- Ops. The roofline is measured at the first need, and kept.
fast=(--min-time 0.00001 --max-time 0.001 --repeat 5)
succeeds bench ops --device cpu --filter 'embedding|^clamp' "${fast[@]}" --json "$work/old.json"
expect_text "$err" "measuring this machine's roofline"
expect_exists "$work/cache/heat-engine/device.json"
expect_equal "rows" 6 "$(grep -cE '(embedding|clamp) [0-9]' "$out")"
for key in cpu threads clock_mhz dtype version commit repeats min_seconds warm_up memory_gb_s; do
    expect_text "$work/old.json" "\"$key\":"
done
expect_equal "ops in the file" 6 "$(grep -c '"median_us":' "$work/old.json")"
expect_equal "directions" "2 backward 2 forward 2 kernel " \
    "$(sed -nE 's/.*"direction":"([a-z]+)".*/\1/p' "$work/old.json" | sort | uniq -c | awk '{ printf "%s %s ", $1, $2 }')"
awk '/"median_us":/ { ++rows; match($0, /"gb_s":[0-9.]+/); if (substr($0, RSTART + 7, RLENGTH - 7) > 0) ++rates }
     END { exit !(rows == 6 && rates == 6) }' "$work/old.json" || fail "expected a rate in every row"
succeeds bench ops --device cpu --filter 'embedding|^clamp' "${fast[@]}" --json "$work/new.json"
expect_equal "measured once" "" "$(<"$err")"
succeeds bench ops --device cpu --filter '^(softmax|silu) .* 2048×256|silu forward 32×512' --dtype bf16 "${fast[@]}"
expect_text "$out" "softmax 2048×256"

# ---- Transforms: a row for each operation, side, channels and method.
succeeds bench transforms --operation dct2,dst1,spectral --side 5,16 --channels 1 --min-time 0.00001 --repeat 5 \
    --json "$work/transforms.json" --commit 0123abc
expect_equal "rows" 18 "$(grep -cE '^(dct2|dst1|spectral) ' "$out")"
expect_equal "rows in the file" 18 "$(grep -c '"median_us":' "$work/transforms.json")"
expect_text "$work/transforms.json" '"commit": "0123abc"'
refuses 2 "" bench transforms --method quick
refuses 2 "" bench transforms --operation dct7
HEAT_TRANSFORM=quick run bench transforms --side 4
expect_equal "exit code" 1 $status
expect_text "$err" "error: HEAT_TRANSFORM=quick: expected matrix, fft or automatic"
HEAT_TRANSFORM=matrix succeeds bench transforms --operation dct1 --side 4 --min-time 0.00001 --repeat 5

# ---- Comparing.
succeeds bench ops --compare "$work/old.json" "$work/new.json"
expect_equal "compared" 6 "$(grep -c 'f32 \(hot\|cold\)$' "$out")"
# An op made five times slower: marked, and refused beyond 50 %.
sed -E '/"clamp".*"cold"/ s/"(median|lower_quartile|upper_quartile)_us":[0-9.]+/"\1_us":99999/g' "$work/old.json" >"$work/slow.json"
succeeds bench ops --compare "$work/old.json" "$work/slow.json"
expect_equal "marked" 1 "$(grep -c ' \* ' "$out")"
expect_match "the marked line" 'clamp kernel .* cold' "$(grep ' \* ' "$out")"
run bench ops --compare "$work/old.json" "$work/slow.json" --fail-above 50
expect_equal "exit code" 1 $status
expect_match "the reason" '^error: an op is slower by [0-9.]+ %, more than the 50 % of --fail-above$' "$(<"$err")"
succeeds bench ops --compare "$work/slow.json" "$work/old.json" --fail-above 50 # faster is no failure
sed 's/"embedding"/"renamed"/' "$work/old.json" >"$work/other.json"
succeeds bench ops --compare "$work/old.json" "$work/other.json"
expect_text "$out" "4 ops are in the old file alone, 4 in the new one alone"

# ---- Refusals, one line each.
echo '{"ops": [' >"$work/damaged.json"
echo '{"ops": []}' >"$work/empty.json"
sed 's/"size"/"sise"/' "$work/old.json" >"$work/misspelt.json"
refuses 1 "$work/missing.json" bench ops --compare "$work/old.json" "$work/missing.json"
refuses 1 "$work/damaged.json: no JSON with a list" bench ops --compare "$work/damaged.json" "$work/old.json"
refuses 1 'has no text "size"' bench ops --compare "$work/old.json" "$work/misspelt.json"
refuses 1 "have no op of the same name" bench ops --compare "$work/old.json" "$work/empty.json"
refuses 1 "expected f32 or bf16" bench ops --dtype f64
refuses 2 "" bench
refuses 2 "" bench ops --compare "$work/old.json"
refuses 2 "" bench ops --fail-above 5
refuses 2 "" bench ops --repeat 0
refuse_filter() { # the head of the table stands on standard output already
    run bench ops --device cpu --filter "$1"
    expect_equal "exit code" 1 $status
    expect_text "$err" "$2"
}
refuse_filter 'no such op' 'error: filter "no such op" lets no op pass'
refuse_filter '(' 'error: filter "(" is no regular expression'
