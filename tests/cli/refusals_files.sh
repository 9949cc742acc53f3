#!/usr/bin/env bash
# Files that are not what they should be: garbage, pipes and devices (never waited for), folders, files that may not be read,
# configurations that are huge or nested without end, run folders edited by hand or made by a newer version.
source "$(dirname "$0")/common.sh"

idx_images "$work/images.idx" 32 12 10
config=$work/tiny.toml
configuration "$config" ddpm "$work/images.idx" 12 10
run_folder=$work/run
succeeds train "$config" --out "$run_folder"
{ npy_header "1, 1, 12, 10"; head -c 480 /dev/zero; } >"$work/input.npy"

no() { # no TEXT ARGUMENT...: refused with 1, and no folder is made
    refuses 1 "$@" --out "$work/refused"
    expect_missing "$work/refused"
}
no_config() { no "$1" train "$work/wrong.toml"; }

# ---- Pipes, devices and folders in place of files.
mkfifo "$work/pipe.toml" "$work/pipe.bin" "$work/pipe.npy"
mkdir "$work/folder" "$work/folder.npy"
for path in "$work/pipe.toml" /dev/zero /dev/null; do
    no "cannot read $path: expected a file, it is a pipe or device" train "$path"
    no "cannot read $path" train "$config" --set data.path="$path"
    for command in process info; do refuses 1 "cannot read $path" $command "$path"; done
done
no "cannot read $work/pipe.bin" train "$config" --set data.path="$work/pipe.bin"
mkfifo "$work/folder/train-images-idx3-ubyte"
no "cannot read $work/folder/train-images-idx3-ubyte" train "$config" --set data.path="$work/folder"
for path in "$work/pipe.npy" "$work/folder.npy" /dev/zero; do
    refuses 1 "cannot read $path" predict "$run_folder" --t 1 --input "$path" --output "$work/output.npy"
done
expect_missing "$work/output.npy"
refuses 1 "device or pipe" predict "$run_folder" --t 1 --input "$work/input.npy" --output "$work/pipe.npy"
refuses 1 "folder" predict "$run_folder" --t 1 --input "$work/input.npy" --output "$work/folder.npy"
refuses 1 "$work/pipe.toml: cannot make the run folder" train "$config" --out "$work/pipe.toml"
mkdir -p "$work/odd/.lock"
refuses 1 "$work/odd: cannot write there: Is a directory" train "$config" --out "$work/odd"
expect_contents "$work/odd" .lock

# ---- Configurations without end.
repeat() { head -c "$2" /dev/zero | sed "s/\\x0/$1/g"; } # repeat TEXT COUNT
{ printf '[train]\nsteps = '; repeat '[' 100000; } >"$work/wrong.toml"
no_config "not valid TOML"
{ printf '[train]\nsteps = '; repeat '[' 100000; repeat ']' 100000; } >"$work/wrong.toml"
no_config "not valid TOML"
{ printf 'x = '; repeat '{a=' 100000; } >"$work/wrong.toml"
no_config "not valid TOML"
for form in '%s = 1' '[%s]' '[[%s]]' '[train]\n%s = 1' 'x = {%s = 1}'; do
    printf "$form\\n" "$(repeat 'a.' 100000)a" >"$work/wrong.toml"
    no_config "it has 100000 dots"
done
{ printf '[train]\n'; repeat k 900000; printf ' = 1\n'; } >"$work/wrong.toml"
no_config "unknown key train.kkkkk"
(($(wc -c <"$err") < 1000)) || fail "expected a short line for a long key, got $(wc -c <"$err") bytes"
{ printf '[train]\n#'; repeat ' ' 1100000; } >"$work/wrong.toml"
no_config "more than the 1048576 bytes"
no "not valid TOML" train "$config" --set "train.steps=$(repeat '[' 100000)"
no "dots" train "$config" --set "train.steps.$(repeat 'a.' 50000)a=1"

# ---- Garbage, and control characters, which do not break the line of the error.
bytes 5000 >"$work/wrong.toml"
no_config "not valid TOML"
printf '[tr\\u000aain]\n' >"$work/wrong.toml"
no_config "not valid TOML"
printf '["tr\\nain"]\nsteps = 1\n' >"$work/wrong.toml"
no_config 'unknown section [tr\x0aain]; did you mean [train]?'
printf '[trian]\n' >"$work/wrong.toml" # without a key
no_config "unknown section [trian]; did you mean [train]?"
no 'cannot read no\x0asuch file' train $'no\nsuch file'
no "expected section.key=value" train "$config" --set train.=3
no "expected section.key=value" train "$config" --set .steps=3
no "expected section.key=value" train "$config" --set =

# ---- Settings apply in order: of two, the later one wins.
succeeds train "$config" --out "$work/twice" --set train.steps=3 --set train.steps=1
expect_contents "$work/twice/checkpoints" step-0000001

# ---- Files that may not be read.
program=$ENGINE
if ((EUID == 0)); then # as root the program runs as nobody
    printf '#!/bin/bash\nexec setpriv --reuid=65534 --regid=65534 --clear-groups %q "$@"\n' "$ENGINE" >"$work/as-nobody"
    chmod 755 "$work" "$work/as-nobody"
    program=$work/as-nobody
fi
if [[ $("$program" --version 2>/dev/null) == engine* ]]; then
    cp -r "$run_folder" "$work/closed"
    cp "$config" "$work/closed.toml"
    cp "$work/images.idx" "$work/closed.idx"
    chmod 000 "$work/closed.toml" "$work/closed.idx" "$work/closed/checkpoints/step-0000004/ema.safetensors"
    (
        ENGINE=$program
        no "closed.toml: Permission denied" train "$work/closed.toml"
        no "closed.idx: Permission denied" train "$config" --set data.path="$work/closed.idx"
        no "ema.safetensors: Permission denied" sample "$work/closed" # no damage: no other checkpoint is taken for it
        chmod 000 "$work/closed/checkpoints"
        no "cannot read folder $work/closed/checkpoints: Permission denied" sample "$work/closed"
    )
    chmod 755 "$work/closed/checkpoints"
else
    note "the program cannot be run as nobody: files that may not be read are not tried"
fi

# ---- A run's configuration: edited by hand, or a newer version's.
cp "$run_folder/config.toml" "$work/config.toml"
no_run_configuration() { # no_run_configuration TEXT
    cp -r "$run_folder" "$work/before"
    no "$1" sample "$run_folder"
    refuses 1 "$1" train "$config" --out "$run_folder" --set train.steps=5
    refuses 1 "$1" info "$run_folder"
    expect_same "$work/before" "$run_folder"
    rm -r "$work/before"
}
printf 'steps = [' >"$run_folder/config.toml"
no_run_configuration "$run_folder/config.toml: line 1: not valid TOML"
sed 's/^steps = 4/steps = "four"/' "$work/config.toml" >"$run_folder/config.toml"
no_run_configuration "$run_folder/config.toml: train.steps takes an integer"
{ cat "$work/config.toml"; printf '\n[distillation]\nteacher = "x"\n'; } >"$run_folder/config.toml"
no_run_configuration "unknown section [distillation]"
expect_text "$err" "a newer version of this program wrote it"
sed 's/^batch = /butch = 3\nbatch = /' "$work/config.toml" >"$run_folder/config.toml"
no_run_configuration "unknown key train.butch; did you mean train.batch? Or a newer version of this program wrote it"
sed 's/^channels = .*8.*/channels = [ 8, 16 ]/' "$work/config.toml" >"$run_folder/config.toml"
no "another architecture" sample "$run_folder"
refuses 1 "begun with another network" train "$config" --out "$run_folder" --set train.steps=5
refuses 1 "another architecture" train "$run_folder/config.toml" --out "$run_folder" --set train.steps=5
expect_contents "$run_folder/checkpoints" step-0000004
rm "$run_folder/config.toml"
no "not a run folder" sample "$run_folder"
refuses 1 "$run_folder/config.toml" train "$config" --out "$run_folder" --set train.steps=5
