#include "tools/run_log.h"

#include "engine/io/file.h"
#include "engine/io/tensorboard.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace heat::tools {
namespace fs = std::filesystem;

std::string to_json(const LogRecord& record) {
    nlohmann::json json{{"step", record.step},
                        {"loss", record.loss},
                        {"learning_rate", record.learning_rate},
                        {"gradient_norm", record.gradient_norm},
                        {"images_per_second", record.images_per_second}};
    if (!record.accuracy.empty()) json["accuracy_by_level"] = record.accuracy;
    return json.dump();
}

void RunLog::truncate(int64_t step) const {
    EventFile(folder_.events()).truncate(step);
    const fs::path metrics = folder_.metrics();
    if (!fs::exists(metrics)) return;
    const std::vector<uint8_t> bytes = read_file(metrics);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::string kept;
    for (size_t begin = 0; begin < text.size();) {
        const size_t end = std::min(text.find('\n', begin), text.size());
        const std::string_view line = text.substr(begin, end - begin);
        const auto json = nlohmann::json::parse(line, nullptr, false); // a line cut off by a crash is dropped
        if (json.is_object() && json.contains("step") && json["step"].is_number_integer() &&
            json["step"].get<int64_t>() <= step)
            kept.append(line).push_back('\n');
        begin = end + 1;
    }
    if (kept != text) write_file_atomically(metrics, kept);
}

void RunLog::add(const LogRecord& record) const {
    const std::string line = to_json(record) + '\n';
    append_to_file(folder_.metrics(), {reinterpret_cast<const uint8_t*>(line.data()), line.size()});
    std::vector<Scalar> scalars{{"loss", float(record.loss)},
                                {"learning_rate", float(record.learning_rate)},
                                {"gradient_norm", float(record.gradient_norm)},
                                {"images_per_second", float(record.images_per_second)}};
    for (size_t i = 0; i < record.accuracy.size(); ++i)
        scalars.push_back({"accuracy/quarter_" + std::to_string(i + 1), float(record.accuracy[i])});
    EventFile(folder_.events()).add_scalars(record.step, scalars);
}

void RunLog::add_grid(int64_t step, const Image8& grid) const {
    EventFile(folder_.events()).add_image(step, "samples", grid);
}

void RunLog::sync() const {
    sync_file(folder_.metrics());
    sync_file(folder_.events());
}

} // namespace heat::tools
