#!/usr/bin/env bash
# The score SDEs and edm trained and sampled; predictor and corrector, the probability flow, the likelihood.
source "$(dirname "$0")/common.sh"

idx_images "$work/images.idx" 32 12 10
for kind in ve edm sub-vp; do
    configuration "$work/$kind.toml" $kind "$work/images.idx" 12 10
    succeeds train "$work/$kind.toml" --out "$work/$kind"
done

# ---- Sampled by each solver; image k is the same alone.
for kind in ve edm sub-vp; do
    succeeds sample "$work/$kind" -n 3 --solver predictor-corrector --steps 4 --spacing trailing --out "$work/out"
    succeeds sample "$work/$kind" -n 1 --index 2 --solver predictor-corrector --steps 4 --spacing trailing --out "$work/alone"
    expect_same "$work/out/00002.png" "$work/alone/00002.png"
    succeeds sample "$work/$kind" -n 3 --solver ode --rtol 1e-2 --atol 1e-2 --out "$work/out" --json --trajectory
    calls=$(json_value "$out" network_calls_per_image)
    awk -v calls="$calls" 'BEGIN { exit !(calls >= 9) }' || fail "$kind: expected 9 network calls or more" "got: $calls"
    expect_exists "$work/out/trajectory.png"
    succeeds sample "$work/$kind" -n 1 --index 2 --solver ode --rtol 1e-2 --atol 1e-2 --out "$work/alone"
    expect_same "$work/out/00002.png" "$work/alone/00002.png"
    expect_match "$kind: network calls" 'network calls each' "$(<"$out")"
done
succeeds sample "$work/sub-vp" -n 2 --solver predictor-corrector --predictor euler-maruyama --corrector none --out "$work/a"
succeeds sample "$work/sub-vp" -n 2 --solver predictor-corrector --predictor ancestral --snr 0.3 --corrector-steps 2 --out "$work/b"
expect_different "$work/a/00000.png" "$work/b/00000.png"
succeeds sample "$work/sub-vp" -n 2 --solver predictor-corrector --batch-norms --out "$work/c"
expect_different "$work/b/00000.png" "$work/c/00000.png"

# ---- Likelihood: images in batches or one by one, all probes, some figures beside it.
for kind in ve edm sub-vp; do
    succeeds likelihood "$work/$kind" --data "$work/images.idx" -n 3 --rtol 1e-2 --atol 1e-2 --probes 2 --json
    together=$(sed -E 's/.*"images":\[([^]]*)\].*/\1/' "$out")
    succeeds likelihood "$work/$kind" --data "$work/images.idx" -n 1 --index 2 --rtol 1e-2 --atol 1e-2 --probes 2 --json
    alone=$(json_value "$out" bits_per_dimension)
    awk -v a="${together##*,}" -v b="$alone" 'BEGIN { exit !(a != "" && (a - b) ^ 2 < 1e-6) }' ||
        fail "$kind: bits of image 2, in a batch and alone" "in a batch: $together" "alone: $alone"
done
succeeds likelihood "$work/edm" --data "$work/images.idx" -n 2 --rtol 1e-2 --atol 1e-2 --probe gaussian
expect_match "likelihood" '^-?[0-9.]+ bits per dimension \(standard error [0-9.]+\) over 2 images' "$(<"$out")"

# ---- Refusals.
refuses 1 "choose trailing" sample "$work/ve" --steps 5 --spacing leading --out "$work/no"
refuses 1 "belong to solver ode" sample "$work/ve" --rtol 0.1 --out "$work/no"
refuses 1 "belong to solver" sample "$work/ve" --snr 0.1 --out "$work/no"
refuses 1 "chooses its own steps" sample "$work/ve" --solver ode --steps 3 --out "$work/no"
refuses 1 "expected langevin or none" sample "$work/ve" --solver predictor-corrector --corrector x --out "$work/no"
refuses 1 "rademacher, gaussian or exact" likelihood "$work/ve" --data "$work/images.idx" --probe x
refuses 1 "it holds 32 images" likelihood "$work/ve" --data "$work/images.idx" -n 33
configuration "$work/ihdm.toml" ihdm "$work/images.idx" 12 10
succeeds train "$work/ihdm.toml" --out "$work/ihdm"
refuses 1 "no Markov process" likelihood "$work/ihdm" --data "$work/images.idx" -n 1
refuses 1 "does not fit process ihdm" sample "$work/ihdm" --solver ode --out "$work/no"
