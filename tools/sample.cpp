#include "engine/io/apng.h"
#include "engine/io/npz.h"
#include "engine/io/png.h"
#include "engine/io/png16.h"
#include "engine/profiler.h"
#include "kernels/error.h"
#include "tools/commands.h"
#include "tools/graph_option.h"
#include "tools/guidance_options.h"
#include "tools/image_options.h"
#include "tools/image_planes.h"
#include "tools/interrupt.h"
#include "tools/math_flags.h"
#include "tools/memory_estimate.h"
#include "tools/model.h"
#include "tools/output.h"
#include "tools/profiling.h"
#include "tools/progress.h"
#include "tools/run_options.h"
#include "tools/sampling.h"
#include "tools/score_options.h"
#include "tools/solver_flags.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace heat::tools {
namespace fs = std::filesystem;
namespace {

constexpr int64_t default_count = 64;

struct SampleOptions {
    std::string run, out, init_noise, solver, weights = "ema", device = "auto", variance, spacing, dtype;
    int64_t batch = 64, index = 0, steps = -1;
    uint64_t seed = 0;
    std::optional<double> eta;
    std::optional<int64_t> count_given, checkpoint;
    bool trajectory = false, no_clip = false, no_singles = false, values = false, png16 = false, json = false;
    processes::ScoreOptions score;
    ProfileOption profile;
    GraphOption graphs;
    SolverFlags solver_flags;
    GuidanceOptions guidance;
    ImageOptions images;
};

/// Image i in 16 bits.
Image16 image16_of(const SampledImages& images, int i, float low, float high) {
    const auto each = size_t(images.height) * size_t(images.width) * size_t(images.channels);
    Image16 image{images.height, images.width, images.channels, {}};
    for (size_t e = size_t(i) * each; e < size_t(i + 1) * each; ++e) {
        const double share = (double(images.values[e]) - low) / (double(high) - low);
        image.pixels.push_back(uint16_t(std::lround(65535 * std::clamp(share, 0.0, 1.0))));
    }
    return image;
}

void write_all(const SampledImages& images, const SampleOptions& options, const SamplingPlan& plan,
               const processes::Process& process, const processes::ClassLabels& labels) {
    const fs::path out = options.out;
    const int64_t first_index = plan.request.image_offset;
    write_png(out / "grid.png", grid_of(images, plan.columns));
    const size_t each = images.pixels.size() / size_t(images.count);
    for (int i = 0; !options.no_singles && i < images.count; ++i) {
        if (options.png16) {
            write_png16(out / fmt::format("{:05}.png", first_index + i),
                        image16_of(images, i, process.data_low(), process.data_high()));
            continue;
        }
        const auto begin = images.pixels.begin() + std::ptrdiff_t(size_t(i) * each);
        write_png(out / fmt::format("{:05}.png", first_index + i),
                  {images.height, images.width, images.channels, {begin, begin + std::ptrdiff_t(each)}});
    }
    std::vector<NpzEntry> entries{
        {"arr_0",
         NpyView({images.count, images.height, images.width, images.channels}, NpyDtype::u8, images.pixels)}};
    std::vector<int64_t> classes; // little-endian, as the hosts are
    for (int64_t i = 0; !labels.empty() && i < images.count; ++i)
        classes.push_back(labels.of(uint64_t(first_index + i)));
    if (!classes.empty())
        entries.push_back({"arr_1", NpyView({images.count}, NpyDtype::i64,
                                            {reinterpret_cast<const uint8_t*>(classes.data()),
                                             classes.size() * sizeof(int64_t)})});
    write_npz(out / "samples.npz", entries);
    if (options.values) {
        const Shape shape{images.count, images.height, images.width, images.channels};
        write_image_planes(out / "samples.npy", Tensor::from_host(shape, images.values, Device::cpu));
    }
    if (!images.trajectory.empty()) {
        std::vector<int> delays(images.trajectory.size(), 80);
        delays.back() = 2000; // the finished images stay a while before the loop
        write_apng(out / "trajectory.png", images.trajectory, delays);
    }
}

/// The noise of --init-noise for a process's images. Throws Error where it does not fit it, or the count.
Tensor read_start(const SampleOptions& options, const processes::Process& process) {
    const processes::ImageSize size = process.size();
    const Tensor start =
        images_of_array(read_npy(options.init_noise), options.init_noise, size.channels, process.device());
    const Shape& s = start.shape();
    if (s[1] != size.height || s[2] != size.width)
        throw Error(fmt::format("{}: expected noise of {}×{}, the size of the run's images, got {}×{}",
                                options.init_noise, size.height, size.width, s[1], s[2]));
    if (options.count_given && *options.count_given != s[0])
        throw Error(fmt::format("{}: it starts {} images, --count asks for {}: leave --count out",
                                options.init_noise, s[0], *options.count_given));
    const std::vector<float> values = start.to_host();
    if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }))
        throw Error(fmt::format("{}: it holds numbers that are not finite", options.init_noise));
    return start;
}

SamplingPlan plan_of(const SampleOptions& options, const Configuration& configuration) {
    SamplingPlan plan;
    plan.count = options.count_given.value_or(default_count);
    plan.keep_values = options.values || options.png16;
    plan.batch = options.batch;
    plan.trajectory_frames = options.trajectory ? 40 : 0;
    plan.request = request_of(configuration.sample);
    processes::SampleRequest& r = plan.request;
    r.image_offset = uint32_t(options.index);
    r.seed = options.seed;
    // The configuration's steps and options go with the configuration's solver.
    const bool own_solver = !options.solver.empty() && options.solver != configuration.sample.solver;
    if (own_solver) {
        r.solver = options.solver;
        r.steps = 0;
        r.options = {};
    }
    options.solver_flags.apply(r.options);
    // What guidance puts beyond the data range must not come back with the other sign in ddim's noise.
    if (options.guidance.overshoots() && r.solver == "ddim") r.options.clipped_noise = true;
    if (options.steps >= 0) r.steps = int(options.steps);
    r.eta = options.eta;
    r.variance = options.variance;
    if (!options.spacing.empty()) r.spacing = options.spacing;
    if (options.no_clip) r.clip = false;
    r.score = options.score;
    return plan;
}

void sample(const SampleOptions& options) {
    const Device device = device_from_name(options.device);
    const TrainedRun run = load_run(options.run, device, options.weights, options.checkpoint, options.dtype);
    expect_generator(run, options.run);
    SamplingPlan plan = plan_of(options, run.configuration);
    if (!options.init_noise.empty()) {
        plan.request.start = read_start(options, *run.process);
        plan.count = plan.request.start.shape()[0];
    }
    options.images.apply(*run.process, options.count_given, plan);
    if (!options.solver_flags.step_noise.empty())
        plan.request.step_noise = read_step_noise(options.solver_flags.step_noise, *run.process, plan.count);
    plan.request.graphs = options.graphs.resolve(device, options.profile.wanted());
    GuidedNetwork network(run, options.guidance, plan.request, device);
    options.images.expect_one_class(network.labels().size());
    CountedDenoiser counted(network.denoiser());
    const bool counts = plan.request.solver == "ode"; // what other solvers need is known beforehand
    processes::Denoiser& denoiser = counts ? static_cast<processes::Denoiser&>(counted) : network.denoiser();
    expect_memory_to_sample(run.configuration, plan.count, plan.batch * network.images_per_image());
    std::error_code error; // found out before the work, not after it
    const bool made = fs::create_directories(options.out, error);
    if (error) throw Error(fmt::format("{}: cannot make the folder: {}", options.out, error.message()));
    ProfileRecording recording(options.profile, device);
    const InterruptGuard guard;
    Progress progress("sampling", 0, 100);
    int64_t shown = -1;
    SampledImages images;
    try {
        images = sample_images(*run.process, denoiser, plan, [&](int64_t done, int64_t all) {
            const int64_t percent = done * 100 / std::max<int64_t>(all, 1);
            if (percent / 10 != shown / 10 || percent == 100) progress.show(percent, "percent");
            shown = percent;
        });
    } catch (...) {
        if (made) fs::remove(options.out, error); // an empty folder is no result
        throw;
    }
    progress.finish();
    {
        const ProfileScope scope("write images");
        write_all(images, options, plan, *run.process, network.labels());
    }
    recording.finish(options.out);
    const fs::path grid = fs::path(options.out) / "grid.png";
    const double calls = double(counted.images()) / images.count;
    if (options.json) {
        nlohmann::json result{{"grid", grid.string()},
                              {"count", images.count},
                              {"checkpoint_step", run.checkpoint.step},
                              {"peak_memory_bytes", memory_statistics(device).peak},
                              {"seconds", images.seconds},
                              {"seconds_per_image", images.seconds / images.count}};
        if (counts) result["network_calls_per_image"] = calls;
        fmt::print("{}\n", result.dump());
    } else {
        fmt::print("{} images from step {} in {:.1f} s ({:.3f} s each{}): {}\n", images.count,
                   run.checkpoint.step, images.seconds, images.seconds / images.count,
                   counts ? fmt::format(", {:.1f} network calls each", calls) : "", grid.string());
    }
}

/// "{ancestral,ddim,ihdm,…}": the solvers of all processes, which small ones know as well.
std::string solver_choices() {
    std::vector<std::string> names;
    for (const std::string& kind : processes::process_kinds()) {
        const auto process = processes::make_process({.kind = kind, .steps = 8}, {8, 8, 1}, Device::cpu);
        for (const std::string& name : process->solvers())
            if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    return fmt::format("{{{}}}", fmt::join(names, ","));
}

} // namespace

void add_sample_command(CLI::App& app) {
    auto o = std::make_shared<SampleOptions>();
    CLI::App* command = app.add_subcommand("sample", "Generate images from a run folder");
    command->add_option("run", o->run, "Run folder")->type_name("FOLDER")->required();
    command->add_option("-n,--count", o->count_given, "How many images")
        ->default_str(fmt::format("{}", default_count))
        ->check(CLI::Range(int64_t(1), int64_t(1) << 24));
    command->add_option("--seed", o->seed, "Image k is the same for a seed, whatever the batch")
        ->capture_default_str()
        ->check(CLI::NonNegativeNumber);
    command->add_option("--index", o->index, "Index of the first image")
        ->capture_default_str()
        ->check(CLI::Range(int64_t(0), int64_t(1) << 31));
    command
        ->add_option("--init-noise", o->init_noise,
                     "NumPy array (.npy), N×C×H×W: the noise to start from, of ddpm and sub-vp")
        ->type_name("FILE");
    o->images.add_to(*command);
    o->guidance.add_to(*command);
    command->add_option("--out", o->out, "Folder for grid.png, single images, samples.npz")
        ->type_name("FOLDER")
        ->required();
    command->add_option("--solver", o->solver, "The process's solvers: see `engine process`")
        ->type_name(solver_choices());
    command->add_option("--steps", o->steps, "Calls of the network; 0: every level")
        ->check(CLI::Range(0, 1000000));
    command->add_option("--eta", o->eta, "Noise of ddim, 0 to 1");
    command->add_option("--variance", o->variance, "Of ancestral")->type_name("{small,large,learned}");
    command->add_option("--spacing", o->spacing, "Of the levels")
        ->type_name("{leading,trailing,linspace,karras,log-snr}");
    o->solver_flags.add_to(*command);
    add_score_options(*command, o->score);
    command->add_flag("--no-clip", o->no_clip, "Do not limit the estimate of the image to the data range");
    command->add_flag("--trajectory", o->trajectory,
                      "Also write trajectory.png, an animation (APNG) of the images forming");
    command->add_flag("--npy", o->values,
                      "Also write samples.npy, the images before rounding: N×C×H×W f32 in the data range");
    command->add_flag("--png16", o->png16, "Single images of 16 bits a channel in place of 8");
    command->add_flag("--no-singles", o->no_singles, "Write no single images");
    command->add_option("--batch", o->batch, "Images at a time")
        ->capture_default_str()
        ->check(CLI::Range(int64_t(1), int64_t(1) << 20));
    add_weights_option(*command, o->weights);
    command->add_option("--checkpoint", o->checkpoint, "Step of the checkpoint; the newest by default");
    add_dtype_option(*command, o->dtype);
    add_device_option(*command, o->device);
    add_math_flags(*command);
    command->add_flag("--json", o->json, "Print the result as JSON");
    o->graphs.add_to(*command);
    o->profile.add_to(*command, "the --out folder");
    add_quiet_flag(*command);
    command->footer(
        "Examples:\n"
        "  engine sample runs/garments -n 64 --seed 0 --out pictures\n"
        "  engine sample runs/garments --solver dpm-solver++ --order 2 --steps 20 --out fast\n"
        "  engine sample runs/garments -n 16 --solver ancestral --steps 1000 --out slow --trajectory\n"
        "  engine sample runs/classes --label all --guidance 3 --out guided\n"
        "  engine sample runs/garments --init-noise noise.npy --solver ddim --steps 50 --npy --out mine\n"
        "  engine sample runs/garments --init-image shirt.png --strength 0.5 -n 8 --out like-it\n"
        "  engine sample runs/garments --inpaint shirt.png --mask sleeve.png -n 8 --out sleeves\n"
        "  engine sample runs/garments --interpolate 1,2 -n 9 --out between");
    command->callback([o] { sample(*o); });
}

} // namespace heat::tools
