#include "tools/trainer.h"

#include "engine/checkpoint.h"
#include "engine/data/batch.h"
#include "engine/io/file.h"
#include "engine/io/png.h"
#include "engine/ops/loss.h"
#include "kernels/error.h"
#include "tools/interrupt.h"
#include "tools/progress.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <numeric>

namespace heat::tools {
namespace fs = std::filesystem;
namespace {

/// Version of the run folder's format; a newer one is refused rather than misread.
constexpr int run_version = 1;

Dataset load_checked(const DataConfig& data) {
    if (data.path.empty())
        throw Error("data.path is not set: name the training images, e.g. --set data.path=FOLDER");
    Dataset dataset = load_dataset(data.path, data.format);
    if (dataset.height != data.height || dataset.width != data.width || dataset.channels != data.channels)
        throw Error(fmt::format("{}: images are {}×{}×{}, but the configuration says {}×{}×{} (data.height, "
                                "data.width, data.channels)",
                                data.path, dataset.height, dataset.width, dataset.channels, data.height,
                                data.width, data.channels));
    return dataset;
}

void append_line(const fs::path& path, const std::string& line) {
    std::ofstream file(path, std::ios::app);
    file << line << '\n';
    file.flush();
    if (!file) throw Error(fmt::format("{}: cannot write the metrics: is the disk full?", path.string()));
}

} // namespace

Trainer::Trainer(const Configuration& configuration, Device device)
    : configuration_(configuration), device_(device), dataset_(load_checked(configuration.data)),
      order_(uint64_t(configuration.train.seed), uint32_t(dataset_.count),
             uint32_t(configuration.train.batch)),
      process_(make_process(configuration, device)), model_(configuration, device),
      optimizer_(model_.store, configuration.train.optimizer),
      random_(uint64_t(configuration.train.seed), device) {
    const int multiple = configuration.network.size_multiple();
    if (dataset_.height % multiple || dataset_.width % multiple)
        throw Error(fmt::format(
            "network.channels has {} levels: they need height and width in multiples of {}, got {}×{}",
            configuration.network.channels.size(), multiple, dataset_.height, dataset_.width));
    process_->check(sampling_plan().request);
}

SamplingPlan Trainer::sampling_plan() const {
    SamplingPlan plan;
    plan.count = plan.batch = configuration_.train.sample_count;
    plan.request.seed = uint64_t(configuration_.train.seed);
    plan.request.solver = configuration_.sample.solver;
    plan.request.steps = int(configuration_.sample.steps);
    return plan;
}

Tensor Trainer::batch(int64_t index) {
    const BatchOptions options{process_->data_low(), process_->data_high(), configuration_.data.flip,
                               uint64_t(configuration_.train.seed), uint32_t(index)};
    return gather_batch(dataset_, order_.indices(uint64_t(index)), options, device_);
}

float Trainer::train_step() {
    const int accumulation = configuration_.train.optimizer.accumulation;
    float loss = 0;
    for (int i = 0; i < accumulation; ++i) {
        const int64_t index = optimizer_.steps() * accumulation +
                              i; // the position in data and random numbers is this one integer
        random_.set_step(uint32_t(index));
        const processes::TrainingBatch b = process_->training_batch(batch(index), random_, 0);
        Tape tape;
        const Variable output = model_.network.forward(
            Variable(b.input), b.timesteps,
            {.dtype = model_.dtype, .dropout = &random_, .image_offset = 0, .labels = {}});
        const SquaredError error = squared_error(output, b.target, b.weight, b.scale);
        tape.backward(error.loss);
        loss += error.loss.value().to_host()[0] / float(accumulation);
    }
    optimizer_.step();
    return loss;
}

void Trainer::resume(const RunFolder& folder) {
    Configuration resolved = configuration_;
    resolved.train.dtype = name_of(model_.dtype); // another machine must not sample in another type
    write_file_atomically(folder.config(), to_toml(resolved));
    const std::vector<Checkpoint> found = folder.checkpoints();
    if (found.empty()) {
        folder.truncate_metrics(0);
        return;
    }
    const Checkpoint& newest = found.back();
    const std::vector<uint8_t> text = read_file(newest.folder / "state.json", 1 << 20);
    const auto state = nlohmann::json::parse(text, nullptr, false);
    if (!state.is_object() || !state.contains("step") || !state.contains("version"))
        throw Error(
            fmt::format("{}: state.json is damaged; delete this checkpoint to resume from the one before",
                        newest.folder.string()));
    if (state["version"].get<int>() > run_version)
        throw Error(
            fmt::format("{}: written by a newer version of this program (run format {}, this one reads {})",
                        newest.folder.string(), state["version"].get<int>(), run_version));
    load_parameters(newest.folder / "model.safetensors", model_.store, model_.store.values());
    load_parameters(newest.folder / "ema.safetensors", model_.store, optimizer_.ema());
    load_moments(newest.folder / "optimizer.safetensors", model_.store, optimizer_);
    optimizer_.set_steps(state["step"].get<int64_t>());
    folder.truncate_metrics(optimizer_.steps());
    fmt::print(stderr, "resuming at step {}\n", optimizer_.steps());
}

void Trainer::prepare_prior(const RunFolder& folder) {
    if (!process_->needs_prior()) return;
    if (optimizer_.steps() > 0) { // before the first checkpoint the file may be of other data
        process_->set_prior(load_tensors(folder.prior()));
        return;
    }
    std::vector<uint32_t> indices(static_cast<size_t>(dataset_.count));
    std::iota(indices.begin(), indices.end(), 0u);
    constexpr size_t chunk = 512;
    for (size_t first = 0; first < indices.size(); first += chunk) {
        const std::span<const uint32_t> part(indices.data() + first, std::min(chunk, indices.size() - first));
        process_->prepare_prior(gather_batch(
            dataset_, part, {.low = process_->data_low(), .high = process_->data_high()}, device_));
    }
    save_tensors(folder.prior(), process_->prior());
}

void Trainer::save(const RunFolder& folder) {
    const fs::path unfinished = folder.path() / "checkpoints" / fmt::format(".unfinished-{}", ::getpid());
    std::error_code error;
    fs::create_directories(unfinished, error);
    if (error)
        throw Error(fmt::format("{}: cannot make the folder: {}", unfinished.string(), error.message()));
    try {
        save_parameters(unfinished / "model.safetensors", model_.store, model_.store.values());
        save_parameters(unfinished / "ema.safetensors", model_.store, optimizer_.ema());
        save_moments(unfinished / "optimizer.safetensors", model_.store, optimizer_);
        const nlohmann::json state{
            {"version", run_version},
            {"step", optimizer_.steps()},
            {"seed", configuration_.train.seed},
            {"images", optimizer_.steps() * configuration_.train.optimizer.accumulation *
                           int64_t(order_.batch_size())}};
        write_file_atomically(unfinished / "state.json", state.dump(2) + "\n");
        publish_directory(unfinished, folder.checkpoint_folder(optimizer_.steps()));
    } catch (...) {
        fs::remove_all(unfinished, error); // a half-written checkpoint only takes the room that was missing
        throw;
    }
    folder.thin(configuration_.train.keep);
}

void Trainer::draw_samples(const RunFolder& folder) {
    Model averaged(configuration_, device_);
    averaged.store.values().copy_from(optimizer_.ema());
    averaged.store.values_changed();
    ModelDenoiser denoiser(averaged);
    SampledImages images;
    try {
        images = sample_images(*process_, denoiser, sampling_plan(), {});
    } catch (const Interrupted&) {
        return; // the training loop sees the request too, and saves
    }
    fs::create_directories(folder.samples());
    write_png(folder.samples() / fmt::format("step-{:07}.png", optimizer_.steps()), grid_of(images));
}

bool Trainer::run(const RunFolder& folder) {
    const TrainConfig& train = configuration_.train;
    resume(folder);
    prepare_prior(folder);
    const InterruptGuard guard;
    Progress progress("step", optimizer_.steps(), train.steps);
    const int64_t first = optimizer_.steps(),
                  images_per_step = int64_t(order_.batch_size()) * train.optimizer.accumulation;
    int64_t saved = first > 0 ? first : -1;
    double loss_sum = 0;
    int64_t loss_count = 0;
    while (optimizer_.steps() < train.steps && !InterruptGuard::requested()) {
        const float loss = train_step();
        const int64_t step = optimizer_.steps();
        if (!std::isfinite(loss))
            throw Error(fmt::format("step {}: the loss is {}; the last good checkpoint is {}. Try a smaller "
                                    "train.learning_rate or train.dtype=f32",
                                    step, loss,
                                    saved > 0 ? folder.checkpoint_folder(saved).string() : "none"));
        loss_sum += loss;
        ++loss_count;
        if (step % train.log_every == 0 || step == train.steps) {
            const double rate = double((step - first) * images_per_step) / progress.seconds();
            const double mean = loss_sum / double(loss_count);
            append_line(folder.metrics(), nlohmann::json{{"step", step},
                                                         {"loss", mean},
                                                         {"learning_rate", optimizer_.learning_rate_at(step)},
                                                         {"gradient_norm", optimizer_.gradient_norm()},
                                                         {"images_per_second", rate}}
                                              .dump());
            progress.show(step, fmt::format("loss {:.4f}  {:.0f} images/s", mean, rate));
            loss_sum = 0;
            loss_count = 0;
        }
        if (step % train.checkpoint_every == 0) {
            save(folder);
            saved = step;
        }
        if (train.sample_every > 0 && step % train.sample_every == 0 && !InterruptGuard::requested())
            draw_samples(folder);
    }
    if (saved != optimizer_.steps()) save(folder);
    progress.finish();
    return optimizer_.steps() >= train.steps;
}

} // namespace heat::tools
