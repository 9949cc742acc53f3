#pragma once

#include "processes/classifier_guidance.h"
#include "processes/guidance.h"
#include "tools/model.h"

#include <memory>
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace heat::tools {

/// What `engine sample` is told of classes and guidance.
struct GuidanceOptions {
    std::string label, interval, classifier;
    std::optional<double> scale, rescale, classifier_scale;

    void add_to(CLI::App& command);
    /// Whether the estimate of the image may be taken far beyond the data range.
    bool overshoots() const {
        return scale.value_or(1.0) > 1.0 || (!classifier.empty() && classifier_scale.value_or(1.0) != 0.0);
    }
};

/// --label, of `label`.
void add_label_option(CLI::App& command, std::string& label);

/// "3", "0,1,2", "all" or "none" (the null class) for a network. Throws Error as checked_labels, for another
/// text, and for "none" where there is no null class.
processes::ClassLabels labels_of(const std::string& label, const nets::UNetConfig& network);

/// Throws Error where the run is a classifier's, which draws no images; `name` is the run's.
void expect_generator(const TrainedRun& run, const std::string& name);

/// A run's network with the guidance that the options ask for around it.
class GuidedNetwork {
public:
    /// The run must outlive it. The request is that of sampling. Throws Error where the options do not fit
    /// one another, the network, the process or the classifier.
    GuidedNetwork(const TrainedRun& run, const GuidanceOptions& options,
                  const processes::SampleRequest& request, Device device);

    processes::Denoiser& denoiser() { return *outermost_; }
    /// The classes that are asked for; empty without.
    const processes::ClassLabels& labels() const { return labels_; }
    /// Images that go through the network for one that is sampled.
    int images_per_image() const { return guided_ ? 2 : 1; }

private:
    void add_classifier(const TrainedRun& run, const GuidanceOptions& options,
                        const processes::SampleRequest& request, Device device);

    processes::ClassLabels labels_;
    std::unique_ptr<ModelDenoiser> network_;
    std::unique_ptr<processes::GuidedDenoiser> guided_;
    std::unique_ptr<TrainedRun> classifier_run_;
    std::unique_ptr<processes::NoisyClassifier> classifier_;
    std::unique_ptr<processes::ClassifierGuidedDenoiser> classifier_guided_;
    processes::Denoiser* outermost_ = nullptr;
};

} // namespace heat::tools
