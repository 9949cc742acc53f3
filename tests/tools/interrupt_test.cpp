#include "tools/interrupt.h"

#include <doctest/doctest.h>

#include <csignal>
#include <cstdint>

namespace heat::tools {
namespace {

constexpr int beyond_calls = 2048; ///< raise() itself needs less of the stack
constexpr int looked_at = 32 * 1024;

/// How many bytes of the stack below its own a signal changes.
[[gnu::noinline, gnu::no_sanitize_address]] int changed_by_a_signal() {
    auto* const below = static_cast<volatile uint8_t*>(__builtin_frame_address(0)) - beyond_calls;
    std::raise(0); // the loader, too, uses the stack where it looks for the function at the first call
    for (int i = 1; i <= looked_at; ++i) below[-i] = 0xa5;
    std::raise(SIGINT);
    int changed = 0;
    for (int i = 1; i <= looked_at; ++i) changed += below[-i] != 0xa5;
    return changed;
}

} // namespace

TEST_CASE("a signal that is awaited leaves the memory at the stack pointer alone") {
    const InterruptGuard guard;
    CHECK(changed_by_a_signal() == 0);
    CHECK(InterruptGuard::requested());
}

} // namespace heat::tools
