#include "tools/run_checkpoint.h"

#include "engine/checkpoint.h"
#include "engine/io/file.h"
#include "tools/remark.h"

#include <fmt/format.h>
#include <unistd.h>

namespace heat::tools {
namespace fs = std::filesystem;
namespace {

struct Damage {
    Checkpoint checkpoint;
    std::string what;
};

[[noreturn]] void refuse_all(const RunFolder& folder, const std::vector<Damage>& damages) {
    throw Error(fmt::format("{}: none of its {} checkpoints can be used; {}; restore one, or move the folder "
                            "checkpoints elsewhere to begin anew",
                            folder.path().string(), damages.size(), damages.front().what));
}

/// Gives a damaged checkpoint a name that no run resumes from.
void set_aside(const Damage& damage) {
    const std::string name = "damaged-" + damage.checkpoint.folder.filename().string();
    fs::path aside = damage.checkpoint.folder.parent_path() / name;
    std::error_code error;
    for (int i = 2; fs::exists(fs::symlink_status(aside, error)); ++i)
        aside.replace_filename(fmt::format("{}.{}", name, i));
    fs::rename(damage.checkpoint.folder, aside, error);
    if (error) throw Error(fmt::format("{}, and cannot be set aside: {}", damage.what, error.message()));
    remark(fmt::format("warning: {}; set aside as {}", damage.what, aside.filename().string()));
}

} // namespace

void save_checkpoint(const RunFolder& folder, ParameterStore& store, Optimizer& optimizer,
                     const RunState& state, const std::map<std::string, Tensor>& level_losses) {
    const fs::path unfinished = folder.unfinished_folder();
    std::error_code error;
    fs::create_directories(unfinished, error);
    if (error) throw Error(fmt::format("cannot make folder {}: {}", unfinished.string(), error.message()));
    try {
        save_parameters(unfinished / checkpoint_files[0], store, store.values());
        save_parameters(unfinished / checkpoint_files[1], store, optimizer.ema());
        save_moments(unfinished / checkpoint_files[2], store, optimizer);
        if (!level_losses.empty()) save_tensors(unfinished / level_losses_file, level_losses);
        write_state(unfinished, state);
        publish_directory(unfinished, folder.checkpoint_folder(state.step));
    } catch (...) {
        fs::remove_all(unfinished, error); // a half-written checkpoint only takes the room that was missing
        throw;
    }
}

std::optional<RunState> resume_checkpoint(const RunFolder& folder, ParameterStore& store,
                                          Optimizer& optimizer, DamagedOnes damaged_ones,
                                          std::map<std::string, Tensor>* level_losses) {
    std::vector<std::string> files(checkpoint_files.begin(), checkpoint_files.end());
    if (level_losses) files.push_back(level_losses_file);
    std::vector<Checkpoint> newest_first = folder.checkpoints();
    std::reverse(newest_first.begin(), newest_first.end());
    std::vector<Damage> damages;
    for (const Checkpoint& checkpoint : newest_first) {
        RunState state;
        try {
            state = verify_checkpoint(checkpoint, files);
        } catch (const DamagedCheckpoint& error) {
            damages.push_back({checkpoint, error.what()});
            continue;
        }
        load_parameters(checkpoint.folder / checkpoint_files[0], store, store.values());
        load_parameters(checkpoint.folder / checkpoint_files[1], store, optimizer.ema());
        load_moments(checkpoint.folder / checkpoint_files[2], store, optimizer);
        if (level_losses) *level_losses = load_tensors(checkpoint.folder / level_losses_file);
        optimizer.set_steps(state.step);
        for (const Damage& damage : damages)
            if (damaged_ones == DamagedOnes::set_aside)
                set_aside(damage);
            else
                remark(fmt::format("warning: {}; training would set it aside", damage.what));
        return state;
    }
    // Setting all of them aside would let the next start begin anew, unasked.
    if (!damages.empty()) refuse_all(folder, damages);
    return std::nullopt;
}

Checkpoint sound_checkpoint(const RunFolder& folder, std::optional<int64_t> step, const std::string& file) {
    const std::span<const std::string> files(&file, 1);
    if (step) {
        Checkpoint checkpoint = folder.checkpoint(step);
        verify_checkpoint(checkpoint, files);
        return checkpoint;
    }
    for (int attempt = 1;; ++attempt) {
        folder.checkpoint(); // throws where there is none
        std::vector<Damage> damages;
        const std::vector<Checkpoint> all = folder.checkpoints();
        bool vanished = false; // a process that trains there has newer ones
        for (auto next = all.rbegin(); next != all.rend() && !vanished; ++next) {
            try {
                verify_checkpoint(*next, files);
            } catch (const Error& error) {
                std::error_code ignored;
                vanished = attempt < 10 && !fs::exists(next->folder, ignored);
                if (!vanished && !dynamic_cast<const DamagedCheckpoint*>(&error)) throw;
                damages.push_back({*next, error.what()});
                continue;
            }
            for (const Damage& damage : damages)
                remark(fmt::format("warning: {}; {} is used instead", damage.what,
                                   next->folder.filename().string()));
            return *next;
        }
        if (!vanished) refuse_all(folder, damages);
    }
}

} // namespace heat::tools
