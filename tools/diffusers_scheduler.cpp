#include "tools/diffusers_scheduler.h"

#include "kernels/error.h"
#include "tools/diffusers_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace heat::tools {
namespace {

using nlohmann::json;

const std::string ddpm_class = "DDPMScheduler", ddim_class = "DDIMScheduler",
                  multistep_class = "DPMSolverMultistepScheduler";

/// Pairs of the package's name and ours.
using Names = std::vector<std::pair<std::string, std::string>>;
const Names schedules{
    {"linear", "linear"}, {"scaled_linear", "scaled_linear"}, {"squaredcos_cap_v2", "cosine"}};
const Names predictions{{"epsilon", "epsilon"}, {"sample", "x0"}, {"v_prediction", "v"}};
const Names variances{{"fixed_small", "small"}, {"fixed_small_log", "small"}, {"fixed_large", "large"}};
const Names spacings{{"leading", ""}, {"trailing", "trailing"}, {"linspace", "linspace"}};

std::string ours(JsonSettings& settings, const std::string& key, const std::string& fallback,
                 const Names& names) {
    const std::string theirs = settings.text(key, fallback);
    std::vector<std::string> known;
    for (const auto& [name, our_name] : names) {
        if (name == theirs) return our_name;
        known.push_back(name);
    }
    settings.refuse(key, fmt::format("not supported, only {} are", fmt::join(known, ", ")));
}

std::string theirs(const std::string& our_name, const Names& names) {
    for (const auto& [name, other] : names)
        if (other == our_name) return name;
    throw Error(fmt::format("'{}': diffusers' schedulers have no counterpart", our_name));
}

/// Settings that change the noise or the estimate of the image and are the same in all schedulers.
void read_common(JsonSettings& settings, Configuration& configuration) {
    processes::ProcessConfig& process = configuration.process;
    process.kind = "ddpm";
    process.steps = int(settings.whole("num_train_timesteps", 1000, 1, 1'000'000));
    process.schedule = ours(settings, "beta_schedule", "linear", schedules);
    process.beta_start = settings.number("beta_start", 1e-4);
    process.beta_end = settings.number("beta_end", 0.02);
    if (!(process.beta_start > 0 && process.beta_start <= process.beta_end && process.beta_end < 1))
        throw Error(fmt::format("{}: beta_start = {}, beta_end = {}: expected 0 < beta_start <= beta_end < 1",
                                settings.name(), process.beta_start, process.beta_end));
    settings.only("trained_betas", nullptr);
    settings.only("rescale_betas_zero_snr", false);
    settings.only("thresholding", false);
    // Before there was prediction_type.
    const bool predicts_epsilon = settings.flag("predict_epsilon", true);
    process.prediction =
        ours(settings, "prediction_type", predicts_epsilon ? "epsilon" : "sample", predictions);
    settings.no_effect({"dynamic_thresholding_ratio", "sample_max_value", "tensor_format"});
}

void read_clipping(JsonSettings& settings, Configuration& configuration) {
    const bool clip = settings.flag("clip_sample", true);
    if (!clip) configuration.sample.clip = false;
    if (clip) settings.only("clip_sample_range", 1);
    settings.no_effect({"clip_sample_range"});
}

void read_spacing(JsonSettings& settings, Configuration& configuration) {
    configuration.sample.spacing = ours(settings, "timestep_spacing", "leading", spacings);
    if (configuration.sample.spacing.empty()) settings.only("steps_offset", 0);
    settings.no_effect({"steps_offset"}); // of leading steps
}

/// Calls of the network that the package's DDIM pipeline makes unless told otherwise.
int64_t fast_steps(const Configuration& configuration) {
    return std::min(50, configuration.process.steps.value_or(1000));
}

/// A scheduler made of another one's configuration keeps that one's settings and does not look at them.
void ignore_others(JsonSettings& settings) {
    settings.no_effect({"variance_type", "set_alpha_to_one", "clip_sample", "clip_sample_range"});
}

/// How DPM-Solver++ goes its way: there is no such solver yet, and the remark says so.
void ignore_multistep(JsonSettings& settings) {
    settings.no_effect({"solver_order", "algorithm_type", "solver_type", "lower_order_final",
                        "euler_at_final", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas",
                        "use_lu_lambdas", "flow_shift", "final_sigmas_type", "lambda_min_clipped",
                        "use_dynamic_shifting", "time_shift_type", "timestep_spacing", "steps_offset"});
    settings.only("use_flow_sigmas", false);
}

} // namespace

std::vector<std::string> read_diffusers_scheduler(JsonSettings& settings, const std::string& class_name,
                                                  Configuration& configuration) {
    std::vector<std::string> remarks;
    SampleConfig& sample = configuration.sample;
    read_common(settings, configuration);
    if (class_name == ddpm_class) {
        configuration.process.variance = ours(settings, "variance_type", "fixed_small", variances);
        read_clipping(settings, configuration);
        read_spacing(settings, configuration);
        sample.solver = "ancestral";
    } else if (class_name == ddim_class) {
        read_clipping(settings, configuration);
        read_spacing(settings, configuration);
        settings.only("set_alpha_to_one", true);
        sample.solver = "ddim";
        sample.steps = fast_steps(configuration);
        if (sample.spacing == "linspace")
            remarks.push_back(
                "DDIM with linspace spacing: each step here ends where the next begins; diffusers' "
                "goes ⌊T/N⌋ timesteps down");
    } else if (class_name == multistep_class) {
        sample.solver = "ddim";
        sample.steps = fast_steps(configuration);
        sample.clip = false;
        ignore_multistep(settings);
        remarks.push_back(
            fmt::format("{}: there is no such solver here yet; `engine sample` takes ddim in {} "
                        "steps instead",
                        class_name, sample.steps));
    } else {
        throw Error(fmt::format("{}: scheduler {} is not supported, only {}, {} and {} are", settings.name(),
                                class_name.empty() ? "(no _class_name)" : class_name, ddpm_class, ddim_class,
                                multistep_class));
    }
    ignore_others(settings);
    settings.expect_all_known();
    return remarks;
}

json diffusers_scheduler(const Configuration& configuration) {
    const processes::ProcessConfig& process = configuration.process;
    if (process.kind != "ddpm")
        throw Error(
            fmt::format("diffusers' schedulers have no counterpart of process {}: --unet-only exports "
                        "the network alone",
                        process.kind));
    const bool ddim = configuration.sample.solver == "ddim";
    json scheduler{
        {"_class_name", ddim ? ddim_class : ddpm_class},
        {"_diffusers_version", diffusers_version},
        {"num_train_timesteps", process.steps.value_or(1000)},
        {"beta_schedule", theirs(process.schedule, schedules)},
        {"beta_start", process.beta_start},
        {"beta_end", process.beta_end},
        {"trained_betas", nullptr},
        {"prediction_type", theirs(process.prediction, predictions)},
        {"clip_sample", configuration.sample.clip.value_or(true)},
        {"clip_sample_range", 1.0},
        {"thresholding", false},
        {"timestep_spacing", configuration.sample.spacing.empty() ? "leading" : configuration.sample.spacing},
        {"steps_offset", 0},
        {"rescale_betas_zero_snr", false}};
    if (ddim)
        scheduler["set_alpha_to_one"] = true;
    else
        scheduler["variance_type"] = theirs(process.variance, variances);
    return scheduler;
}

} // namespace heat::tools
