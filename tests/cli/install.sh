#!/usr/bin/env bash
# labels: slow
# cmake --install and cpack -G DEB: what they hold, that the program runs from there, and that another project builds with it.
source "$(dirname "$0")/common.sh"

build=$(dirname "$ENGINE")
[[ -f $build/CMakeCache.txt && -f $build/pages/engine.1 ]] || skip "$build is no folder that is installed from"
command -v cmake >/dev/null || skip "no cmake"
cached() { sed -nE "s/^$1:[A-Z]+=(.*)/\1/p" "$build/CMakeCache.txt"; }

check_program() { # check_program PREFIX
    local file
    for file in bin/engine share/bash-completion/completions/engine share/zsh/site-functions/_engine \
        share/fish/vendor_completions.d/engine.fish share/man/man1/engine.1 share/heat-engine/configs/fashion-mnist-ddpm.toml \
        share/doc/heat-engine/{LICENSE,README.md} share/doc/heat-engine/docs/configuration.md; do
        expect_exists "$1/$file"
    done
    (
        ENGINE=$1/bin/engine
        succeeds --version
        succeeds info "$1/share/heat-engine/configs/cifar10-ddpm.toml" --json
        expect_equal "parameters" 35746307 "$(json_value "$out" parameters)"
        succeeds man
        expect_same "$out" "$1/share/man/man1/engine.1"
    )
}

# ---- cmake --install.
cmake --install "$build" --prefix "$work/prefix" >"$work/log" || fail "cmake --install" "$(tail -n 3 "$work/log")"
check_program "$work/prefix"
library_folder=$(cd "$work/prefix" && dirname "$(find . -name libheat_engine.a)")
expect_exists "$work/prefix/$library_folder"/cmake/HeatEngine/HeatEngine{Config,ConfigVersion,Targets}.cmake
expect_exists "$work/prefix/include/heat-engine/engine/tensor.h"
! grep -rlF "$SOURCE_DIR" "$work/prefix" --include='*.cmake' ||
    fail "the CMake package names the source tree" "$(grep -rhF "$SOURCE_DIR" "$work/prefix" --include='*.cmake' | head -n 3)"

# ---- A project of somebody else.
cmake -S "$SOURCE_DIR/tests/install" -B "$work/consumer" -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CXX_COMPILER="$(cached CMAKE_CXX_COMPILER)" -G "$(cached CMAKE_GENERATOR)" >"$work/log" 2>&1 ||
    fail "configuring a project that uses the package" "$(tail -n 5 "$work/log")"
cmake --build "$work/consumer" >"$work/log" 2>&1 || fail "building it" "$(tail -n 5 "$work/log")"
expect_equal "what it prints" "12x10, network 12x10, ihdm of 10 levels" "$("$work/consumer/consumer" "$work/gradient.png")"
expect_equal "the image it writes" 10x12 "$(png_size "$work/gradient.png")"

# A version it does not have.
sed 's/HeatEngine 0\.1/HeatEngine 0.2/' "$SOURCE_DIR/tests/install/CMakeLists.txt" >"$work/CMakeLists.txt"
mkdir "$work/newer"
cp "$work/CMakeLists.txt" "$SOURCE_DIR/tests/install/main.cpp" "$work/newer"
! cmake -S "$work/newer" -B "$work/newer/build" -DCMAKE_PREFIX_PATH="$work/prefix" \
    -DCMAKE_CXX_COMPILER="$(cached CMAKE_CXX_COMPILER)" -G "$(cached CMAKE_GENERATOR)" >"$work/log" 2>&1 ||
    fail "version 0.2 was found where 0.1 is installed"
expect_text "$work/log" "0.2"

# ---- Debian packages.
if ! command -v dpkg-shlibdeps >/dev/null || ! command -v cpack >/dev/null; then
    note "no dpkg-dev here: no package is made"
    exit 0
fi
(cd "$build" && cpack -G DEB -B "$work/packages") >"$work/log" 2>&1 || fail "cpack -G DEB" "$(tail -n 5 "$work/log")"
if [[ $(cached ENGINE_NATIVE) == ON ]]; then expect_text "$work/log" "ENGINE_NATIVE is ON"; fi
program=$(echo "$work"/packages/heat-engine_*.deb)
development=$(echo "$work"/packages/libheat-engine-dev_*.deb)
expect_exists "$program" "$development"
version=$("$ENGINE" --version | sed 's/engine //')
field() { dpkg-deb --field "$1" "$2"; }
expect_equal "Package" heat-engine "$(field "$program" Package)"
expect_equal "Version" "$version" "$(field "$program" Version)"
expect_equal "Section" science "$(field "$program" Section)"
expect_match "Depends" "libc6" "$(field "$program" Depends)"
expect_match "Depends" "libstdc\+\+6" "$(field "$program" Depends)"
expect_match "Description" "diffusion" "$(field "$program" Description)"
expect_match "Depends of the libraries" "heat-engine|lib" "$(field "$development" Package)"
dpkg-deb --contents "$program" >"$work/contents"
expect_text "$work/contents" "./usr/bin/engine"
! grep -qE '\.(a|h|cmake)$' "$work/contents" || fail "the program's package holds libraries or headers" "$(grep -E '\.(a|h|cmake)$' "$work/contents" | head -n 3)"
dpkg-deb --contents "$development" >"$work/contents"
expect_text "$work/contents" "libheat_engine.a"
dpkg-deb --extract "$program" "$work/extracted"
check_program "$work/extracted/usr"
