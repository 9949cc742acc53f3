#include "tools/run_checkpoint.h"

#include "engine/checkpoint.h"
#include "engine/io/file.h"
#include "kernels/error.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace heat::tools {
namespace fs = std::filesystem;
namespace {

/// Version of the run folder's format; a newer one is refused rather than misread.
constexpr int run_version = 1;

} // namespace

void save_checkpoint(const RunFolder& folder, ParameterStore& store, Optimizer& optimizer,
                     const RunState& state) {
    const fs::path unfinished = folder.path() / "checkpoints" / fmt::format(".unfinished-{}", ::getpid());
    std::error_code error;
    fs::create_directories(unfinished, error);
    if (error)
        throw Error(fmt::format("{}: cannot make the folder: {}", unfinished.string(), error.message()));
    try {
        save_parameters(unfinished / "model.safetensors", store, store.values());
        save_parameters(unfinished / "ema.safetensors", store, optimizer.ema());
        save_moments(unfinished / "optimizer.safetensors", store, optimizer);
        const nlohmann::json json{{"version", run_version},       {"step", state.step},
                                  {"seed", state.seed},           {"images", state.images},
                                  {"loss_sum", state.losses.sum}, {"loss_count", state.losses.count}};
        write_file_atomically(unfinished / "state.json", json.dump(2) + "\n");
        publish_directory(unfinished, folder.checkpoint_folder(state.step));
    } catch (...) {
        fs::remove_all(unfinished, error); // a half-written checkpoint only takes the room that was missing
        throw;
    }
}

std::optional<RunState> resume_checkpoint(const RunFolder& folder, ParameterStore& store,
                                          Optimizer& optimizer) {
    const std::vector<Checkpoint> found = folder.checkpoints();
    if (found.empty()) return std::nullopt;
    const Checkpoint& newest = found.back();
    const std::vector<uint8_t> text = read_file(newest.folder / "state.json", 1 << 20);
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains("step") || !json.contains("version"))
        throw Error(
            fmt::format("{}: state.json is damaged; delete this checkpoint to resume from the one before",
                        newest.folder.string()));
    if (json["version"].get<int>() > run_version)
        throw Error(
            fmt::format("{}: written by a newer version of this program (run format {}, this one reads {})",
                        newest.folder.string(), json["version"].get<int>(), run_version));
    load_parameters(newest.folder / "model.safetensors", store, store.values());
    load_parameters(newest.folder / "ema.safetensors", store, optimizer.ema());
    load_moments(newest.folder / "optimizer.safetensors", store, optimizer);
    RunState state;
    state.step = json["step"].get<int64_t>();
    state.losses.sum = json.value("loss_sum", 0.0);
    state.losses.count = json.value("loss_count", int64_t(0));
    optimizer.set_steps(state.step);
    return state;
}

} // namespace heat::tools
