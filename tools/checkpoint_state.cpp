#include "tools/checkpoint_state.h"

#include "engine/io/crc32.h"
#include "engine/io/file.h"
#include "engine/io/safetensors.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstring>

namespace heat::tools {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;

/// Version of the run folder's format; a newer one is refused rather than misread. 1 had no checksums. The
/// rule of "checksum" is the same in every version from 2, so that a newer state can be told from a damaged
/// one.
constexpr int64_t run_version = 2;
constexpr uint64_t largest_state = 1 << 20;

/// Of a state: CRC-32 of its compact form, keys in order, without the checksum itself.
std::string checksum_of(json state) {
    state.erase("checksum");
    const std::string text = state.dump();
    return fmt::format("{:08x}", crc32({reinterpret_cast<const uint8_t*>(text.data()), text.size()}));
}

/// The first tensor with a value that is not finite, or nullptr.
const SafetensorsEntry* not_finite(const SafetensorsFile& file) {
    constexpr uint32_t exponent = 0x7F800000;
    for (const SafetensorsEntry& entry : file.entries()) {
        if (entry.dtype != "F32") continue;
        for (size_t at = 0; at < entry.bytes.size(); at += sizeof exponent) {
            uint32_t word = 0;
            std::memcpy(&word, entry.bytes.data() + at, sizeof word);
            if ((word & exponent) == exponent) return &entry;
        }
    }
    return nullptr;
}

std::string not_finite_text(const SafetensorsEntry& entry, const std::string& file) {
    return fmt::format("{} of {} holds numbers that are not finite", entry.name, file);
}

/// Reads one checkpoint; what it finds wrong is told with the folder's name.
class Verifier {
public:
    explicit Verifier(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

    RunState state() {
        state_ = parse();
        version_ = whole("version", 1);
        if (version_ > 1 || state_.contains("checksum")) {
            const auto sum = state_.find("checksum");
            if (sum == state_.end() || *sum != checksum_of(state_))
                damaged("state.json is not what was written: its checksum does not fit");
        }
        if (version_ > run_version)
            throw Error(fmt::format("{}: written by a newer version of this program (run format {}, this one "
                                    "reads up to {}): use that one",
                                    checkpoint_.folder.string(), version_, run_version));
        RunState state;
        state.step = whole("step", 0);
        if (state.step != checkpoint_.step)
            damaged(
                fmt::format("state.json is of step {}, the folder of step {}", state.step, checkpoint_.step));
        if (version_ == 1) return state;
        state.seed = whole("seed", 0);
        state.images = whole("images", 0);
        state.losses.count = whole("loss_count", 0);
        const auto sum = state_.find("loss_sum");
        if (sum == state_.end() || !sum->is_number()) damaged("state.json has no number loss_sum");
        state.losses.sum = sum->get<double>();
        return state;
    }

    void file(const std::string& name) const {
        const fs::path path = checkpoint_.folder / name;
        expect_exists(name);
        if (version_ > 1) {
            const json* record = nullptr;
            if (const auto files = state_.find("files"); files != state_.end() && files->is_object())
                if (const auto found = files->find(name); found != files->end()) record = &*found;
            if (!record || !record->is_object() || !record->contains("bytes") || !record->contains("crc32"))
                damaged("state.json does not say what " + name + " is");
            const FileSum got = sum_file(path);
            if ((*record)["bytes"] != got.bytes)
                damaged(
                    fmt::format("{} has {} bytes, expected {}", name, got.bytes, (*record)["bytes"].dump()));
            if ((*record)["crc32"] != fmt::format("{:08x}", got.crc32))
                damaged(name + " was altered: its CRC-32 does not fit");
        }
        try {
            const SafetensorsFile tensors(path);
            if (const SafetensorsEntry* entry = not_finite(tensors)) damaged(not_finite_text(*entry, name));
        } catch (const DamagedCheckpoint&) {
            throw;
        } catch (const Error& error) {
            if (version_ > 1) throw; // it is what was written
            damaged(error.what());
        }
    }

private:
    [[noreturn]] void damaged(const std::string& what) const {
        throw DamagedCheckpoint(fmt::format("{} is damaged: {}", checkpoint_.folder.string(), what));
    }

    void expect_exists(const std::string& name) const {
        std::error_code error;
        const fs::file_status status = fs::status(checkpoint_.folder / name, error);
        if (status.type() == fs::file_type::not_found) damaged("it has no " + name);
        if (fs::exists(status) && !fs::is_regular_file(status)) damaged(name + " is no file");
    }

    json parse() const {
        std::error_code error;
        const fs::path path = checkpoint_.folder / "state.json";
        if (!fs::is_directory(checkpoint_.folder, error)) damaged("it is no folder");
        expect_exists("state.json");
        const uintmax_t bytes = fs::file_size(path, error);
        if (!error && bytes > largest_state) damaged(fmt::format("state.json has {} bytes", bytes));
        const std::vector<uint8_t> text = read_file(path, largest_state);
        // Deeper values are dropped, for their text could not be written back for the checksum.
        const auto shallow = [](int depth, json::parse_event_t, json&) { return depth < 8; };
        json state = json::parse(text, shallow, false);
        if (!state.is_object()) damaged("state.json is no JSON object");
        return state;
    }

    int64_t whole(const char* key, int64_t least) const {
        const auto found = state_.find(key);
        if (found == state_.end()) damaged(fmt::format("state.json has no {}", key));
        constexpr auto most = uint64_t(std::numeric_limits<int64_t>::max());
        const bool fits = found->is_number_unsigned() && found->get<uint64_t>() <= most;
        if (!fits || found->get<int64_t>() < least)
            damaged(fmt::format("state.json: {} must be a whole number from {}", key, least));
        return found->get<int64_t>();
    }

    const Checkpoint& checkpoint_;
    json state_;
    int64_t version_ = 0;
};

} // namespace

void write_state(const fs::path& folder, const RunState& state) {
    json files;
    std::vector<std::string> names(checkpoint_files.begin(), checkpoint_files.end());
    if (fs::exists(folder / level_losses_file)) names.push_back(level_losses_file);
    for (const std::string& name : names) {
        if (const SafetensorsFile tensors(folder / name); const SafetensorsEntry* entry = not_finite(tensors))
            throw Error(not_finite_text(*entry, name));
        const FileSum sum = sum_file(folder / name);
        files[name] = {{"bytes", sum.bytes}, {"crc32", fmt::format("{:08x}", sum.crc32)}};
    }
    json text{{"version", run_version}, {"step", state.step},           {"seed", state.seed},
              {"images", state.images}, {"loss_sum", state.losses.sum}, {"loss_count", state.losses.count},
              {"files", files}};
    text["checksum"] = checksum_of(text);
    write_file_atomically(folder / "state.json", text.dump(2) + "\n");
}

RunState verify_checkpoint(const Checkpoint& checkpoint, std::span<const std::string> files) {
    Verifier verifier(checkpoint);
    const RunState state = verifier.state();
    for (const std::string& name : files) verifier.file(name);
    return state;
}

} // namespace heat::tools
