#!/usr/bin/env bash
# engine completion: each shell's script is one that shell can read, and bash's completes.
source "$(dirname "$0")/common.sh"

succeeds completion bash
cp "$out" "$work/engine.bash"
bash -n "$work/engine.bash"

# complete WORD...: what the script offers for the last word, sorted; words as bash splits them, "=" apart.
complete_words() {
    env -i PATH="$PATH" bash --norc --noprofile -c '
        source "$1"
        complete -p engine | grep -q -- "-F _engine engine" || exit 1
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _engine
        printf "%s\n" "${COMPREPLY[@]}" | sort' _ "$work/engine.bash" "$@" | tr '\n' ' ' | sed 's/ $//'
}
offers() { # offers EXPECTED WORD...
    expect_equal "completion of: ${*:2}" "$1" "$(complete_words "${@:2}")"
}
mkdir -p "$work/there/runs/garments"
touch "$work/there/tiny.toml" "$work/there/with space.toml"
cd "$work/there"

# ---- Commands: those that --help lists.
succeeds --help
commands=$(sed -n '/^Subcommands:/,/^$/p' "$out" | awk '/^  [a-z]/ { print $1 }' | sort | tr '\n' ' ' | sed 's/ $//')
expect_match "commands" "info .*process .*sample .*train" "$commands"
offers "$commands" engine ""
offers "train" engine tr
offers "" engine nothing
offers "--help --version" engine --

# ---- Every long option of every command, nested ones as well.
check_options() { # check_options COMMAND...
    local expected below
    succeeds "$@" --help
    expected=$(grep -oE '^  [^ ]*--[A-Za-z0-9-]+' "$out" | grep -oE -- '--[A-Za-z0-9-]+' | LC_ALL=C sort | tr '\n' ' ' | sed 's/ $//')
    offers "$expected" engine "$@" --
    while read -r below; do check_options "$@" "$below"; done \
        < <(sed -n '/^Subcommands:/,/^$/p' "$out" | awk '/^  [a-z]/ { print $1 }')
}
for command in $commands; do check_options $command; done

# ---- Values: choices, folders, files, keys; with "=" between, too.
offers "auto cpu cuda" engine train tiny.toml --device ""
offers "cpu cuda" engine train tiny.toml --device c
offers "cpu cuda" engine train --device = c
offers "auto cpu cuda" engine train --device =
offers "ema model" engine sample runs --weights ""
offers "bash fish zsh" engine completion ""
offers "runs" engine train tiny.toml --out ""
offers "runs/garments" engine sample runs/
offers "runs tiny.toml with space.toml" engine train ""
offers "with space.toml" engine train w
offers "" engine sample runs --count ""
offers "train.batch= train.beta1= train.beta2=" engine train tiny.toml --set train.b
offers "" engine train tiny.toml --set train.batch = 3
succeeds process "$SOURCE_DIR/configs/cifar10-ddpm.toml" --json
for config in "$SOURCE_DIR"/configs/*.toml; do # --solver knows those of every process
    succeeds process "$config" --json
    for solver in $(sed -nE 's/.*"solvers":\[([^]]*)\].*/\1/p' "$out" | tr -d '"' | tr ',' ' '); do
        expect_match "solvers" "(^| )${solver//+/[+]}( |\$)" "$(complete_words engine sample runs --solver "")"
    done
done

# ---- The other shells, where they are installed; what must be in their scripts in any case.
for shell in zsh fish; do
    succeeds completion $shell
    cp "$out" "$work/engine.$shell"
    for command in $commands; do expect_text "$work/engine.$shell" "$command"; done
    expect_text "$work/engine.$shell" "auto cpu cuda"
    expect_text "$work/engine.$shell" "train.batch"
    if command -v $shell >/dev/null; then $shell -n "$work/engine.$shell"; else note "no $shell here: its script is not read"; fi
done
expect_equal "first line of zsh's script" "#compdef engine" "$(head -n 1 "$work/engine.zsh")"

refuses 2 "tcsh" completion tcsh
refuses 2 "shell" completion
