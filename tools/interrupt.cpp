#include "tools/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstddef>
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

/// The handler's own stack. oneDNN's matrix products keep the stack pointer in the middle of data on the heap
/// while they compute, and a handler on the thread's stack would write its frame over them. The kernel gives
/// a signal to the process to the main thread, which is the one that has this stack.
alignas(std::max_align_t) char handler_stack[64 * 1024];

/// Uses handler_stack, unless this thread has another already, as under AddressSanitizer.
void give_handler_a_stack() {
    stack_t present{};
    if (::sigaltstack(nullptr, &present) != 0 || !(present.ss_flags & SS_DISABLE)) return;
    stack_t own{};
    own.ss_sp = handler_stack;
    own.ss_size = sizeof handler_stack;
    ::sigaltstack(&own, nullptr);
}

void handle(int signal) {
    struct sigaction action {
    }, before{};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(signal, &action, &before);
    if (signal == SIGHUP && before.sa_handler == SIG_IGN) ::sigaction(signal, &before, nullptr);
}

} // namespace

InterruptGuard::InterruptGuard(const char* line) {
    flag = 0;
    exit_line = line;
    give_handler_a_stack();
    for (const int signal : signals) handle(signal);
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
