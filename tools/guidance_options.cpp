#include "tools/guidance_options.h"

#include "kernels/error.h"
#include "tools/classifier_gradient.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <charconv>

namespace heat::tools {
namespace {

/// Numbers between commas; throws Error in the option's name.
template <class Number>
std::vector<Number> numbers_of(const std::string& text, const std::string& option,
                               const std::string& expected) {
    std::vector<Number> numbers;
    const char* at = text.data();
    const char* const end = at + text.size();
    for (;;) {
        Number number{};
        const auto [next, error] = std::from_chars(at, end, number);
        if (error != std::errc() || (next != end && *next != ','))
            throw Error(fmt::format("{} {}: expected {}", option, text, expected));
        numbers.push_back(number);
        if (next == end) return numbers;
        at = next + 1;
    }
}

processes::Guidance guidance_of(const GuidanceOptions& options) {
    processes::Guidance guidance;
    guidance.scale = *options.scale;
    guidance.rescale = options.rescale.value_or(0.0);
    if (!options.interval.empty()) {
        const std::string expected = "two shares of the levels with a comma, as 0.2,0.8";
        const std::vector<double> ends =
            numbers_of<double>(options.interval, "--guidance-interval", expected);
        if (ends.size() != 2)
            throw Error(fmt::format("--guidance-interval {}: expected {}", options.interval, expected));
        guidance.low = ends[0];
        guidance.high = ends[1];
    }
    processes::check(guidance);
    return guidance;
}

/// The classifier must have seen the same noise at the same timestep.
void expect_same_noise(const TrainedRun& run, const TrainedRun& classifier, const std::string& name) {
    const auto differ = [&](const std::string& what) {
        throw Error(fmt::format("{}: this classifier was trained on {}: train one with the [process] and "
                                "[data] of the run that is sampled",
                                name, what));
    };
    const processes::ImageSize a = run.process->size(), b = classifier.process->size();
    if (a.height != b.height || a.width != b.width || a.channels != b.channels)
        differ(fmt::format("images of {}×{}×{}, not {}×{}×{}", b.height, b.width, b.channels, a.height,
                           a.width, a.channels));
    if (run.process->name() != classifier.process->name())
        differ(fmt::format("process {}, not {}", classifier.process->name(), run.process->name()));
    const auto ours = run.process->tables(), theirs = classifier.process->tables();
    for (size_t i = 0; i < ours.size(); ++i)
        if (i >= theirs.size() || ours[i].name != theirs[i].name || ours[i].values != theirs[i].values)
            differ(fmt::format("another noise schedule (its {} differs)", ours[i].name));
}

} // namespace

void GuidanceOptions::add_to(CLI::App& command) {
    add_label_option(command, label);
    command.add_option("--guidance", scale,
                       "W of classifier-free guidance: 1 the class alone, 0 none, above 1 more of it");
    command.add_option("--guidance-rescale", rescale,
                       "How far the guided output gets the deviation of the unguided one, 0 to 1");
    command
        .add_option("--guidance-interval", interval,
                    "Levels that are guided, as shares: from 0 (data) to 1 (noise)")
        ->type_name("LOW,HIGH");
    command.add_option("--classifier", classifier, "Run of a classifier that guides to the class")
        ->type_name("FOLDER");
    command.add_option("--classifier-scale", classifier_scale, "Scale of its gradient; 1 by default");
}

void add_label_option(CLI::App& command, std::string& label) {
    command
        .add_option("--label,--labels", label,
                    "Class of the images, from 0; several with commas, or all: image k gets the k-th, and so "
                    "on from the first; none: the null class")
        ->type_name("K|LIST|all|none");
}

processes::ClassLabels labels_of(const std::string& label, const nets::UNetConfig& network) {
    if (label.empty() || network.classes == 0)
        return checked_labels(network, std::vector<int32_t>(label.empty() ? 0 : 1));
    if (label == "all") return every_class(network);
    if (label == "none") {
        if (!network.null_class)
            throw Error("--label none: this network has no null class; train one with train.label_dropout");
        return processes::ClassLabels({network.classes});
    }
    return checked_labels(network,
                          numbers_of<int32_t>(label, "--label", "a class, classes with commas, all or none"));
}

void expect_generator(const TrainedRun& run, const std::string& name) {
    if (run.configuration.network.is_classifier())
        throw Error(fmt::format("{}: a classifier draws no images: give it as --classifier, or to "
                                "`engine classify`",
                                name));
}

GuidedNetwork::GuidedNetwork(const TrainedRun& run, const GuidanceOptions& options,
                             const processes::SampleRequest& request, Device device) {
    const nets::UNetConfig& config = run.configuration.network;
    const bool for_classifier_alone = !options.classifier.empty() && config.classes == 0;
    if (!for_classifier_alone) labels_ = labels_of(options.label, config);
    if (request.solver == "ode" && labels_.size() > 1)
        throw Error("solver ode lets finished images go, so that it takes one class for all: choose one with "
                    "--label");
    network_ = std::make_unique<ModelDenoiser>(*run.model, labels_);
    outermost_ = network_.get();
    if (options.scale) {
        if (!config.null_class)
            throw Error("--guidance: this network has no null class to be guided away from: train it with "
                        "network.classes and train.label_dropout above 0");
        if (options.label == "none") throw Error("--guidance: --label none is no class to be guided to");
        guided_ = std::make_unique<processes::GuidedDenoiser>(*network_, labels_, config.classes,
                                                              guidance_of(options), *run.process);
        outermost_ = guided_.get();
    } else if (options.rescale || !options.interval.empty()) {
        throw Error(fmt::format("{} belongs to --guidance: give that too",
                                options.rescale ? "--guidance-rescale" : "--guidance-interval"));
    }
    if (!options.classifier.empty())
        add_classifier(run, options, request, device);
    else if (options.classifier_scale)
        throw Error("--classifier-scale belongs to --classifier: give that too");
}

void GuidedNetwork::add_classifier(const TrainedRun& run, const GuidanceOptions& options,
                                   const processes::SampleRequest& request, Device device) {
    classifier_run_ = std::make_unique<TrainedRun>(load_run(options.classifier, device));
    nets::UNetConfig config = classifier_run_->configuration.network;
    if (!config.is_classifier())
        throw Error(fmt::format("{}: no classifier: its network.kind is {}; train one with "
                                "network.kind = \"classifier\"",
                                options.classifier, config.kind));
    expect_same_noise(run, *classifier_run_, options.classifier);
    if (options.label == "none") throw Error("--classifier: --label none is no class to be guided to");
    labels_ = labels_of(options.label, config);
    classifier_ =
        std::make_unique<ClassifierGradient>(classifier_run_->model->network, classifier_run_->model->dtype);
    classifier_guided_ = std::make_unique<processes::ClassifierGuidedDenoiser>(
        *outermost_, *classifier_, labels_,
        processes::classifier_guidance_factors(*run.process, request,
                                               options.classifier_scale.value_or(1.0)));
    outermost_ = classifier_guided_.get();
}

} // namespace heat::tools
