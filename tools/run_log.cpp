#include "tools/run_log.h"

#include "engine/io/file.h"
#include "kernels/error.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>

namespace heat::tools {
namespace fs = std::filesystem;
namespace {

void append_line(const fs::path& path, const std::string& line) {
    std::ofstream file(path, std::ios::app);
    file << line << '\n';
    file.flush();
    if (!file) throw Error(fmt::format("{}: cannot write the metrics: is the disk full?", path.string()));
}

} // namespace

void RunLog::truncate(int64_t step) const {
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
    write_file_atomically(metrics, kept);
}

void RunLog::add(const LogRecord& record) const {
    append_line(folder_.metrics(), nlohmann::json{{"step", record.step},
                                                  {"loss", record.loss},
                                                  {"learning_rate", record.learning_rate},
                                                  {"gradient_norm", record.gradient_norm},
                                                  {"images_per_second", record.images_per_second}}
                                       .dump());
}

} // namespace heat::tools
