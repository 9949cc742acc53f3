#include "engine/data/batch_loader.h"
#include "engine/data/file_collection.h"
#include "engine/data/fitted_images.h"
#include "engine/io/npy.h"
#include "engine/io/zip_archive.h"
#include "kernels/error.h"
#include "tools/classifier_accuracy.h"
#include "tools/commands.h"
#include "tools/guidance_options.h"
#include "tools/math_flags.h"
#include "tools/run_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <numeric>

namespace heat::tools {
namespace {

struct ClassifyOptions {
    std::string run, input, label, weights = "ema", device = "auto";
    int64_t batch = 100;
    int bands = 0;
    bool json = false;
};

std::optional<size_t> index_of(const FileCollection& files, const std::string& name) {
    const auto found = std::find(files.names().begin(), files.names().end(), name);
    if (found == files.names().end()) return std::nullopt;
    return size_t(found - files.names().begin());
}

NpyArray array_in(const FileCollection& files, size_t index) {
    constexpr uint64_t most_bytes = uint64_t(4) << 30;
    return decode_npy(files.read(index, most_bytes), files.full_name(index));
}

/// The images of a samples.npz: arr_0, u8 N×H×W×C, and where they are the classes in arr_1, i64 N.
std::unique_ptr<ImageSource> images_of_npz(const FileCollection& files, size_t index,
                                           const std::string& path) {
    NpyArray array = array_in(files, index);
    if (array.dtype != NpyDtype::u8 || array.shape.size() != 4 || array.shape[0] < 1 ||
        (array.shape[3] != 1 && array.shape[3] != 3))
        throw Error(fmt::format("{}: expected arr_0 of uint8, N×H×W×1 or N×H×W×3, got [{}]", path,
                                fmt::join(array.shape, ", ")));
    Dataset dataset;
    dataset.count = int(array.shape[0]);
    dataset.height = int(array.shape[1]);
    dataset.width = int(array.shape[2]);
    dataset.channels = int(array.shape[3]);
    dataset.pixels = std::move(array.bytes);
    if (const auto labels = index_of(files, "arr_1.npy")) {
        const NpyArray classes = array_in(files, *labels);
        if (classes.dtype != NpyDtype::i64 || classes.shape != std::vector<int64_t>{array.shape[0]})
            throw Error(fmt::format("{}: expected arr_1 of int64, {} classes, got [{}]", path, array.shape[0],
                                    fmt::join(classes.shape, ", ")));
        for (const float label : npy_to_f32(classes)) dataset.labels.push_back(int(label));
    }
    dataset.description =
        fmt::format("{} images of {}×{} ({})", dataset.count, dataset.height, dataset.width, path);
    return std::make_unique<MemoryImages>(std::move(dataset), "npz", path);
}

std::unique_ptr<ImageSource> open_input(const std::string& path) {
    if (is_zip(path)) {
        const std::unique_ptr<FileCollection> files = open_collection(path);
        if (const auto index = index_of(*files, "arr_0.npy")) return images_of_npz(*files, *index, path);
    }
    return open_images(path);
}

/// What was found out about all images.
struct Result {
    std::vector<int64_t> seen, right; ///< by the class that was asked for
    std::vector<int32_t> answers;
    int64_t count = 0, agreeing = 0;
    double probability = 0; ///< of the likeliest class, summed
    LevelAccuracy by_level;
};

Result classify_all(const TrainedRun& run, const ImageSource& images, const std::vector<int>& truth,
                    const ClassifyOptions& options, Device device) {
    const nets::UNetConfig& config = run.configuration.network;
    Result result{std::vector<int64_t>(size_t(config.classes)),
                  std::vector<int64_t>(size_t(config.classes)),
                  {},
                  0,
                  0,
                  0,
                  LevelAccuracy(std::max(options.bands, 1))};
    const processes::Process& process = *run.process;
    const RandomState random(0, device);
    for (uint32_t first = 0; first < uint32_t(images.count()); first += uint32_t(options.batch)) {
        std::vector<uint32_t> indices(std::min(size_t(options.batch), size_t(images.count()) - first));
        std::iota(indices.begin(), indices.end(), first);
        std::vector<float> values;
        Shape shape;
        gather_batch(images, indices, {process.data_low(), process.data_high(), false, 0, 0},
                     [&](const Shape& s) {
                         shape = s;
                         values.resize(size_t(s.count()));
                         return values.data();
                     });
        const Tensor x = Tensor::from_host(shape, values, device);
        const Classified answers =
            classify(run.model->network, run.model->dtype, x,
                     Tensor::full(Shape{shape[0]}, process.timestep_of_level(1), device));
        result.answers.insert(result.answers.end(), answers.classes.begin(), answers.classes.end());
        for (size_t i = 0; i < indices.size(); ++i) {
            ++result.count;
            result.probability += double(answers.probabilities[i]);
            if (truth.empty()) continue;
            const auto asked = size_t(truth[indices[i]]);
            ++result.seen[asked];
            result.right[asked] += answers.classes[i] == int32_t(asked);
            result.agreeing += answers.classes[i] == int32_t(asked);
        }
        if (options.bands > 0 && !truth.empty()) {
            const std::vector<int32_t> labels(truth.begin() + first,
                                              truth.begin() + first + std::ptrdiff_t(indices.size()));
            result.by_level.add(run.model->network, run.model->dtype, process, x,
                                Tensor::from_host(Shape{shape[0]}, labels, device), random, first);
        }
    }
    return result;
}

void print(const Result& result, bool labelled, const ClassifyOptions& options) {
    std::vector<double> per_class;
    for (size_t k = 0; k < result.seen.size(); ++k)
        per_class.push_back(double(result.right[k]) / double(std::max<int64_t>(result.seen[k], 1)));
    const double agreement = double(result.agreeing) / double(result.count);
    const double confidence = result.probability / double(result.count);
    if (options.json) {
        nlohmann::json json{
            {"count", result.count}, {"mean_probability", confidence}, {"classes", result.answers}};
        if (labelled) {
            json["agreement"] = agreement;
            json["agreement_by_class"] = per_class;
            json["count_by_class"] = result.seen;
        }
        if (labelled && options.bands > 0) json["agreement_by_level"] = result.by_level.shares();
        fmt::print("{}\n", json.dump());
        return;
    }
    if (!labelled) {
        fmt::print("{} images; classes: {}\n", result.count, fmt::join(result.answers, " "));
        return;
    }
    fmt::print("{} of {} images agree with their class: {:.2f} %\n", result.agreeing, result.count,
               100 * agreement);
    for (size_t k = 0; k < per_class.size(); ++k)
        if (result.seen[k] > 0) fmt::print("  class {}: {} of {}\n", k, result.right[k], result.seen[k]);
    if (options.bands > 0)
        fmt::print("by level, least noise first: {:.3f}\n", fmt::join(result.by_level.shares(), " "));
}

void classify_images(const ClassifyOptions& options) {
    const Device device = device_from_name(options.device);
    const TrainedRun run = load_run(options.run, device, options.weights);
    const Configuration& configuration = run.configuration;
    if (!configuration.network.is_classifier())
        throw Error(fmt::format("{}: no classifier: its network.kind is {}; train one with "
                                "network.kind = \"classifier\"",
                                options.run, configuration.network.kind));
    const DataConfig& data = configuration.data;
    LoadOptions load;
    load.memory_limit = uint64_t(data.memory_limit) << 20;
    const std::unique_ptr<ImageSource> images =
        fit_images(open_input(options.input), {data.height, data.width, data.channels, true}, load);
    std::vector<int> truth = images->info().labels;
    if (!options.label.empty()) {
        const processes::ClassLabels asked = labels_of(options.label, configuration.network);
        truth.resize(size_t(images->count()));
        for (size_t i = 0; i < truth.size(); ++i) truth[i] = asked.of(i);
    }
    if (!truth.empty()) expect_labels(truth, configuration.network.classes, options.input);
    if (options.bands > 0 && truth.empty())
        throw Error(fmt::format("--levels: {} has no labels to be right about: give --label", options.input));
    print(classify_all(run, *images, truth, options, device), !truth.empty(), options);
}

} // namespace

void add_classify_command(CLI::App& app) {
    auto o = std::make_shared<ClassifyOptions>();
    CLI::App* command = app.add_subcommand("classify", "Tell the classes of images by a trained classifier");
    command->add_option("run", o->run, "Run folder of a classifier")->type_name("FOLDER")->required();
    command
        ->add_option("--input", o->input,
                     "A data set as for training, or a samples.npz, whose arr_1 are the classes asked for")
        ->type_name("PATH")
        ->required();
    add_label_option(*command, o->label);
    command
        ->add_option("--levels", o->bands,
                     "Also agreement under the process's noise, in so many bands of its levels")
        ->check(CLI::Range(1, 1000));
    command->add_option("--batch", o->batch, "Images at a time")
        ->capture_default_str()
        ->check(CLI::Range(int64_t(1), int64_t(1) << 20));
    add_weights_option(*command, o->weights);
    add_device_option(*command, o->device);
    add_math_flags(*command);
    command->add_flag("--json", o->json, "Print the result as JSON");
    command->footer("Examples:\n"
                    "  engine classify runs/classifier --input t10k-images-idx3-ubyte.gz --levels 10\n"
                    "  engine classify runs/classifier --input guided/samples.npz --json");
    command->callback([o] { classify_images(*o); });
}

} // namespace heat::tools
