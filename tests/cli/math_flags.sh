#!/usr/bin/env bash
# --strict-f32 and --deterministic: taken everywhere, kept in the run, and without effect on the CPU.
source "$(dirname "$0")/common.sh"

idx_images "$work/images.idx" 32 12 10
configuration "$work/tiny.toml" ddpm "$work/images.idx" 12 10
loose=$work/loose strict=$work/strict

succeeds train "$work/tiny.toml" --out "$loose" --device cpu
expect_match "a run without the flags" 'strict_f32 = false' "$(<"$loose/config.toml")"
expect_match "a run without the flags" 'deterministic = false' "$(<"$loose/config.toml")"

succeeds train "$work/tiny.toml" --out "$strict" --device cpu --strict-f32 --deterministic
expect_match "a run with the flags" 'strict_f32 = true' "$(<"$strict/config.toml")"
expect_match "a run with the flags" 'deterministic = true' "$(<"$strict/config.toml")"

sample() { succeeds sample "$1" -n 2 --out "$2" --device cpu --no-singles "${@:3}"; }
sample "$loose" "$work/loose-images"
sample "$strict" "$work/strict-images" --strict-f32 --deterministic
expect_same "$work/loose-images/samples.npz" "$work/strict-images/samples.npz"

{ npy_header "1, 1, 12, 10" "<f4"; head -c 480 /dev/zero; } >"$work/x.npy"
succeeds predict "$strict" --input "$work/x.npy" --t 1 --output "$work/y.npy" --device cpu --strict-f32

# ---- bench and info say what holds; the run's own configuration counts too.
succeeds bench network "$work/tiny.toml" --device cpu --steps 1 --warm-up 1 --json --deterministic
expect_match "bench with a flag" '"math":\{"deterministic":true,"tf32":true\}' "$(<"$out")"
succeeds bench network "$strict" --device cpu --steps 1 --warm-up 1 --json
expect_match "bench of a strict run" '"math":\{"deterministic":true,"tf32":false\}' "$(<"$out")"
succeeds info --json
expect_match "info" '"gpu_math":\{"deterministic":false,"tf32":true\}' "$(<"$out")"
