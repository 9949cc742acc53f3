# shellcheck shell=bash disable=SC2034,SC2059,SC2012
# Shell functions that the tests of the command line share; each script sources this file first. The tests need
# nothing beyond bash, coreutils, grep, sed, awk and gzip.
#
# Environment: ENGINE, the program; SOURCE_DIR, the source tree. Every script gets a folder of its own, $work,
# which is removed at its end together with the programs it started.

set -Eeuo pipefail
export LC_ALL=C
export OMP_NUM_THREADS=1 # so tiny a network gains nothing from threads, and waits for them where the machine is busy
: "${ENGINE:?set ENGINE to the program, e.g. build/release/engine}"
: "${SOURCE_DIR:?set SOURCE_DIR to the source tree}"
ENGINE=$(realpath "$ENGINE")
SOURCE_DIR=$(realpath "$SOURCE_DIR")

work=$(mktemp -d)
started=() # programs in the background
clean_up() {
    local process
    for process in "${started[@]}"; do kill -KILL "$process" 2>/dev/null || true; done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'echo "FAIL: ${BASH_SOURCE[0]##*/} line $LINENO: \"$BASH_COMMAND\" ended with $?" >&2' ERR

# ---- Verdicts

# fail LINE...: ends the test. The message says what was expected and what came.
fail() {
    local frame
    trap - ERR
    {
        echo "FAIL: $1"
        printf '      %s\n' "${@:2}"
        for ((frame = 1; frame < ${#FUNCNAME[@]}; ++frame)); do
            echo "      at ${BASH_SOURCE[frame]##*/}:${BASH_LINENO[frame - 1]}"
        done
    } >&2
    exit 1
}

skip() {
    echo "SKIP: $*" >&2
    exit 77
}

note() { echo "note: $*" >&2; }

expect_equal() { # expect_equal WHAT EXPECTED GOT
    [[ $3 == "$2" ]] || fail "$1" "expected: $2" "got:      $3"
}

expect_match() { # expect_match WHAT REGEX TEXT
    [[ $3 =~ $2 ]] || fail "$1" "expected to match: $2" "got: $3"
}

expect_exists() {
    local path
    for path; do
        [[ -e $path ]] || fail "expected $path to exist" "its folder: $(ls -A "$(dirname "$path")" 2>&1 | tr '\n' ' ')"
    done
}

expect_missing() {
    local path
    for path; do [[ ! -e $path ]] || fail "expected $path not to exist" "$(ls -dl "$path")"; done
}

expect_same() { # expect_same FILE-OR-FOLDER FILE-OR-FOLDER: equal bytes
    local difference
    expect_exists "$1" "$2"
    difference=$(diff -rq "$1" "$2") || fail "expected equal bytes" "$difference"
}

expect_different() {
    expect_exists "$1" "$2"
    ! cmp -s "$1" "$2" || fail "expected different bytes, but $1 and $2 are equal"
}

expect_contents() { # expect_contents FOLDER NAME...: these and no others, hidden ones included
    local folder=$1
    shift
    expect_equal "contents of $folder" "$(printf '%s\n' "$@" | sort | tr '\n' ' ')" "$(ls -A "$folder" | sort | tr '\n' ' ')"
}

expect_text() { # expect_text FILE TEXT: the file contains this text
    grep -aqF -e "$2" "$1" || fail "$1: expected the text: $2" "got: $(head -c 2000 "$1")"
}

# ---- Running the program

out=$work/stdout
err=$work/stderr
status=0

run() { # run ARGUMENT...: leaves $status, and the files $out and $err
    status=0
    "$ENGINE" "$@" >"$out" 2>"$err" || status=$?
}

succeeds() {
    run "$@"
    ((status == 0)) || fail "engine $*" "expected success, got exit code $status: $(tail -n 3 "$err")"
    ! grep -q '^error:' "$err" || fail "engine $*" "succeeded, but says: $(grep '^error:' "$err")"
}

# refuses STATUS TEXT ARGUMENT...: that exit code, nothing on standard output, and as the last line of standard error
# the only one that begins with "error:", which contains TEXT.
refuses() {
    local expected_status=$1 text=$2 last
    shift 2
    run "$@"
    ((status == expected_status)) || fail "engine $*" "expected exit code $expected_status, got $status: $(tail -n 3 "$err")"
    [[ ! -s $out ]] || fail "engine $*" "expected nothing on standard output, got: $(head -n 3 "$out")"
    last=$(tail -n 1 "$err")
    [[ $(grep -c '^error:' "$err") == 1 && $last == error:* ]] ||
        fail "engine $*" "expected one line \"error: ...\" at the end, got: $(tail -n 5 "$err")"
    [[ $last == *"$text"* ]] || fail "engine $*" "expected an error that says: $text" "got: $last"
}

# start ARGUMENT...: in the background, output in $work/background.{out,err}; $background is its process. Being
# started so, the program must set its own SIGINT handler: the shell lets it ignore that signal.
start() {
    "$ENGINE" "$@" >"$work/background.out" 2>"$work/background.err" &
    background=$!
    started+=("$background")
}

# ends_with STATUS: waits for $background.
ends_with() {
    local got=0
    wait "$background" 2>/dev/null || got=$?
    ((got == $1)) ||
        fail "the program in the background" "expected exit code $1, got $got: $(tail -n 3 "$work/background.err")"
}

# wait_until WHAT COMMAND...: until the command succeeds; the sanitizers make everything slow.
wait_until() {
    local what=$1 deadline=$((SECONDS + 300))
    shift
    until "$@" 2>/dev/null; do
        kill -0 "$background" 2>/dev/null ||
            fail "waiting until $what" "the program ended: $(tail -n 3 "$work/background.err")"
        ((SECONDS < deadline)) || fail "waiting until $what" "still not after 300 s"
        sleep 0.02
    done
}

has_lines() { (($(wc -l <"$1") >= $2)); } # has_lines FILE COUNT

# ---- Data sets

# bytes COUNT: the same pseudo-random bytes every time (at most 1 MB). A block of prime length repeats, so that
# images of one file differ.
bytes() {
    local pool=$work/.bytes value=1 escapes='' escape i
    if [[ ! -f $pool ]]; then
        for ((i = 0; i < 1009; ++i)); do
            value=$(((value * 1103515245 + 12345) % 2147483648))
            printf -v escape '\\x%02x' $((value >> 16 & 255))
            escapes+=$escape
        done
        printf "$escapes" >"$pool"
        for ((i = 0; i < 10; ++i)); do
            cat "$pool" "$pool" >"$pool.double"
            mv "$pool.double" "$pool"
        done
    fi
    head -c "$1" "$pool"
}

big_endian() { # big_endian NUMBER...: four bytes each
    local number text
    for number; do
        printf -v text '\\x%02x' $((number >> 24 & 255)) $((number >> 16 & 255)) $((number >> 8 & 255)) $((number & 255))
        printf "$text"
    done
}

idx_images() { # idx_images FILE COUNT HEIGHT WIDTH
    big_endian 0x803 "$2" "$3" "$4" >"$1"
    bytes $(($2 * $3 * $4)) >>"$1"
}

idx_labels() { # idx_labels FILE COUNT
    local i
    big_endian 0x801 "$2" >"$1"
    for ((i = 0; i < $2; ++i)); do printf "\\x0$((i % 10))" >>"$1"; done
}

cifar10() { # cifar10 FILE COUNT SKIP: records of a label and 3×32×32 bytes, taken SKIP bytes from the beginning
    local i
    : >"$1"
    for ((i = 0; i < $2; ++i)); do
        printf "\\x0$((i % 10))" >>"$1"
        bytes $(($3 + (i + 1) * 3072)) | tail -c 3072 >>"$1"
    done
}

# configuration FILE KIND DATA HEIGHT WIDTH [CHANNELS]: a tiny experiment, some milliseconds a step.
configuration() {
    cat >"$1" <<END
[data]
path = "$3"
height = $4
width = $5
channels = ${6:-1}

[process]
kind = "$2"
steps = 12
schedule = "cosine"
sigma_max = 5.0

[network]
channels = [8, 8]
blocks = 1
attention_levels = [1]
groups = 4
zero_initialize = false

[train]
steps = 4
batch = 4
dtype = "f32"
learning_rate = 1e-3
log_every = 1
sample_count = 3
END
}

# ---- Looking into files

hex() { # hex FILE OFFSET COUNT
    od -An -v -tx1 -j "$2" -N "$3" "$1" | tr -d ' \n'
}

slice() { # slice FILE OFFSET COUNT: these bytes
    head -c $(($2 + $3)) "$1" | tail -c "$3"
}

floats() { # floats FILE OFFSET: the 32-bit numbers from there to the end, one a line
    od -An -v -tf4 -w4 -j "$2" "$1" | tr -d ' '
}

tolerance=1e-4
expect_near() { # expect_near WHAT FILE FILE: .npy of f32, the largest difference at most the tolerance, and not all zero
    expect_equal "$1: size" "$(wc -c <"$2")" "$(wc -c <"$3")"
    paste <(floats "$2" 128) <(floats "$3" 128) | awk -v most=$tolerance '
        { d = $1 - $2; if (d < 0) d = -d; if (!(d <= most)) wrong = 1; if (d > worst) worst = d; if ($1 != 0) seen = 1 }
        END { printf "%g\n", worst; exit wrong || !seen }' >"$work/worst" ||
        fail "$1: expected values within $tolerance of the package's" "largest difference: $(<"$work/worst")"
}

json_value() { # json_value FILE KEY: of a flat object on one line, or of the last line that has the key
    sed -nE "s/.*\"$2\": *(\"[^\"]*\"|[^],}]*).*/\1/p" "$1" | tail -n 1 | tr -d '"'
}

png_size() { # png_size FILE: "WIDTHxHEIGHT" after checking that it begins and ends like a PNG file
    expect_exists "$1"
    expect_equal "$1: signature and first chunk" 89504e470d0a1a0a0000000d49484452 "$(hex "$1" 0 16)"
    expect_equal "$1: last chunk" 0000000049454e44ae426082 "$(tail -c 12 "$1" | od -An -v -tx1 | tr -d ' \n')"
    echo "$((0x$(hex "$1" 16 4)))x$((0x$(hex "$1" 20 4)))"
}

expect_npy() { # expect_npy FILE SHAPE [DTYPE [OFFSET]]: such a header there
    cmp -s <(npy_header "$2" "${3:-<f4}") <(slice "$1" "${4:-0}" 128) ||
        fail "$1: expected the header of an array ($2)" "got: $(slice "$1" "${4:-0}" 128 | tr -d '\0')"
}

# npy_header SHAPE [DTYPE]: what a .npy file begins with, 128 bytes; SHAPE as in Python, e.g. "2, 1, 28, 28".
npy_header() {
    printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '${2:-<f4}', 'fortran_order': False, 'shape': ($1), }"
}

expect_no_leftovers() { # expect_no_leftovers FOLDER: nothing half written
    local found
    found=$(find "$1" -name '*.tmp-*' -o -name '.unfinished-*' -o -name '.discarded-*' -o -name '*.old-*')
    [[ -z $found ]] || fail "$1: expected nothing half written, found:" "$found"
}

checkpoint_files=(ema.safetensors model.safetensors optimizer.safetensors state.json)

# metrics RUN: "step loss" of each line of metrics.jsonl, having checked that each is an object with both.
metrics() {
    local line number='-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?'
    while IFS= read -r line; do
        [[ $line =~ ^\{.*\}$ && $line =~ \"step\":([0-9]+)[,}] ]] ||
            fail "$1/metrics.jsonl: expected an object with a step" "got: $line"
        printf '%s ' "${BASH_REMATCH[1]}"
        [[ $line =~ \"loss\":($number)[,}] ]] || fail "$1/metrics.jsonl: expected a number as loss" "got: $line"
        printf '%s\n' "${BASH_REMATCH[1]}"
    done <"$1/metrics.jsonl"
}

metric_steps() { metrics "$1" | awk '{ printf "%s%s", separator, $1; separator = " " } END { print "" }'; }
