#!/usr/bin/env bash
# engine process and engine info on every configuration of the tree; the help of every command.
source "$(dirname "$0")/common.sh"

configs=("$SOURCE_DIR"/configs/*.toml)
expect_exists "${configs[0]}"

# Out of the JSON of engine process: the values of a table, one a line; the report's names; a value of the report.
column() { sed -nE "s/.*\"tables\":\{(.*,)?\"$1\":\[([^]]*)\].*/\2/p" "$out" | tr ',' '\n'; }
report_keys() { sed -E 's/.*"report":\{//; s/\},"solvers":.*//' "$out" | grep -oE '"[a-z0-9_]+":\{"meaning"' | cut -d'"' -f2; }
report_value() { sed -nE "s/.*\"$1\":\{\"meaning\":\"[^\"]*\",\"value\":([^}]*)\}.*/\1/p" "$out"; }
printed_levels() { # the first column of the table in the text
    sed '1,/^ *level /d' "$out" | awk '{ printf "%s%s", separator, $1; separator = " " }'
}
text_value() { awk -v name="$1" '$1 == name { print $2; exit }' "$out"; } # of engine process or engine info without --json

expect_near() { # expect_near WHAT EXPECTED GOT: within 1e-5 of it
    awk -v expected="$2" -v got="$3" 'BEGIN { exit !(got != "" && (got - expected) ^ 2 <= (1e-5 * expected) ^ 2) }' ||
        fail "$1" "expected: $2" "got:      $3"
}

declare -A levels_of=([ddpm]=alpha_bar [ihdm]=blur_sigma) # a table of each kind
for config in "${configs[@]}"; do
    name=${config##*/}
    succeeds process "$config" --json
    expect_equal "$name: lines of JSON" 1 "$(wc -l <"$out")"
    expect_match "$name: JSON" '^\{.*\}$' "$(<"$out")"
    kind=$(json_value "$out" kind)
    steps=$(sed -nE 's/.*"steps":([0-9]+),"tables".*/\1/p' "$out")
    expect_match "$name: kind" '^[a-z]+$' "$kind"
    expect_match "$name: steps" '^[0-9]+$' "$steps"
    expect_match "$name: solvers" '"solvers":\["[a-z]+"' "$(<"$out")"
    expect_equal "$name: levels in the report" "$steps" "$(printf '%.0f' "$(report_value levels)")"
    mapfile -t keys < <(report_keys)
    ((${#keys[@]} >= 8)) || fail "$name: expected a report of at least 8 numbers, got: ${keys[*]}"
    for key in step_bytes_per_image step_flops_per_image; do
        expect_match "$name: report" " $key( |\$)" " ${keys[*]}"
        awk -v value="$(report_value $key)" 'BEGIN { exit !(value > 0) }' ||
            fail "$name: expected $key above 0" "got: $(report_value $key)"
    done
    if [[ -v levels_of[$kind] ]]; then
        expect_equal "$name: levels 0 to $steps in the table" $((steps + 1)) \
            "$(column "${levels_of[$kind]}" | wc -l)"
    fi

    succeeds process "$config"
    expect_match "$name: first line" "^$kind, $steps levels; solvers: [a-z]+" "$(head -n 1 "$out")"
    for key in "${keys[@]}"; do
        [[ -n $(text_value "$key") ]] || fail "$name: expected the line $key also in the text"
    done
    expect_match "$name: 11 rows of the table" "^0( [0-9]+){9} $steps\$" "$(printed_levels)"

    succeeds info "$config" --json
    expect_equal "$name: lines of JSON" 1 "$(wc -l <"$out")"
    expect_equal "$name: process" "$kind" "$(json_value "$out" process)"
    parameters=$(json_value "$out" parameters)
    expect_match "$name: parameters" '^[1-9][0-9]+$' "$parameters"
    succeeds info "$config"
    expect_equal "$name: parameters in the text" "$parameters" "$(text_value parameters)"
done

# ---- The papers' networks have the papers' sizes.
for pair in cifar10-ddpm:35746307 mnist-ihdm-small:3704129 cifar10-ihdm:61060867; do
    succeeds info "$SOURCE_DIR/configs/${pair%:*}.toml" --json
    expect_equal "parameters of ${pair%:*}" "${pair#*:}" "$(json_value "$out" parameters)"
done

# ---- Numbers known beforehand: the linear schedule's ᾱ_1 = 1 - 1e-4 and ᾱ_1000 = 4.03583e-5; 0.5 to 20 pixels of blur.
succeeds process "$SOURCE_DIR/configs/cifar10-ddpm.toml" --json
expect_near "alpha_bar at level 0" 1 "$(column alpha_bar | sed -n 1p)"
expect_near "alpha_bar at level 1" 0.9999 "$(column alpha_bar | sed -n 2p)"
expect_near "alpha_bar at level 1000" 4.035830e-05 "$(column alpha_bar | sed -n 1001p)"
expect_near "alpha_bar_last" 4.035830e-05 "$(report_value alpha_bar_last)"
succeeds process "$SOURCE_DIR/configs/mnist-ihdm-small.toml" --json
expect_near "blur_sigma at level 1" 0.5 "$(column blur_sigma | sed -n 2p)"
expect_near "blur_sigma at level 50" 20 "$(column blur_sigma | sed -n 51p)"
expect_near "time at level 50" 200 "$(column time | sed -n 51p)"
expect_near "modes" 784 "$(report_value modes)"

# ---- --set, --rows.
ddpm=$SOURCE_DIR/configs/cifar10-ddpm.toml ihdm=$SOURCE_DIR/configs/mnist-ihdm-small.toml
succeeds process "$ddpm" --set process.steps=100 --set process.kind=ihdm
expect_match "kind and levels by --set" "^ihdm, 100 levels" "$(head -n 1 "$out")"
succeeds process "$ihdm" --set process.sigma_max=14
expect_equal "blur_sigma_last_pixels by --set" 14 "$(text_value blur_sigma_last_pixels)"
succeeds process "$ihdm" --set process.sigma_max=14 --set process.sigma_max=15
expect_equal "the last --set holds" 15 "$(text_value blur_sigma_last_pixels)"
succeeds process "$ddpm" --set process.schedule=cosine --json
awk -v value="$(report_value alpha_bar_last)" 'BEGIN { exit !(value != "" && value < 1e-6) }' ||
    fail "cosine schedule: expected alpha_bar_last below 1e-6" "got: $(report_value alpha_bar_last)"
succeeds process "$ddpm" --rows 3
expect_equal "levels of --rows 3" "0 500 1000" "$(printed_levels)"
succeeds process "$ddpm" --rows 5000 --set process.steps=3
expect_equal "levels of a process with fewer than --rows" "0 1 2 3" "$(printed_levels)"
succeeds info "$ddpm" --json --set network.channels='[128]' --set network.attention_levels='[]'
parameters=$(json_value "$out" parameters)
((0 < parameters && parameters < 35746307)) || fail "one level of four: expected fewer parameters" "got: $parameters"
succeeds info "$ddpm" --json --set data.channels=1 # two 3×3 convolutions of 128 channels and one bias have two channels less
expect_equal "parameters for grey images" $((35746307 - 2 * 9 * 128 * 2 - 2)) "$(json_value "$out" parameters)"

# ---- This build and machine; the version.
succeeds --version
expect_match "--version" '^engine [0-9]+\.[0-9]+\.[0-9]+$' "$(<"$out")"
version=$(sed 's/engine //' "$out")
succeeds info --json
expect_equal "lines of JSON" 1 "$(wc -l <"$out")"
expect_equal "version" "$version" "$(json_value "$out" version)"
for key in cpu gpu cpu_bf16_is_faster gpu_math libraries; do expect_text "$out" "\"$key\":"; done
succeeds info
expect_equal "version in the text" "$version" "$(text_value version)"
expect_match "a library and its licence" 'library +fmt [0-9.]+ \(MIT\)' "$(<"$out")"

# ---- Help: the program's names every command, each command's shows examples that name it, and every option it takes.
succeeds --help
for command in train sample predict process info; do
    expect_match "engine --help" "  $command  " "$(<"$out")"
done
expect_text "$out" "Exit codes"
declare -A options=(
    [train]="--out --set --device"
    [sample]="--count --seed --index --out --solver --steps --eta --variance --spacing --no-clip --trajectory
        --order --singlestep --solver-type --full-order-final --final-sigma --threshold --threshold-limit --step-noise
        --no-singles --batch --weights --checkpoint --dtype --device --json"
    [predict]="--input --t --output --dtype --weights --device"
    [process]="--set --rows --json"
    [info]="--set --json")
for command in "${!options[@]}"; do
    succeeds "$command" --help
    expect_match "engine $command --help" $'Examples?:\n  engine '"$command" "$(<"$out")"
    for option in ${options[$command]}; do expect_text "$out" "$option"; done
    # Configurations that the examples name exist.
    while read -r config; do expect_exists "$SOURCE_DIR/$config"; done < <(grep -oE 'configs/[a-z0-9-]+\.toml' "$out" || true)
done
