#include "tools/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>

namespace heat::tools {
namespace {

constexpr int signals[] = {SIGINT, SIGTERM, SIGHUP};

volatile std::sig_atomic_t flag = 0;
std::atomic<const char*> exit_line{nullptr};

// Programs such as timeout send a signal twice, to the process and to its group: only the third means "now".
extern "C" void on_signal(int signal) {
    if (const char* line = exit_line.load()) {
        (void)!::write(STDERR_FILENO, line, std::strlen(line));
        ::_exit(130);
    }
    flag = flag + 1;
    if (flag >= 2) std::signal(signal, SIG_DFL);
}

} // namespace

InterruptGuard::InterruptGuard(const char* line) {
    flag = 0;
    exit_line = line;
    for (const int signal : signals)
        if (std::signal(signal, on_signal) == SIG_IGN && signal == SIGHUP) std::signal(signal, SIG_IGN);
    std::signal(SIGPIPE, SIG_IGN);
}

InterruptGuard::~InterruptGuard() {
    exit_line = nullptr;
    for (const int signal : signals) std::signal(signal, SIG_DFL);
    std::signal(SIGPIPE, SIG_DFL);
}

void InterruptGuard::defer() {
    exit_line = nullptr;
}

bool InterruptGuard::requested() {
    return flag != 0;
}

} // namespace heat::tools
