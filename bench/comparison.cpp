#include "bench/comparison.h"

#include "engine/io/file.h"
#include "kernels/error.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <map>

namespace heat::bench {
namespace {

std::string text_field(const std::filesystem::path& path, const nlohmann::json& row, const char* key) {
    const auto found = row.find(key);
    if (found == row.end() || !found->is_string())
        throw Error(fmt::format("{}: a row of \"ops\" has no text \"{}\": expected a file of `engine bench "
                                "ops --json`",
                                path.string(), key));
    return found->get<std::string>();
}

double positive_field(const std::filesystem::path& path, const nlohmann::json& row, const char* key) {
    const auto found = row.find(key);
    const double value = found != row.end() && found->is_number() ? found->get<double>() : 0.0;
    if (!(value > 0.0))
        throw Error(fmt::format("{}: a row of \"ops\" has no positive number \"{}\": expected a file of "
                                "`engine bench ops --json`",
                                path.string(), key));
    return value;
}

} // namespace

std::vector<StoredMeasurement> read_measurements(const std::filesystem::path& path) {
    const nlohmann::json file = nlohmann::json::parse(read_file(path, 64 << 20), nullptr, false);
    if (!file.is_object() || !file.contains("ops") || !file["ops"].is_array())
        throw Error(fmt::format(
            "{}: no JSON with a list \"ops\": expected a file of `engine bench ops --json`", path.string()));
    std::vector<StoredMeasurement> measurements;
    for (const nlohmann::json& row : file["ops"]) {
        if (!row.is_object())
            throw Error(fmt::format("{}: a row of \"ops\" is no object: expected a file of `engine bench ops "
                                    "--json`",
                                    path.string()));
        StoredMeasurement m;
        for (const char* key : {"name", "direction", "size", "dtype", "state"}) {
            if (!m.text.empty()) m.text += ' ';
            m.text += text_field(path, row, key);
        }
        m.median = positive_field(path, row, "median_us");
        m.lower_quartile = positive_field(path, row, "lower_quartile_us");
        m.upper_quartile = positive_field(path, row, "upper_quartile_us");
        measurements.push_back(std::move(m));
    }
    return measurements;
}

std::vector<ComparedOp> compare(const std::vector<StoredMeasurement>& old_measurements,
                                const std::vector<StoredMeasurement>& new_measurements) {
    std::map<std::string, const StoredMeasurement*> known;
    for (const StoredMeasurement& m : old_measurements) known[m.text] = &m;
    std::vector<ComparedOp> compared;
    for (const StoredMeasurement& m : new_measurements) {
        const auto found = known.find(m.text);
        if (found == known.end()) continue;
        const StoredMeasurement& before = *found->second;
        const double spread =
            before.upper_quartile - before.lower_quartile + m.upper_quartile - m.lower_quartile;
        compared.push_back({m.text, before.median, m.median, std::abs(m.median - before.median) > spread});
    }
    return compared;
}

} // namespace heat::bench
