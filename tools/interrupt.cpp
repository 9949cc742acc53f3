#include "tools/interrupt.h"

#include <csignal>

namespace heat::tools {
namespace {
volatile std::sig_atomic_t flag = 0;

// Programs such as timeout send a signal twice, to the process and to its group: only the third means "now".
extern "C" void on_signal(int signal) {
    flag = flag + 1;
    if (flag >= 2) std::signal(signal, SIG_DFL);
}
} // namespace

InterruptGuard::InterruptGuard() {
    flag = 0;
    std::signal(SIGINT, on_signal);
    std::signal(SIGTERM, on_signal);
}

InterruptGuard::~InterruptGuard() {
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
}

bool InterruptGuard::requested() {
    return flag != 0;
}

} // namespace heat::tools
