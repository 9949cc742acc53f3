#!/usr/bin/env bash
# engine man: a manual page with every command and option, that groff has nothing to say against.
source "$(dirname "$0")/common.sh"

succeeds man
cp "$out" "$work/engine.1"
expect_match "its title" $'\n\.TH ENGINE 1 ' "$(<"$work/engine.1")"
for section in NAME SYNOPSIS DESCRIPTION OPTIONS COMMANDS '"EXIT STATUS"' ENVIRONMENT FILES; do
    grep -qxF ".SH $section" "$work/engine.1" || fail "expected a section $section"
done

check_command() { # check_command NAME...: it and what is below it, its options, its examples
    local option below
    grep -qxF ".SS engine $*" "$work/engine.1" || fail "expected a part about engine $*"
    succeeds "$@" --help
    grep -qE '^Examples?:' "$out" || [[ -n $(sed -n '/^Subcommands:/p' "$out") ]] || fail "engine $* --help: expected examples"
    # Of this command's part of the page, with its hyphens as they are typed.
    sed -n "/^\.SS engine $*\$/,/^\.S[SH] /p" "$work/engine.1" | sed 's/\\-/-/g' >"$work/part"
    for option in $(grep -oE '^  [^ ]*--[a-z-]+' "$out" | grep -oE -- '--[a-z-]+' | grep -vx -- --help || true); do
        expect_text "$work/part" "$option"
    done
    while read -r below; do expect_text "$work/part" "$below"; done \
        < <(sed -n '/^Examples\?:/,$p' "$out" | grep '^  engine [ -~]*$' || true) # ASCII alone is as it is on the page
    while read -r below; do check_command "$@" "$below"; done \
        < <(sed -n '/^Subcommands:/,/^$/p' "$out" | awk '/^  [a-z]/ { print $1 }')
}
succeeds --help
for command in $(sed -n '/^Subcommands:/,/^$/p' "$out" | awk '/^  [a-z]/ { print $1 }'); do check_command "$command"; done

# ---- The exit codes of --help are those of the page and of the document.
succeeds --help
expect_text "$out" "Exit codes: 0 done, 1 an error"
for code in 0 1 2 130; do
    grep -qxF ".B $code" "$work/engine.1" || fail "expected the exit code $code on the page"
    expect_text "$SOURCE_DIR/docs/configuration.md" "| $code |"
done

# ---- The files of a run that the page names are those that a run makes.
idx_images "$work/images.idx" 8 12 10
configuration "$work/ihdm.toml" ihdm "$work/images.idx" 12 10
succeeds train "$work/ihdm.toml" --out "$work/run" --set train.sample_every=4
for file in $(ls -A "$work/run"); do expect_text "$work/engine.1" "RUN/$file"; done

if command -v groff >/dev/null; then
    groff -man -ww -Tutf8 -rLL=100n -P-cbou "$work/engine.1" >"$work/page" 2>"$work/warnings"
    [[ ! -s $work/warnings ]] || fail "groff warns:" "$(head -n 5 "$work/warnings")"
    expect_text "$work/page" "EXIT STATUS"
else
    note "no groff here: the page is not formatted"
fi
