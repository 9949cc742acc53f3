#include "tools/run_log.h"

#include "engine/io/file.h"
#include "engine/io/tensorboard.h"
#include "kernels/error.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace heat::tools {
namespace fs = std::filesystem;
namespace {

/// Closes a descriptor on every way out.
struct Descriptor {
    int number = -1;
    ~Descriptor() {
        if (number >= 0) ::close(number);
    }
};

[[noreturn]] void refuse(const fs::path& path) {
    throw Error(fmt::format("cannot write {}: {}{}", path.string(), std::strerror(errno),
                            errno == ENOSPC || errno == EDQUOT ? "; free some space" : ""));
}

void append_line(const fs::path& path, const std::string& line) {
    const Descriptor file{::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666)};
    if (file.number < 0) refuse(path);
    const std::string text = line + '\n';
    for (size_t done = 0; done < text.size();) {
        const ssize_t wrote = ::write(file.number, text.data() + done, text.size() - done);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) refuse(path);
        done += static_cast<size_t>(wrote);
    }
}

} // namespace

std::string to_json(const LogRecord& record) {
    return nlohmann::json{{"step", record.step},
                          {"loss", record.loss},
                          {"learning_rate", record.learning_rate},
                          {"gradient_norm", record.gradient_norm},
                          {"images_per_second", record.images_per_second}}
        .dump();
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
    append_line(folder_.metrics(), to_json(record));
    const Scalar scalars[] = {{"loss", float(record.loss)},
                              {"learning_rate", float(record.learning_rate)},
                              {"gradient_norm", float(record.gradient_norm)},
                              {"images_per_second", float(record.images_per_second)}};
    EventFile(folder_.events()).add_scalars(record.step, scalars);
}

void RunLog::add_grid(int64_t step, const Image8& grid) const {
    EventFile(folder_.events()).add_image(step, "samples", grid);
}

void RunLog::sync() const {
    for (const fs::path& path : {folder_.metrics(), folder_.events()}) {
        const Descriptor file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
        if (file.number < 0 && errno == ENOENT) continue; // nothing was logged yet
        if (file.number < 0 || (::fsync(file.number) != 0 && errno != EINVAL)) refuse(path);
    }
}

} // namespace heat::tools
