#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace heat::tools {

/// "1h 02m", "3m 05s", "12s".
std::string duration_text(double seconds);

/// Progress on standard error: one line that is rewritten on a terminal, plain lines otherwise, and
/// nothing where --quiet.
class Progress {
public:
    /// `first` is where a resumed run begins; rates count from there.
    Progress(std::string what, int64_t first, int64_t total);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// Shows `done` of the total with a note (the loss) and the time left. On a terminal at most ten times a
    /// second.
    void show(int64_t done, const std::string& note);
    /// Ends the rewritten line, so that other text can follow.
    void finish();

    /// Seconds since the start.
    double seconds() const;

private:
    using Clock = std::chrono::steady_clock;
    std::string what_;
    int64_t first_, total_;
    bool terminal_, open_ = false;
    Clock::time_point start_ = Clock::now(), shown_{};
};

} // namespace heat::tools
