#pragma once

#include <stdexcept>

namespace heat::tools {

/// Thrown out of work that Ctrl-C or SIGTERM ended early; the program exits with 130.
class Interrupted : public std::runtime_error {
public:
    Interrupted() : std::runtime_error("interrupted") {}
};

/// While it lives, Ctrl-C and SIGTERM set a flag instead of ending the program; a third signal ends it.
class InterruptGuard {
public:
    InterruptGuard();
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;

    static bool requested();
};

} // namespace heat::tools
