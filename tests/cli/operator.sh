#!/usr/bin/env bash
# engine operator: applying operators to arrays and images, their spectra, and timing the solvers.
source "$(dirname "$0")/common.sh"

little_endian() { # little_endian BYTES VALUE: printf escapes
    local i value=$2
    for ((i = 0; i < $1; ++i)); do
        printf '\\x%02x' $((value & 255))
        value=$((value >> 8))
    done
}
# write_npy FILE DESCR SHAPE ESCAPES...: a version 1.0 file; each ESCAPES is a number's bytes for printf.
write_npy() {
    local file=$1 header="{'descr': '$2', 'fortran_order': False, 'shape': ($3), }"
    shift 3
    while (((10 + ${#header} + 1) % 64)); do header+=' '; done
    { printf "\x93NUMPY\x01\x00$(little_endian 2 $((${#header} + 1)))"; printf '%s\n' "$header"; printf "$(printf '%s' "$@")"; } >"$file"
}
zero='\x00\x00\x00\x00' one='\x00\x00\x80\x3f' nan='\x00\x00\xc0\x7f'
f64_one='\x00\x00\x00\x00\x00\x00\xf0\x3f' f64_zero='\x00\x00\x00\x00\x00\x00\x00\x00'

values() { # values FILE TYPE: the numbers of an array, f4 or f8
    tail -c +129 "$1" | od -An -v -t "f${2#f}" -w"${2#f}" | tr -d ' ' | tr '\n' ' '
}

impulse=$work/impulse.npy y=$work/y.npy
pixels=()
for ((i = 0; i < 25; ++i)); do pixels+=("$([[ $i == 12 ]] && echo "$one" || echo "$zero")"); done
write_npy "$impulse" '<f4' '1, 1, 5, 5' "${pixels[@]}"
apply=(operator apply --input "$impulse" --output "$y")

# ---- One explicit step of K = 0.1 leaves 0.6 in the middle and gives 0.1 to each neighbour, by every solver there is.
solvers=(spectral iterative)
succeeds info
grep -q Eigen "$out" && solvers+=(dense sparse)
for solver in "${solvers[@]}"; do
    succeeds "${apply[@]}" --kind crank-nicolson --K 0.1 --theta 1 --boundary fixed --solver "$solver"
    expect_match "the line" "^crank-nicolson, K = 0.1, theta = 1, fixed, power 1; $solver in f32: 1 image 5x5x1, " "$(<"$out")"
    values "$y" f4 | awk '{ ok = NF == 25
        for (i = 1; i <= NF; ++i) {
            want = i == 13 ? 0.6 : i == 8 || i == 12 || i == 14 || i == 18 ? 0.1 : 0
            if ($i - want > 1e-6 || want - $i > 1e-6) ok = 0
        } } END { exit !ok }' || fail "$solver: one explicit step" "got: $(values "$y" f4)"
    # Forwards and back is where it began.
    succeeds "${apply[@]}" --kind crank-nicolson --K 0.1 --power 7 --solver "$solver" --dtype f64
    succeeds operator apply --input "$y" --output "$work/back.npy" --kind crank-nicolson --K 0.1 --power -7 --solver "$solver"
    values "$work/back.npy" f8 | awk '{ ok = NF == 25
        for (i = 1; i <= NF; ++i) { d = $i - (i == 13); if (d > 1e-9 || -d > 1e-9) ok = 0 } } END { exit !ok }' ||
        fail "$solver: seven steps and back" "got: $(values "$work/back.npy" f8)"
done
succeeds "${apply[@]}" --kind crank-nicolson --K 0.2 --power 3 --solver iterative --json
expect_match "JSON" '^\{.*\}$' "$(<"$out")"
expect_equal "solves" 3 "$(json_value "$out" solves)"
(($(json_value "$out" iterations) > 3)) || fail "expected iterations" "$(<"$out")"

# ---- Heat and blur keep the sum without flux, and a blur of sigma is heat of sigma²/2.
sum() { values "$1" "$2" | awk '{ for (i = 1; i <= NF; ++i) s += $i; printf "%.6f", s }'; }
succeeds "${apply[@]}" --kind heat --t 2 --boundary half-sample
expect_equal "heat kept" 1.000000 "$(sum "$y" f4)"
succeeds "${apply[@]}" --kind blur --sigma 2
expect_equal "heat kept by the blur" 1.000000 "$(sum "$y" f4)"
succeeds operator apply --input "$impulse" --output "$work/z.npy" --kind heat --t 2 --reading continuous
expect_same "$y" "$work/z.npy"
succeeds "${apply[@]}" --kind heat --t 2 --boundary fixed --dtype f64
awk -v s="$(sum "$y" f8)" 'BEGIN { exit !(s > 0 && s < 0.7) }' || fail "a fixed boundary loses heat" "sum $(sum "$y" f8)"

# ---- Images: out as PNG, clamped; several in a grid; f64 stays f64.
succeeds operator apply --input "$SOURCE_DIR/docs/images/fashion-mnist-ddpm.png" --output "$work/blurred.png" --kind blur --sigma 1.5
expect_exists "$work/blurred.png"
succeeds operator apply --input "$work/blurred.png" --output "$work/sharp.png" --kind crank-nicolson --K 0.24 --power -6
expect_match "clamped" '[0-9]+ values clamped' "$(<"$out")"
write_npy "$work/two.npy" '<f8' '2, 3, 1, 2' $(for ((i = 0; i < 12; ++i)); do echo "$f64_one"; done)
succeeds operator apply --input "$work/two.npy" --output "$y" --kind heat --t 1
expect_match "shape and type" ' f64: 2 images 1x2x3, ' "$(<"$out")"
succeeds operator apply --input "$work/two.npy" --output "$work/two.png" --kind heat --t 1

# ---- What is wrong: a command line (2), or what it names (1); one line, and no output.
rm -f "$y" "$work/two.png"
refuses 2 "--K: belongs to crank-nicolson, not to heat" "${apply[@]}" --kind heat --t 1 --K 0.1
refuses 2 "--t: belongs to heat, not to blur" "${apply[@]}" --kind blur --sigma 1 --t 1
refuses 2 "--sigma: belongs to blur" "${apply[@]}" --kind crank-nicolson --K 0.1 --sigma 1
refuses 2 "--boundary: belongs to heat and crank-nicolson" "${apply[@]}" --kind blur --sigma 1 --boundary fixed
refuses 2 "heat needs a time" "${apply[@]}" --kind heat
refuses 2 "blur needs a width" "${apply[@]}" --kind blur
refuses 2 "needs the heat of a step" "${apply[@]}" --kind crank-nicolson
refuses 2 "unknown kind wave" "${apply[@]}" --kind wave
refuses 2 "" "${apply[@]}"
refuses 2 "" operator apply --kind heat --t 1 --input "$impulse"
refuses 2 "--solver: blur is applied by spectral alone" "${apply[@]}" --kind blur --sigma 1 --solver sparse
refuses 2 "--tolerance: belongs to --solver iterative" "${apply[@]}" --kind crank-nicolson --K 0.1 --tolerance 1e-3
refuses 2 "f16: expected f32 or f64" "${apply[@]}" --kind heat --t 1 --dtype f16
refuses 1 "unknown solver 'lu'" "${apply[@]}" --kind crank-nicolson --K 0.1 --solver lu
refuses 1 "unknown boundary 'open'" "${apply[@]}" --kind heat --t 1 --boundary open
refuses 1 "unknown reading 'exact'" "${apply[@]}" --kind heat --t 1 --reading exact
refuses 1 "expected half-sample" "${apply[@]}" --kind heat --t 1 --reading continuous --boundary fixed
refuses 1 "t = -1" "${apply[@]}" --kind heat --t -1
refuses 1 "t = nan" "${apply[@]}" --kind heat --t nan
refuses 1 "sigma = -2" "${apply[@]}" --kind blur --sigma -2
refuses 1 "K must be below 0.25 = 1/(0.5·8)" "${apply[@]}" --kind crank-nicolson --K 0.3
refuses 1 "K = -0.1" "${apply[@]}" --kind crank-nicolson --K -0.1
refuses 1 "theta = 2" "${apply[@]}" --kind crank-nicolson --K 0.1 --theta 2
refuses 1 "T is singular" "${apply[@]}" --kind crank-nicolson --K 0.25 --power -1
refuses 1 "beyond f32" "${apply[@]}" --kind crank-nicolson --K 0.2 --power -1000
refuses 1 "after 2 iterations" "${apply[@]}" --kind crank-nicolson --K 0.2 --solver iterative --max-iterations 2
refuses 1 "$work/missing.npy" operator apply --kind heat --t 1 --input "$work/missing.npy" --output "$y"
refuses 1 "expected a name that ends in .npy or .png" operator apply --kind heat --t 1 --input "$impulse" --output "$work/y.jpg"
refuses 1 "$work/nowhere" operator apply --kind heat --t 1 --input "$impulse" --output "$work/nowhere/y.npy"
write_npy "$work/nan.npy" '<f4' '1, 1, 1, 2' "$one" "$nan"
refuses 1 "expected finite values, got nan in image 0" operator apply --kind heat --t 1 --input "$work/nan.npy" --output "$y"
write_npy "$work/flat.npy" '<f4' '2,' "$one" "$one"
refuses 1 "expected an array N×C×H×W with something in it, got 2" operator apply --kind heat --t 1 --input "$work/flat.npy" --output "$y"
write_npy "$work/empty.npy" '<f4' '0, 1, 4, 4'
refuses 1 "with something in it" operator apply --kind heat --t 1 --input "$work/empty.npy" --output "$y"
write_npy "$work/bytes.npy" '|u1' '1, 1, 1, 2' '\x01\x02'
refuses 1 "expected an array of float32 or float64" operator apply --kind heat --t 1 --input "$work/bytes.npy" --output "$y"
head -c 130 "$impulse" >"$work/cut.npy"
refuses 1 "cut off" operator apply --kind heat --t 1 --input "$work/cut.npy" --output "$y"
write_npy "$work/fat.npy" '<f8' '1, 2, 1, 1' "$f64_one" "$f64_zero"
refuses 1 "a PNG image has 1 or 3 channels, these have 2" operator apply --kind heat --t 1 --input "$work/fat.npy" --output "$work/y.png"
echo "no image" >"$work/text.png"
refuses 1 "$work/text.png" operator apply --kind heat --t 1 --input "$work/text.png" --output "$y"
expect_missing "$y" "$work/y.png" "$work/y.jpg"

# ---- Spectra: of an operator.
succeeds operator spectrum --kind crank-nicolson --K 0.1 --power 2 --height 4 --width 5 --eigenvalues "$work/modes.csv" --plot "$work/gains.png"
expect_equal "a line for each mode" 21 "$(wc -l <"$work/modes.csv")"
expect_equal "the head" "row,column,laplacian,gain" "$(head -n 1 "$work/modes.csv")"
expect_match "the constant" '^0,0,0,1$' "$(sed -n 2p "$work/modes.csv" | sed 's/-0/0/g')"
awk -F, 'END { d = $4 - (0.6 / 1.4) ^ 2; exit !($3 == -8 && d < 1e-12 && -d < 1e-12) }' "$work/modes.csv" ||
    fail "the finest mode of K = 0.1, twice" "$(tail -n 1 "$work/modes.csv")"
expect_text "$out" "20 modes in the DCT-I basis"
expect_exists "$work/gains.png"
succeeds operator spectrum --kind crank-nicolson --K 0.095 --power 1000 --height 64 --width 64
expect_text "$out" "condition number 10^347.49, 4066 modes below 1e-3" # docs/math.md
# Of data, and of what processes make of them: ddpm keeps a power, and a blur takes it from the fine modes.
mkdir "$work/images"
cp "$SOURCE_DIR/docs/images/fashion-mnist-ddpm.png" "$work/images"
succeeds operator spectrum --data "$work/images" --height 16 --width 16 --channels 1 --kind blur --sigma 2 --noise 0.1 \
    --process ddpm --process "$SOURCE_DIR/configs/fashion-mnist-ihdm.toml" --levels 1 --csv "$work/s.csv" --plot "$work/s.png"
expect_equal "columns" "cycles_per_pixel,data,blur + 0.1 noise,ddpm 1-1000,ihdm 1-50" "$(head -n 1 "$work/s.csv")"
awk -F, 'END { d = $3 - 0.01; exit !(NF == 5 && $2 > 1e-6 && d < 1e-6 && -d < 1e-6) }' "$work/s.csv" ||
    fail "the finest modes: data blurred away, noise of 0.1 left" "$(tail -n 1 "$work/s.csv")"
succeeds operator spectrum --data "$work/images" --height 8 --width 8 --channels 3 --json
expect_match "JSON" '^\{.*"spectra".*\}$' "$(<"$out")"

refuses 2 "expected an operator, a data set, or both" operator spectrum
refuses 2 "expected the size of the images, or --data" operator spectrum --kind heat --t 1
refuses 2 "" operator spectrum --kind heat --t 1 --height 8
refuses 2 "needs --data" operator spectrum --kind heat --t 1 --height 8 --width 8 --process ddpm
refuses 2 "needs --kind" operator spectrum --data "$work/images" --eigenvalues "$work/e.csv"
refuses 2 "--noise" operator spectrum --data "$work/images" --noise 1
refuses 2 "--channels" operator spectrum --data "$work/images" --height 8 --width 8
refuses 1 "$work/none" operator spectrum --data "$work/none"
refuses 1 "$work/none.toml" operator spectrum --data "$work/images" --process "$work/none.toml"
refuses 1 "K must be below" operator spectrum --kind crank-nicolson --K 1 --height 8 --width 8

# ---- Timing: every solver in every case, JSON, a plot.
fast=(--sizes 4,6 --batches 1,2 --K 0.1 --powers 1,-2 --repeat 3 --min-time 0.00001 --max-time 0.001)
succeeds operator bench "${fast[@]}" --json "$work/bench.json" --plot "$work/bench.png" --commit 0123abc
expect_equal "rows" $((8 * ${#solvers[@]})) "$(grep -c '"median_us":' "$work/bench.json")"
expect_text "$out" "crossovers of the fastest solver"
for key in cpu threads commit prepare_ms memory_bytes bytes flops relative_error crossovers; do
    expect_text "$work/bench.json" "\"$key\":"
done
grep -o '"relative_error":[^,]*' "$work/bench.json" | awk -F: '{ if ($2 > 1e-5) bad = 1 } END { exit bad || NR == 0 }' ||
    fail "expected every solver near the f64 result"
expect_exists "$work/bench.png"
if [[ " ${solvers[*]} " == *" dense "* ]]; then
    succeeds operator bench "${fast[@]}" --solvers spectral --paper --against power --plot "$work/power.png"
    expect_equal "the paper's step in every case" 8 "$(grep -c ' paper ' "$out")"
fi
refuses 1 "unknown solver 'lu'" operator bench --solvers lu
refuses 1 "K must be below" operator bench --K 0.3
refuses 1 "--dtype bf16: expected f32 or f64" operator bench --dtype bf16
refuses 1 "--against time" operator bench --against time
refuses 2 "" operator bench --sizes 0
refuses 2 "" operator bench --sizes 8,x
refuses 2 "" operator
