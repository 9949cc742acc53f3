#pragma once

#include "engine/io/image8.h"
#include "tools/run_folder.h"

#include <cstdint>
#include <vector>

namespace heat::tools {

/// What a line of metrics says of one update.
struct LogRecord {
    int64_t step = 0;
    double loss = 0; ///< mean since the line before
    double learning_rate = 0;
    double gradient_norm = 0;     ///< of that update, before the clip
    double images_per_second = 0; ///< mean since this process began to train
    /// Of a classifier: the share it told right, in each quarter of the noise levels, the least noise first.
    std::vector<double> accuracy;
};

/// The losses since the last line of the log. A checkpoint between two lines carries them (state.json), so
/// that a resumed run logs the same means.
struct LossMean {
    double sum = 0;
    int64_t count = 0;

    double value() const { return sum / double(count); }
};

/// The record as a JSON object on one line.
std::string to_json(const LogRecord& record);

/// The logs of a run, which grow while it trains: RUN/metrics.jsonl and RUN/tensorboard/. Whatever else is
/// written line by line or event by event belongs here, so that it is cut where a run resumes.
class RunLog {
public:
    explicit RunLog(const RunFolder& folder) : folder_(folder) {}

    /// Drops what a run that resumes at `step` writes again: every record past it, and one cut off by a
    /// crash.
    void truncate(int64_t step) const;
    /// Appends a record. Throws Error naming the file where it cannot be written.
    void add(const LogRecord& record) const;
    /// Brings what was added onto the disk. Before a checkpoint is written, so that a power cut cannot keep
    /// it and lose the lines before it.
    void sync() const;
    /// Adds a grid of samples to the event file. Throws Error likewise.
    void add_grid(int64_t step, const Image8& grid) const;

private:
    const RunFolder& folder_;
};

} // namespace heat::tools
