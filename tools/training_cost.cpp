#include "tools/training_cost.h"

#include "bench/step_timer.h"
#include "engine/checkpoint.h"
#include "kernels/error.h"
#include "tools/trainer.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>

namespace heat::tools {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Ends sampling after the steps that were wanted.
struct EnoughSampled {};

/// Bytes of a file of tensors: their values, and a header of about so much a tensor.
int64_t file_bytes(int64_t values, int64_t tensors) {
    constexpr int64_t header_entry = 128;
    return values * int64_t(sizeof(float)) + tensors * header_entry;
}

} // namespace

TrainingCost Trainer::measure(const RunFolder& folder) {
    TrainingCost cost;
    load_checkpoint(folder, DamagedOnes::stay);
    cost.first_step = optimizer_.steps();
    cost.parameters = model_.store.parameter_count();
    cost.parameter_bytes = model_.store.flat_size() * int64_t(sizeof(float));
    cost.moment_bytes = 2 * cost.parameter_bytes;
    if (const auto* in_memory = dynamic_cast<const MemoryImages*>(images_.get()))
        cost.data_bytes = int64_t(in_memory->dataset().pixels.size());
    if (process_->needs_prior()) {
        make_prior();
        for (const auto& [name, tensor] : process_->prior())
            cost.prior_bytes += file_bytes(tensor.count(), 1);
    }
    // Weights, average, two moments.
    cost.checkpoint_bytes = 4 * file_bytes(cost.parameters, int64_t(model_.store.size()));

    if (importance_)
        for (const auto& [name, tensor] : importance_->state())
            cost.checkpoint_bytes += file_bytes(tensor.count(), 1);

    reset_peak_memory(device_);
    const auto step = [&] {
        step_.run();
        const float loss = step_.losses().read().last_loss; // waits for the device
        if (!std::isfinite(loss))
            throw Error(
                fmt::format("step {}: the loss is {}. Try a smaller train.learning_rate or train.dtype=f32",
                            optimizer_.steps(), loss));
    };
    // They make plans, fill the memory pool and, on a card, capture the graphs.
    const int first_steps = device_ == Device::cpu ? 1 : GraphedWork::eager_runs + 1;
    for (int i = 0; i < first_steps; ++i) step();
    constexpr double enough_seconds = 1.0;
    constexpr int most_steps = 20;
    const auto start = Clock::now();
    for (double elapsed = 0;
         cost.steps_timed == 0 || (elapsed < enough_seconds && cost.steps_timed < most_steps);) {
        step();
        ++cost.steps_timed;
        elapsed = seconds_since(start);
        cost.seconds_per_step = elapsed / cost.steps_timed;
    }
    cost.activation_bytes = memory_statistics(device_).peak - 3 * cost.parameter_bytes - cost.moment_bytes;

    if (configuration_.train.sample_every > 0) measure_sampling(cost);
    return cost;
}

void Trainer::measure_sampling(TrainingCost& cost) {
    Model averaged(configuration_, device_);
    averaged.store.values().copy_from(optimizer_.ema());
    averaged.store.values_changed();
    ModelDenoiser denoiser(averaged, every_class(configuration_.network));
    const SamplingPlan plan = sampling_plan();
    processes::SampleRequest request = plan.request;
    request.count = plan.count;
    reset_peak_memory(device_);
    // The first step makes plans; on a card eager steps and the capture come before what most steps take.
    const int first = device_ == Device::cpu ? 1 : GraphedWork::eager_runs + 1;
    bench::StepTimer timer(device_);
    int steps = 0;
    try {
        process_->sample(denoiser, request, [&](const processes::SampleStep& s) {
            timer.mark();
            steps = s.steps;
            if (s.step == first + 1) throw EnoughSampled();
        });
    } catch (const EnoughSampled&) {
    }
    cost.seconds_per_grid = timer.seconds().back() * steps;
    cost.sampling_bytes = memory_statistics(device_).peak;
    const Image8 grid = grid_of(
        {.count = int(plan.count),
         .height = process_->size().height,
         .width = process_->size().width,
         .channels = process_->size().channels,
         .pixels = std::vector<uint8_t>(size_t(plan.count) * size_t(process_->size().height) *
                                        size_t(process_->size().width) * size_t(process_->size().channels)),
         .values = {},
         .trajectory = {},
         .seconds = 0});
    cost.grid_bytes = int64_t(grid.pixels.size());
}

} // namespace heat::tools
