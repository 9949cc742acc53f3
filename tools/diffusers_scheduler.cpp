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
                  multistep_class = "DPMSolverMultistepScheduler",
                  singlestep_class = "DPMSolverSinglestepScheduler", unipc_class = "UniPCMultistepScheduler",
                  euler_class = "EulerDiscreteScheduler", heun_class = "HeunDiscreteScheduler";
const std::vector<std::string> classes{ddpm_class,  ddim_class,  multistep_class, singlestep_class,
                                       unipc_class, euler_class, heun_class};

/// Pairs of the package's name and ours.
using Names = std::vector<std::pair<std::string, std::string>>;
const Names schedules{{"linear", "linear"},
                      {"scaled_linear", "scaled_linear"},
                      {"squaredcos_cap_v2", "cosine"},
                      {"sigmoid", "sigmoid"},
                      {"laplace", "laplace"}};
const Names predictions{{"epsilon", "epsilon"}, {"sample", "x0"}, {"v_prediction", "v"}};
const Names variances{{"fixed_small", "small"},
                      {"fixed_small_log", "small"},
                      {"fixed_large", "large"},
                      {"learned_range", "learned"}};
const Names spacings{{"leading", ""}, {"trailing", "trailing"}, {"linspace", "linspace"}};
const Names fast_spacings{{"linspace", "linspace"}, {"leading", "leading"}, {"trailing", "trailing"}};
const Names algorithms{
    {"dpmsolver++", "dpm-solver++"}, {"dpmsolver", "dpm-solver"}, {"sde-dpmsolver++", "sde-dpm-solver++"}};
// The package takes each family's default for names of the other's.
const Names dpm_types{{"midpoint", "midpoint"},
                      {"heun", "heun"},
                      {"logrho", "midpoint"},
                      {"bh1", "midpoint"},
                      {"bh2", "midpoint"}};
const Names unipc_types{
    {"bh2", "bh2"}, {"bh1", "bh1"}, {"midpoint", "bh2"}, {"heun", "bh2"}, {"logrho", "bh2"}};
const Names final_sigmas{{"zero", "zero"}, {"sigma_min", "sigma_min"}};

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

void read_thresholding(JsonSettings& settings, SampleConfig& sample) {
    if (settings.flag("thresholding", false)) {
        sample.options.threshold = settings.number("dynamic_thresholding_ratio", 0.995);
        sample.options.threshold_limit = settings.number("sample_max_value", 1.0);
    }
    settings.no_effect({"dynamic_thresholding_ratio", "sample_max_value"});
}

/// Settings that change the noise or the estimate of the image and are the same in all schedulers.
void read_common(JsonSettings& settings, Configuration& configuration, double beta_start, double beta_end) {
    processes::ProcessConfig& process = configuration.process;
    process.kind = "ddpm";
    process.steps = int(settings.whole("num_train_timesteps", 1000, 1, 1'000'000));
    process.schedule = ours(settings, "beta_schedule", "linear", schedules);
    process.beta_start = settings.number("beta_start", beta_start);
    process.beta_end = settings.number("beta_end", beta_end);
    if (!(process.beta_start > 0 && process.beta_start <= process.beta_end && process.beta_end < 1))
        throw Error(fmt::format("{}: beta_start = {}, beta_end = {}: expected 0 < beta_start <= beta_end < 1",
                                settings.name(), process.beta_start, process.beta_end));
    settings.only("trained_betas", nullptr);
    process.zero_terminal_snr = settings.flag("rescale_betas_zero_snr", false);
    read_thresholding(settings, configuration.sample);
    // Before there was prediction_type.
    const bool predicts_epsilon = settings.flag("predict_epsilon", true);
    process.prediction =
        ours(settings, "prediction_type", predicts_epsilon ? "epsilon" : "sample", predictions);
    if (process.zero_terminal_snr && process.prediction == "epsilon")
        settings.refuse("rescale_betas_zero_snr",
                        "no ε gives an image at the last timestep, only prediction_type "
                        "v_prediction and sample are supported with it");
    settings.no_effect({"tensor_format"});
}

void read_clipping(JsonSettings& settings, Configuration& configuration) {
    const bool clip = settings.flag("clip_sample", true);
    if (!clip && !configuration.sample.options.threshold) configuration.sample.clip = false;
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

/// Spacing, end and σ of the schedulers of fast solvers.
void read_fast_path(JsonSettings& settings, Configuration& configuration) {
    SampleConfig& sample = configuration.sample;
    sample.steps = fast_steps(configuration);
    sample.spacing = ours(settings, "timestep_spacing", "linspace", fast_spacings);
    if (sample.spacing == "leading") settings.only("steps_offset", 0);
    settings.no_effect({"steps_offset"}); // of leading steps
    if (settings.flag("use_karras_sigmas", false)) sample.spacing = "karras";
    if (settings.flag("use_lu_lambdas", false)) sample.spacing = "log-snr";
    sample.options.final_sigma = ours(settings, "final_sigmas_type", "zero", final_sigmas);
    for (const char* key :
         {"use_exponential_sigmas", "use_beta_sigmas", "use_flow_sigmas", "use_dynamic_shifting"})
        settings.only(key, false);
    for (const char* key : {"sigma_min", "sigma_max", "shift_terminal", "lambda_min_clipped"})
        settings.only(key, nullptr);
    settings.no_effect({"flow_shift", "time_shift_type"});
    // None of them limits the estimate of the image but by thresholding.
    if (!sample.options.threshold) sample.clip = false;
}

void read_dpm_solver(JsonSettings& settings, Configuration& configuration, bool singlestep) {
    SampleConfig& sample = configuration.sample;
    sample.solver = ours(settings, "algorithm_type", "dpmsolver++", algorithms);
    const bool stochastic = sample.solver == "sde-dpm-solver++";
    if (singlestep) {
        if (stochastic) settings.refuse("algorithm_type", "not supported by single steps");
        sample.options.singlestep = true;
    }
    sample.options.order = int(settings.whole("solver_order", 2, 1, stochastic ? 2 : 3));
    sample.options.type = ours(settings, "solver_type", "midpoint", dpm_types);
    read_fast_path(settings, configuration);
    const bool ends_at_data = sample.options.final_sigma == "zero";
    const bool lower = settings.flag("lower_order_final", !singlestep);
    if (!lower && !(singlestep && ends_at_data)) sample.options.lower_order_final = false;
    if (ends_at_data)
        settings.no_effect({"euler_at_final"}); // the last step is one of Euler's anyway
    else
        settings.only("euler_at_final", false);
    if (!settings.value("variance_type").is_null())
        configuration.process.variance = ours(settings, "variance_type", "", variances);
}

void read_unipc(JsonSettings& settings, Configuration& configuration) {
    SampleConfig& sample = configuration.sample;
    sample.solver = "unipc";
    sample.options.order = int(settings.whole("solver_order", 2, 1, 3));
    sample.options.type = ours(settings, "solver_type", "bh2", unipc_types);
    if (!settings.flag("lower_order_final", true)) sample.options.lower_order_final = false;
    settings.only("predict_x0", true);
    settings.only("disable_corrector", json::array());
    settings.only("solver_p", nullptr);
    read_fast_path(settings, configuration);
}

void read_euler(JsonSettings& settings, Configuration& configuration) {
    configuration.sample.solver = "euler";
    settings.only("interpolation_type", "linear");
    settings.only("timestep_type", "discrete");
    read_fast_path(settings, configuration);
}

void read_heun(JsonSettings& settings, Configuration& configuration) {
    configuration.sample.solver = "heun";
    read_fast_path(settings, configuration);
    if (settings.flag("clip_sample", false)) {
        settings.only("clip_sample_range", 1);
        configuration.sample.clip = true;
    }
}

std::string exported_spacing(const SampleConfig& sample, const char* fallback) {
    if (sample.spacing.empty()) return fallback;
    if (sample.spacing == "karras" || sample.spacing == "log-snr")
        throw Error(
            fmt::format("sample.spacing {} with solver {}: diffusers has no scheduler of both: set another",
                        sample.spacing, sample.solver.empty() ? "ancestral" : sample.solver));
    return sample.spacing;
}

void export_multistep(const SampleConfig& sample, bool dpm, json& scheduler) {
    const processes::SamplerOptions& options = sample.options;
    if (!options.threshold && sample.clip.value_or(true))
        throw Error(
            fmt::format("diffusers' scheduler of solver {} does not limit the estimate of the image: set "
                        "sample.clip = false, or sample.threshold",
                        sample.solver));
    scheduler["solver_order"] = options.order.value_or(2);
    scheduler["solver_type"] = !options.type.empty() ? options.type : dpm ? "midpoint" : "bh2";
    scheduler["lower_order_final"] = options.lower_order_final.value_or(true);
    scheduler["final_sigmas_type"] = options.final_sigma.empty() ? "zero" : options.final_sigma;
    if (dpm) scheduler["algorithm_type"] = theirs(sample.solver, algorithms);
    scheduler["use_karras_sigmas"] = sample.spacing == "karras";
    if (dpm && sample.spacing == "log-snr")
        scheduler["use_lu_lambdas"] = true;
    else if (sample.spacing != "karras" && !options.singlestep)
        scheduler["timestep_spacing"] = exported_spacing(sample, "linspace");
}

/// What the package does otherwise along these paths.
void remark_on_path(const std::string& class_name, const Configuration& configuration,
                    std::vector<std::string>& remarks) {
    const std::string& spacing = configuration.sample.spacing;
    if ((spacing == "karras" || spacing == "log-snr") && configuration.process.schedule == "cosine" &&
        class_name == multistep_class)
        remarks.push_back(
            fmt::format("{} spacing with the cosine schedule: the network sees the nearest timestep here; "
                        "diffusers' {} rounds down",
                        spacing, class_name));
}

/// Refuses the schedules that this scheduler of the package has not.
void expect_known_to(const std::string& class_name, const processes::ProcessConfig& process) {
    const bool ddpm = class_name == ddpm_class;
    if (!ddpm && (process.schedule == "sigmoid" || process.schedule == "laplace"))
        throw Error(fmt::format("process.schedule = {}: diffusers' {} has no such schedule, its {} does: set "
                                "sample.solver = ancestral",
                                process.schedule, class_name, ddpm_class));
    if (!ddpm && class_name != ddim_class && process.zero_terminal_snr)
        throw Error(
            fmt::format("process.zero_terminal_snr: diffusers' {} takes another one: set sample.solver = "
                        "ancestral or ddim",
                        class_name));
}

} // namespace

std::vector<std::string> read_diffusers_scheduler(JsonSettings& settings, const std::string& class_name,
                                                  Configuration& configuration) {
    std::vector<std::string> remarks;
    SampleConfig& sample = configuration.sample;
    const bool heun = class_name == heun_class; // whose defaults are others
    read_common(settings, configuration, heun ? 0.00085 : 1e-4, heun ? 0.012 : 0.02);
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
    } else if (class_name == multistep_class || class_name == singlestep_class) {
        read_dpm_solver(settings, configuration, class_name == singlestep_class);
    } else if (class_name == unipc_class) {
        read_unipc(settings, configuration);
    } else if (class_name == euler_class) {
        read_euler(settings, configuration);
    } else if (heun) {
        read_heun(settings, configuration);
    } else {
        throw Error(fmt::format("{}: scheduler {} is not supported, only {} are", settings.name(),
                                class_name.empty() ? "(no _class_name)" : class_name,
                                fmt::join(classes, ", ")));
    }
    if (configuration.process.zero_terminal_snr && class_name != ddpm_class && class_name != ddim_class)
        settings.refuse("rescale_betas_zero_snr",
                        fmt::format("only {} and {} are supported with it", ddpm_class, ddim_class));
    remark_on_path(class_name, configuration, remarks);
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
    const SampleConfig& sample = configuration.sample;
    const bool ddim = sample.solver == "ddim", unipc = sample.solver == "unipc";
    const bool dpm = std::any_of(algorithms.begin(), algorithms.end(),
                                 [&](const auto& names) { return names.second == sample.solver; });
    json scheduler{{"_class_name", ddim                               ? ddim_class
                                   : unipc                            ? unipc_class
                                   : dpm && sample.options.singlestep ? singlestep_class
                                   : dpm                              ? multistep_class
                                                                      : ddpm_class},
                   {"_diffusers_version", diffusers_version},
                   {"num_train_timesteps", process.steps.value_or(1000)},
                   {"beta_schedule", theirs(process.schedule, schedules)},
                   {"beta_start", process.beta_start},
                   {"beta_end", process.beta_end},
                   {"trained_betas", nullptr},
                   {"prediction_type", theirs(process.prediction, predictions)},
                   {"thresholding", sample.options.threshold.has_value()},
                   {"steps_offset", 0},
                   {"rescale_betas_zero_snr", process.zero_terminal_snr}};
    expect_known_to(scheduler["_class_name"], process);
    if (sample.options.threshold) {
        scheduler["dynamic_thresholding_ratio"] = *sample.options.threshold;
        scheduler["sample_max_value"] = sample.options.threshold_limit.value_or(1e6);
    }
    if (dpm || unipc) {
        export_multistep(sample, dpm, scheduler);
        if (dpm && process.variance == "learned") scheduler["variance_type"] = "learned_range";
        return scheduler;
    }
    scheduler["timestep_spacing"] = exported_spacing(sample, "leading");
    scheduler["clip_sample"] = !sample.options.threshold && sample.clip.value_or(true);
    scheduler["clip_sample_range"] = 1.0;
    if (ddim)
        scheduler["set_alpha_to_one"] = true;
    else
        scheduler["variance_type"] = theirs(process.variance, variances);
    return scheduler;
}

} // namespace heat::tools
