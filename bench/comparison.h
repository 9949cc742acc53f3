#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace heat::bench {

/// One op in a file that `engine bench ops --json` wrote: microseconds.
struct StoredMeasurement {
    std::string text; ///< name, direction, size, type and state: what pairs old with new
    double median = 0, lower_quartile = 0, upper_quartile = 0;
};

/// Reads such a file. Throws Error naming the path where it is missing, no JSON, or lacks what is needed.
std::vector<StoredMeasurement> read_measurements(const std::filesystem::path& path);

struct ComparedOp {
    std::string text;
    double old_median = 0, new_median = 0; ///< microseconds
    /// The medians differ by more than the two interquartile ranges together.
    bool beyond_spread = false;

    double ratio() const { return new_median / old_median; }
};

/// The ops that both have, in the new one's order.
std::vector<ComparedOp> compare(const std::vector<StoredMeasurement>& old_measurements,
                                const std::vector<StoredMeasurement>& new_measurements);

} // namespace heat::bench
