#!/usr/bin/env bash
# engine predict: the network on an array of one's own.
source "$(dirname "$0")/common.sh"

idx_images "$work/images.idx" 32 12 10
configuration "$work/tiny.toml" ddpm "$work/images.idx" 12 10
grey=$work/grey rgb=$work/rgb
succeeds train "$work/tiny.toml" --out "$grey" --set process.steps=1000 --set train.steps=6 --set train.learning_rate=1e-2
mkdir "$work/cifar"
cifar10 "$work/cifar/data_batch_1.bin" 8 0
configuration "$work/rgb.toml" ihdm "$work/cifar" 32 32 3
succeeds train "$work/rgb.toml" --out "$rgb"

zeros() { # zeros FILE SHAPE BYTES [DTYPE]
    { npy_header "$2" "${4:-<f4}"; head -c "$3" /dev/zero; } >"$1"
}
predict() { # predict RUN INPUT T OUTPUT [OPTION]...
    succeeds predict "$1" --input "$work/$2" --t "$3" --output "$work/$4" "${@:5}"
}

# ---- The output is of the input's shape, finite, and not the input.
zeros "$work/two.npy" "2, 1, 12, 10" 960
predict "$grey" two.npy 1 two-1.npy
expect_equal "size of the output" $((128 + 960)) "$(wc -c <"$work/two-1.npy")"
expect_npy "$work/two-1.npy" "2, 1, 12, 10"
expect_equal "numbers in the output" 240 "$(floats "$work/two-1.npy" 128 | grep -cE '^-?[0-9]+(\.[0-9]+)?(e[-+][0-9]+)?$')"
expect_different "$work/two.npy" "$work/two-1.npy"
zeros "$work/black.npy" "1, 3, 12, 10" 1440
predict "$rgb" black.npy 5 black-5.npy
expect_npy "$work/black-5.npy" "1, 3, 12, 10"
expect_equal "size of the output" $((128 + 1440)) "$(wc -c <"$work/black-5.npy")"

# ---- The same input gives the same output, at any place of the batch and in any type.
predict "$grey" two.npy 1 again.npy
expect_same "$work/two-1.npy" "$work/again.npy"
cmp <(slice "$work/two-1.npy" 128 480) <(tail -c 480 "$work/two-1.npy") ||
    fail "two equal images of a batch have different outputs"
zeros "$work/one.npy" "1, 1, 12, 10" 480
predict "$grey" one.npy 1 one-1.npy
cmp <(tail -c 480 "$work/one-1.npy") <(tail -c 480 "$work/two-1.npy") ||
    fail "an image alone and in a batch of two has different outputs"
zeros "$work/double.npy" "2, 1, 12, 10" 1920 '<f8'
predict "$grey" double.npy 1 from-double.npy
expect_same "$work/two-1.npy" "$work/from-double.npy"
zeros "$work/byte.npy" "2, 1, 12, 10" 240 '|u1'
predict "$grey" byte.npy 1 from-byte.npy
expect_same "$work/two-1.npy" "$work/from-byte.npy"
zeros "$work/larger.npy" "1, 1, 16, 24" 1536 # the network takes other sizes than it was trained on
predict "$grey" larger.npy 1 larger-1.npy
expect_text "$work/larger-1.npy" "(1, 1, 16, 24)"

# ---- Timestep, weights and the input itself matter.
predict "$grey" two.npy 900 two-900.npy
expect_different "$work/two-1.npy" "$work/two-900.npy"
predict "$grey" two.npy 1 of-model.npy --weights model
expect_different "$work/two-1.npy" "$work/of-model.npy"
repeat() { # repeat COUNT ESCAPES: COUNT times these four bytes
    printf "$2%.0s" $(seq "$1")
}
{ npy_header "2, 1, 12, 10"; head -c 480 /dev/zero; repeat 120 '\x00\x00\x80\x3f'; } >"$work/mixed.npy"
predict "$grey" mixed.npy 1 mixed-1.npy # zeros and ones: only the second image is another
cmp <(head -c 608 "$work/two-1.npy") <(head -c 608 "$work/mixed-1.npy") ||
    fail "the first image's output depends on the second image"
expect_different "$work/two-1.npy" "$work/mixed-1.npy"

# ---- Each channel is a plane. Far from its edges, a picture of one colour has an output of one colour; were planes and
# pixels mixed up, its three channels would alternate.
{
    npy_header "1, 3, 80, 80"
    repeat 6400 '\x00\x00\x80\xbf' # -1
    repeat 6400 '\x00\x00\x00\x00' # 0
    repeat 6400 '\x00\x00\x80\x3f' # 1
} >"$work/colour.npy"
predict "$rgb" colour.npy 5 colour-5.npy
floats "$work/colour-5.npy" 128 | awk '
    {
        plane = int((NR - 1) / 6400); y = int((NR - 1) / 80) % 80; x = (NR - 1) % 80
        if (y < 36 || y >= 44 || x < 36 || x >= 44) next
        if (!(plane in low) || $1 < low[plane]) low[plane] = $1
        if (!(plane in high) || $1 > high[plane]) high[plane] = $1
    }
    END {
        for (plane = 0; plane < 3; ++plane) {
            printf "%g to %g; ", low[plane], high[plane]
            if (high[plane] - low[plane] > 1e-4) mixed = 1
        }
        exit mixed || (low[0] - low[1]) ^ 2 < 1e-4 || (low[1] - low[2]) ^ 2 < 1e-4
    }' >"$work/ranges" ||
    fail "expected one value in the middle of each plane, and another in each plane" "got: $(<"$work/ranges")"

# ---- bf16: near f32 and not the same. f32 is the default.
predict "$grey" mixed.npy 500 f32.npy --dtype f32
predict "$grey" mixed.npy 500 default.npy
expect_same "$work/f32.npy" "$work/default.npy"
predict "$grey" mixed.npy 500 bf16.npy --dtype bf16
paste <(floats "$work/f32.npy" 128) <(floats "$work/bf16.npy" 128) | awk '
    { error += ($1 - $2) ^ 2; power += $1 ^ 2 }
    END { printf "%g\n", sqrt(error / power); exit !(error > 0 && error < 0.05 ^ 2 * power) }' >"$work/error" ||
    fail "expected bf16 within 5 % of f32 and not equal; relative error $(<"$work/error")"

# ---- Refusals; none writes an output.
no() { # no STATUS TEXT INPUT ARGUMENT...
    refuses "$1" "$2" predict "$grey" --input "$work/$3" --output "$work/refused.npy" "${@:4}"
    expect_missing "$work/refused.npy"
}
zeros "$work/rank3.npy" "1, 12, 10" 480
no 1 "expected an array N×1×H×W, got 1×12×10" rank3.npy --t 1
zeros "$work/rank5.npy" "1, 1, 1, 12, 10" 480
no 1 "expected an array N×1×H×W" rank5.npy --t 1
zeros "$work/scalar.npy" "" 4
no 1 "expected an array N×1×H×W" scalar.npy --t 1
no 1 "expected an array N×1×H×W, got 1×3×12×10" black.npy --t 1
zeros "$work/nhwc.npy" "1, 12, 10, 1" 480
no 1 "expected an array N×1×H×W" nhwc.npy --t 1
zeros "$work/none.npy" "0, 1, 12, 10" 0
no 1 "expected an array N×1×H×W" none.npy --t 1
zeros "$work/odd.npy" "1, 1, 11, 10" 440
no 1 "multiples of 2, got 11×10" odd.npy --t 1
zeros "$work/short.npy" "2, 1, 12, 10" 959
no 1 "cut off" short.npy --t 1
zeros "$work/huge.npy" "4611686018427387904, 1, 12, 10" 480
no 1 "huge.npy" huge.npy --t 1
zeros "$work/big-endian.npy" "1, 1, 12, 10" 480 '>f4'
no 1 "big-endian.npy" big-endian.npy --t 1
: >"$work/empty.npy"
no 1 "empty.npy" empty.npy --t 1
no 1 "expected a .npy file" tiny.toml --t 1
no 1 "missing.npy" missing.npy --t 1
no 1 "dtype is auto, f32 or bf16" one.npy --t 1 --dtype f16
no 1 "weights are ema or model" one.npy --t 1 --weights best
no 2 "--t" one.npy
no 2 "--t" one.npy --t soon
no 2 "--t" one.npy --t nan
refuses 2 "--input" predict "$grey" --t 1 --output "$work/refused.npy"
refuses 2 "--output" predict "$grey" --t 1 --input "$work/one.npy"
refuses 1 "not a run folder" predict "$work" --t 1 --input "$work/one.npy" --output "$work/refused.npy"
refuses 1 "$work/missing/out.npy" predict "$grey" --t 1 --input "$work/one.npy" --output "$work/missing/out.npy"
