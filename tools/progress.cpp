#include "tools/progress.h"

#include "tools/output.h"
#include "tools/remark.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

namespace heat::tools {

std::string duration_text(double seconds) {
    const int64_t s = std::llround(seconds);
    if (s >= 3600) return fmt::format("{}h {:02}m", s / 3600, s % 3600 / 60);
    if (s >= 60) return fmt::format("{}m {:02}s", s / 60, s % 60);
    return fmt::format("{}s", s);
}

Progress::Progress(std::string what, int64_t first, int64_t total)
    : what_(std::move(what)), first_(first), total_(total), terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
    finish();
}

double Progress::seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
}

void Progress::show(int64_t done, const std::string& note) {
    if (is_quiet()) return;
    const auto now = Clock::now();
    if (terminal_ && done < total_ && now - shown_ < std::chrono::milliseconds(100)) return;
    shown_ = now;
    const double elapsed = seconds();
    const int64_t fresh = done - first_;
    const std::string left =
        fresh > 0 && done < total_
            ? ", " + duration_text(elapsed / double(fresh) * double(total_ - done)) + " left"
            : "";
    const std::string line = fmt::format("{} {}/{}  {}{}", what_, done, total_, note, left);
    if (terminal_) {
        std::fputs(("\r\033[K" + line).c_str(), stderr);
        std::fflush(stderr);
        open_ = true;
    } else {
        remark(line);
    }
}

void Progress::finish() {
    if (open_) remark("");
    open_ = false;
}

} // namespace heat::tools
