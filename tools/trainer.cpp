#include "tools/trainer.h"

#include "engine/checkpoint.h"
#include "engine/data/fitted_images.h"
#include "engine/io/file.h"
#include "engine/io/png.h"
#include "engine/machine.h"
#include "kernels/error.h"
#include "tools/interrupt.h"
#include "tools/progress.h"
#include "tools/run_checkpoint.h"
#include "tools/training_step.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace heat::tools {
namespace fs = std::filesystem;
namespace {

std::unique_ptr<ImageSource> load_images(const DataConfig& data) {
    if (data.path.empty())
        throw Error("data.path is not set: name the training images, e.g. --set data.path=FOLDER");
    std::unique_ptr<ImageSource> images = open_images(data.path, data.format);
    const ImageFit fit{data.height, data.width, data.channels, data.resize == "crop"};
    Progress progress("reading images", 0, images->count());
    LoadOptions options;
    options.memory_limit = uint64_t(data.memory_limit) << 20;
    options.threads = cpu_threads();
    options.report = [&, shown = 0.](uint32_t done) mutable {
        if (progress.seconds() < shown + 2) return;
        shown = progress.seconds();
        progress.show(done, "");
    };
    return fit_images(std::move(images), fit, options);
}

/// Threads that decode images while others compute: half of them where there are several.
int decoding_threads() {
    return std::max(cpu_threads() / 2, 1);
}

} // namespace

Trainer::Trainer(const Configuration& configuration, Device device)
    : configuration_(configuration), device_(device), images_(load_images(configuration.data)),
      order_(uint64_t(configuration.train.seed), uint32_t(images_->count()),
             uint32_t(configuration.train.batch)),
      process_(make_process(configuration, device)), model_(configuration, device),
      optimizer_(model_.store, configuration.train.optimizer),
      random_(uint64_t(configuration.train.seed), device) {
    const int multiple = configuration.network.size_multiple();
    const DataConfig& data = configuration.data;
    if (data.height % multiple || data.width % multiple)
        throw Error(fmt::format(
            "network.channels has {} levels: they need height and width in multiples of {}, got {}×{}",
            configuration.network.channels.size(), multiple, data.height, data.width));
    process_->check(sampling_plan().request);
    loader_ =
        std::make_unique<BatchLoader>(*images_, batch_order(order_), batch_options(), decoding_threads());
}

SamplingPlan Trainer::sampling_plan() const {
    SamplingPlan plan;
    plan.count = plan.batch = configuration_.train.sample_count;
    plan.request.seed = uint64_t(configuration_.train.seed);
    plan.request.solver = configuration_.sample.solver;
    plan.request.steps = int(configuration_.sample.steps);
    return plan;
}

int64_t Trainer::images_per_step() const {
    return int64_t(order_.batch_size()) * configuration_.train.optimizer.accumulation;
}

BatchOptions Trainer::batch_options() const {
    return {process_->data_low(), process_->data_high(), configuration_.data.flip,
            uint64_t(configuration_.train.seed), 0};
}

Tensor Trainer::batch(int64_t index) {
    return loader_->batch(uint64_t(index), device_);
}

float Trainer::train_step() {
    return TrainingStep{*process_,
                        model_,
                        optimizer_,
                        random_,
                        configuration_.train.optimizer.accumulation,
                        [this](int64_t index) { return batch(index); }}
        .run();
}

void Trainer::resume(const RunFolder& folder) {
    Configuration resolved = configuration_;
    resolved.train.dtype = name_of(model_.dtype); // another machine must not sample in another type
    write_file_atomically(folder.config(), to_toml(resolved));
    if (const auto state = resume_checkpoint(folder, model_.store, optimizer_)) {
        losses_ = state->losses;
        fmt::print(stderr, "resuming at step {}\n", state->step);
    }
    RunLog(folder).truncate(optimizer_.steps());
}

void Trainer::prepare_prior(const RunFolder& folder) {
    if (!process_->needs_prior()) return;
    if (optimizer_.steps() > 0) { // before the first checkpoint the file may be of other data
        process_->set_prior(load_tensors(folder.prior()));
        return;
    }
    constexpr uint32_t chunk = 512;
    const auto count = uint32_t(images_->count());
    const auto in_order = [=](uint64_t index) {
        const uint64_t first = std::min<uint64_t>(index * chunk, count);
        std::vector<uint32_t> indices(std::min<uint64_t>(chunk, count - first));
        std::iota(indices.begin(), indices.end(), uint32_t(first));
        return indices;
    };
    BatchOptions options = batch_options();
    options.flip = false;
    BatchLoader loader(*images_, in_order, options, decoding_threads());
    for (uint64_t index = 0; index * chunk < count; ++index)
        process_->prepare_prior(loader.batch(index, device_));
    save_tensors(folder.prior(), process_->prior());
}

/// Says so when the loader was what training waited for.
void Trainer::report_waiting() const {
    const double waited = loader_->seconds_waited(), batches = double(loader_->batches_given());
    constexpr double worth_a_word = 1e-3; // seconds for each batch
    if (batches == 0 || waited / batches < worth_a_word) return;
    fmt::print(stderr, "waited {:.1f} ms for each batch of images{}\n", 1e3 * waited / batches,
               images_->in_memory()
                   ? ""
                   : "; a data.memory_limit that holds them all, or smaller files, would spare that");
}

void Trainer::save(const RunFolder& folder) {
    RunState state;
    state.step = optimizer_.steps();
    state.seed = configuration_.train.seed;
    state.images = state.step * images_per_step();
    state.losses = losses_;
    save_checkpoint(folder, model_.store, optimizer_, state);
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

void Trainer::log(const RunFolder& folder, Progress& progress, int64_t first_step) {
    LogRecord record;
    record.step = optimizer_.steps();
    record.loss = losses_.value();
    record.learning_rate = optimizer_.learning_rate_at(record.step);
    record.gradient_norm = optimizer_.gradient_norm();
    record.images_per_second = double((record.step - first_step) * images_per_step()) / progress.seconds();
    RunLog(folder).add(record);
    progress.show(record.step,
                  fmt::format("loss {:.4f}  {:.0f} images/s", record.loss, record.images_per_second));
    losses_ = {};
}

bool Trainer::run(const RunFolder& folder) {
    const TrainConfig& train = configuration_.train;
    resume(folder);
    prepare_prior(folder);
    const InterruptGuard guard;
    const int64_t first = optimizer_.steps();
    Progress progress("step", first, train.steps);
    int64_t saved = first > 0 ? first : -1;
    while (optimizer_.steps() < train.steps && !InterruptGuard::requested()) {
        const float loss = train_step();
        const int64_t step = optimizer_.steps();
        if (!std::isfinite(loss))
            throw Error(fmt::format("step {}: the loss is {}; the last good checkpoint is {}. Try a smaller "
                                    "train.learning_rate or train.dtype=f32",
                                    step, loss,
                                    saved > 0 ? folder.checkpoint_folder(saved).string() : "none"));
        losses_.add(loss);
        if (step % train.log_every == 0 || step == train.steps) log(folder, progress, first);
        if (step % train.checkpoint_every == 0) {
            save(folder);
            saved = step;
        }
        if (train.sample_every > 0 && step % train.sample_every == 0 && !InterruptGuard::requested())
            draw_samples(folder);
    }
    if (saved != optimizer_.steps()) save(folder);
    progress.finish();
    report_waiting();
    return optimizer_.steps() >= train.steps;
}

} // namespace heat::tools
