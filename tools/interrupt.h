#pragma once

#include <stdexcept>

namespace heat::tools {

/// Thrown out of work that Ctrl-C or SIGTERM ended early; the program exits with 130.
class Interrupted : public std::runtime_error {
public:
    Interrupted() : std::runtime_error("interrupted") {}
};

/// While it lives, Ctrl-C (SIGINT), SIGTERM and SIGHUP set a flag instead of ending the program; a third
/// signal ends it at once. A SIGHUP that nohup switched off stays off, and a closed pipe (SIGPIPE) ends
/// nothing. Made by the main thread, on which signals arrive.
class InterruptGuard {
public:
    /// With a line, the first signal writes it to standard error and ends the program at once with exit code
    /// 130, until defer() is called: for work that leaves nothing behind, such as loading. It must outlive
    /// the guard.
    explicit InterruptGuard(const char* line = nullptr);
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;

    /// From here on a signal sets the flag.
    static void defer();
    static bool requested();
};

} // namespace heat::tools
