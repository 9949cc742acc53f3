#include "tools/trainer.h"

#include "engine/checkpoint.h"
#include "engine/data/fitted_images.h"
#include "engine/io/file.h"
#include "engine/io/png.h"
#include "engine/machine.h"
#include "engine/profiler.h"
#include "kernels/error.h"
#include "tools/classifier_accuracy.h"
#include "tools/interrupt.h"
#include "tools/memory_estimate.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/remark.h"

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

/// The configuration, if it can be trained here at all: found out before the memory is asked for.
const Configuration& affordable(const Configuration& configuration, Device device, int64_t batch) {
    expect_memory_to_train(configuration, device, batch);
    if (configuration.train.sample_every > 0)
        expect_memory_to_sample(configuration, configuration.train.sample_count,
                                configuration.train.sample_count);
    return configuration;
}

std::optional<processes::LevelImportance> importance_of(const TrainConfig& train,
                                                        const processes::Process& process) {
    if (train.timestep_sampling == "uniform") return std::nullopt;
    process.expect_uniform_levels();
    return processes::LevelImportance(process.steps());
}

} // namespace

Trainer::Trainer(const Configuration& configuration, Device device, const GraphOptions& graphs)
    : configuration_(configuration), device_(device), images_(load_images(configuration.data)),
      order_(uint64_t(configuration.train.seed), uint32_t(images_->count()),
             uint32_t(configuration.train.batch)),
      process_(make_process(configuration, device)),
      model_(affordable(configuration, device, order_.batch_size()), device),
      optimizer_(model_.store, configuration.train.optimizer),
      random_(uint64_t(configuration.train.seed), device), graphs_(graphs),
      importance_(importance_of(configuration.train, *process_)),
      step_({.process = *process_,
             .network = model_.network,
             .store = model_.store,
             .dtype = model_.dtype,
             .optimizer = optimizer_,
             .random = random_,
             .accumulation = configuration.train.optimizer.accumulation,
             .batch = [this](int64_t index) { return batch(index); },
             .importance = importance_ ? &*importance_ : nullptr,
             .label_dropout = configuration.train.label_dropout},
            graphs) {
    check_network();
    if (!is_classifier()) process_->check(sampling_plan().request);
    loader_ =
        std::make_unique<BatchLoader>(*images_, batch_order(order_), batch_options(), decoding_threads());
}

void Trainer::check_network() const {
    const nets::UNetConfig& network = configuration_.network;
    const int multiple = network.size_multiple();
    const DataConfig& data = configuration_.data;
    if (data.height % multiple || data.width % multiple)
        throw Error(fmt::format(
            "network.channels has {} levels: they need height and width in multiples of {}, got {}×{}",
            network.channels.size(), multiple, data.height, data.width));
    const bool learned = processes::learns_variance(configuration_.process);
    const int outputs = network.in_channels * (learned ? 2 : 1);
    if (network.out_channels != outputs)
        throw Error(fmt::format("only networks whose output is of {} channels are trained, those of the "
                                "images{}; this one has {} channels",
                                outputs, learned ? " and as many for process.variance = learned" : "",
                                network.out_channels));
    if (network.classes > 0) expect_labels(images_->info().labels, network.classes, data.path);
    if (!is_classifier()) return;
    if (configuration_.train.sample_every > 0)
        throw Error("network.kind is classifier, which draws no samples: set train.sample_every to 0");
    if (importance_)
        throw Error("network.kind is classifier, whose levels are drawn uniformly: set "
                    "train.timestep_sampling to uniform");
}

SamplingPlan Trainer::sampling_plan() const {
    SamplingPlan plan;
    plan.count = plan.batch = configuration_.train.sample_count;
    plan.request = request_of(configuration_.sample);
    plan.request.seed = uint64_t(configuration_.train.seed);
    plan.request.graphs = graphs_;
    return plan;
}

int64_t Trainer::images_per_step() const {
    return int64_t(order_.batch_size()) * configuration_.train.optimizer.accumulation;
}

BatchOptions Trainer::batch_options() const {
    return {process_->data_low(), process_->data_high(), configuration_.data.flip,
            uint64_t(configuration_.train.seed), 0};
}

LabelledBatch Trainer::batch(int64_t index) {
    const ProfileScope scope("batch wait");
    LabelledBatch batch = loader_->labelled_batch(uint64_t(index), device_);
    if (is_classifier()) {
        latest_images_ = batch.images;
        latest_labels_ = batch.labels;
    }
    return batch;
}

/// By several draws of noise on the images of the last update: the same for a run that was resumed.
std::vector<double> Trainer::accuracy_of_latest() {
    constexpr int draws = 8, quarters = 4;
    LevelAccuracy accuracy(std::min(quarters, process_->steps()));
    for (int i = 1; i <= draws; ++i)
        accuracy.add(model_.network, model_.dtype, *process_, latest_images_, latest_labels_, random_,
                     uint32_t(i) << 20);
    return accuracy.shares();
}

std::optional<RunState> Trainer::load_checkpoint(const RunFolder& folder, DamagedOnes damaged_ones) {
    std::map<std::string, Tensor> level_losses;
    const auto state = resume_checkpoint(folder, model_.store, optimizer_, damaged_ones,
                                         importance_ ? &level_losses : nullptr);
    if (state && importance_) {
        importance_->set_state(level_losses);
        importance_->apply_to(*process_);
    }
    return state;
}

void Trainer::resume(const RunFolder& folder) {
    if (const auto state = load_checkpoint(folder, DamagedOnes::set_aside)) {
        step_.losses().begin(state->step, state->losses.sum, state->losses.count);
        saved_ = state->step;
        note(fmt::format("resuming at step {}", state->step));
    }
    Configuration resolved = configuration_;
    resolved.train.dtype = name_of(model_.dtype); // another machine must not sample in another type
    write_file_atomically(folder.config(), to_toml(resolved));
    RunLog(folder).truncate(optimizer_.steps());
}

void Trainer::make_prior() {
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
    for (uint64_t index = 0; index * chunk < count; ++index) {
        if (InterruptGuard::requested()) throw Interrupted();
        process_->prepare_prior(loader.batch(index, device_));
    }
}

void Trainer::prepare_prior(const RunFolder& folder) {
    if (!process_->needs_prior() || is_classifier()) return; // it is of sampling
    if (optimizer_.steps() > 0) { // before the first checkpoint the file may be of other data
        try {
            process_->set_prior(load_tensors(folder.prior()));
            return;
        } catch (const Error& error) {
            remark(fmt::format("warning: {}; it is made again from the training images", error.what()));
        }
    }
    make_prior();
    save_tensors(folder.prior(), process_->prior());
}

void Trainer::fail(const RunFolder& folder, int64_t step, const std::string& what,
                   const std::string& advice) const {
    throw Error(fmt::format("step {}: {}; the last good checkpoint is {}. {}", step, what,
                            saved_ ? folder.checkpoint_folder(*saved_).string() : "none", advice));
}

void Trainer::expect_finite(const RunFolder& folder, int64_t step, const char* name, double value) const {
    if (std::isfinite(value)) return;
    fail(folder, step, fmt::format("the {} is {}", name, std::isnan(value) ? "not a number" : "infinite"),
         "Try a smaller train.learning_rate or train.dtype=f32");
}

/// The losses since the last line of the log; throws for the first update that went astray. Waits for the
/// device.
LossMean Trainer::checked_losses(const RunFolder& folder) {
    const kernels::LossTotals totals = step_.losses().read();
    if (totals.bad_norm_step && (!totals.bad_loss_step || totals.bad_norm_step < totals.bad_loss_step))
        expect_finite(folder, totals.bad_norm_step, "gradient norm", totals.bad_norm);
    if (totals.bad_loss_step) expect_finite(folder, totals.bad_loss_step, "loss", totals.bad_loss);
    return {totals.sum, totals.count};
}

/// Says so when the loader was what training waited for.
void Trainer::report_waiting() const {
    const double waited = loader_->seconds_waited(), batches = double(loader_->batches_given());
    constexpr double worth_a_word = 1e-3; // seconds for each batch
    if (batches == 0 || waited / batches < worth_a_word) return;
    note(fmt::format("waited {:.1f} ms for each batch of images{}", 1e3 * waited / batches,
                     images_->in_memory()
                         ? ""
                         : "; a data.memory_limit that holds them all, or smaller files, would spare that"));
}

void Trainer::save(const RunFolder& folder) {
    if (saved_ == optimizer_.steps()) return;
    const LossMean losses = checked_losses(folder);
    expect_finite(folder, optimizer_.steps(), "gradient norm", optimizer_.gradient_norm());
    const ProfileScope scope("checkpoint");
    RunState state;
    state.step = optimizer_.steps();
    state.seed = configuration_.train.seed;
    state.images = state.step * images_per_step();
    state.losses = losses;
    try {
        RunLog(folder).sync(); // the lines before the checkpoint are not written again
        save_checkpoint(folder, model_.store, optimizer_, state,
                        importance_ ? importance_->state() : std::map<std::string, Tensor>());
    } catch (const Error& error) {
        fail(folder, optimizer_.steps(), error.what(),
             "Once that is mended, the same command goes on from there");
    }
    saved_ = state.step;
    folder.thin(configuration_.train.keep, configuration_.train.keep_every);
}

fs::path Trainer::grid_path(const RunFolder& folder) const {
    return folder.samples() / fmt::format("step-{:07}.png", optimizer_.steps());
}

void Trainer::draw_samples(const RunFolder& folder) {
    const ProfileScope scope("draw samples");
    Model averaged(configuration_, device_);
    averaged.store.values().copy_from(optimizer_.ema());
    averaged.store.values_changed();
    ModelDenoiser denoiser(averaged, every_class(configuration_.network));
    SampledImages images;
    try {
        images = sample_images(*process_, denoiser, sampling_plan(), {});
    } catch (const Interrupted&) {
        return; // the training loop sees the request too, and saves
    }
    std::error_code ignored; // writing says what is wrong
    fs::create_directories(folder.samples(), ignored);
    try {
        const Image8 grid = grid_of(images);
        write_png(grid_path(folder), grid);
        RunLog(folder).add_grid(optimizer_.steps(), grid);
    } catch (const Error& error) {
        fail(folder, optimizer_.steps(), error.what(),
             "Once that is mended, the same command goes on from there");
    }
}

void Trainer::log(const RunFolder& folder, Progress& progress, int64_t first_step,
                  const LogCallback& report) {
    LogRecord record;
    record.step = optimizer_.steps();
    record.loss = checked_losses(folder).value();
    record.learning_rate = optimizer_.learning_rate_at(record.step);
    record.gradient_norm = optimizer_.gradient_norm();
    if (is_classifier()) record.accuracy = accuracy_of_latest();
    record.images_per_second = double((record.step - first_step) * images_per_step()) / progress.seconds();
    expect_finite(folder, record.step, "gradient norm", record.gradient_norm);
    try {
        RunLog(folder).add(record);
    } catch (const Error& error) {
        fail(folder, optimizer_.steps(), error.what(),
             "Once that is mended, the same command goes on from there");
    }
    if (report) report(record);
    progress.show(record.step,
                  fmt::format("loss {:.4f}  {:.0f} images/s", record.loss, record.images_per_second));
    step_.losses().begin_mean();
}

bool Trainer::run(RunFolder& folder, const LogCallback& report) {
    const TrainConfig& train = configuration_.train;
    resume(folder);
    prepare_prior(folder);
    folder.begin();
    const int64_t first = optimizer_.steps();
    const auto grid_due = [&] {
        return train.sample_every > 0 && optimizer_.steps() % train.sample_every == 0;
    };
    // The checkpoint comes before the grid; whoever was stopped between the two owes the grid.
    if (first > 0 && grid_due() && !fs::exists(grid_path(folder))) draw_samples(folder);
    Progress progress("step", first, train.steps);
    while (optimizer_.steps() < train.steps && !InterruptGuard::requested()) {
        step_.run();
        const int64_t step = optimizer_.steps();
        if (device_ == Device::cpu || grid_due()) (void)checked_losses(folder); // a card is asked seldom
        if (step % train.log_every == 0 || step == train.steps) log(folder, progress, first, report);
        if (step % train.checkpoint_every == 0) save(folder);
        if (grid_due() && !InterruptGuard::requested()) draw_samples(folder);
    }
    save(folder);
    progress.finish();
    report_waiting();
    return optimizer_.steps() >= train.steps;
}

} // namespace heat::tools
