#include "tools/image_options.h"

#include "kernels/error.h"
#include "tools/pictures.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <charconv>
#include <limits>

namespace heat::tools {
namespace {

uint64_t seed_of(const std::string& text, const std::string& all) {
    uint64_t seed = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
    if (error != std::errc() || end != text.data() + text.size() || text.empty())
        throw Error(fmt::format("--interpolate {}: expected two seeds, such as 1,2", all));
    return seed;
}

} // namespace

void ImageOptions::add_to(CLI::App& command) {
    CLI::Option *seed = command.get_option("--seed"), *noise = command.get_option("--init-noise");
    CLI::Option* start = command.add_option("--init-image", initial,
                                            "Start from images: a PNG or JPEG file, a folder or zip file of "
                                            "them, or an array (.npy); --strength says how far back");
    start->type_name("PATH")->excludes(noise);
    CLI::Option* far = command.add_option("--strength", strength,
                                          "Share of the levels that images are taken up to, above 0 to 1");
    far->needs(start);
    start->needs(far);
    CLI::Option* known =
        command.add_option("--inpaint", inpaint, "Fill the white pixels of --mask in these images (RePaint)");
    known->type_name("PATH")->excludes(start);
    CLI::Option* white = command.add_option("--mask", mask, "Image of the run's size, white where to fill");
    white->type_name("FILE")->needs(known);
    known->needs(white);
    command
        .add_option("--resamples", resamples,
                    "Of --inpaint: how often each stretch of steps is gone through; 1 by default")
        ->needs(known)
        ->check(CLI::Range(1, 1000));
    command.add_option("--jump", jump, "Of --resamples: steps of a stretch; 10 by default")
        ->needs(known)
        ->check(CLI::Range(1, 1000000));
    CLI::Option* between =
        command
            .add_option("--interpolate", interpolate,
                        "Images on the way between two seeds' images, 9 unless --count is given")
            ->type_name("SEED,SEED")
            ->excludes(seed)
            ->excludes(noise);
    CLI::Option* other = command
                             .add_option("--noise-seed", step_seed,
                                         "The noises of the steps from this seed; the start's is --seed")
                             ->check(CLI::NonNegativeNumber)
                             ->excludes(between);
    CLI::Option* varied = command
                              .add_option("--variations", variations,
                                          "So many of each image: noises differ below --split-at; of one "
                                          "image unless --count is given")
                              ->check(CLI::Range(2, 4096))
                              ->excludes(between)
                              ->excludes(other)
                              ->excludes(noise);
    command
        .add_option("--split-at", split_at,
                    "Share of the levels at which variations part, above 0 to 1 (the start, the default)")
        ->needs(varied);
}

void ImageOptions::apply(const processes::Process& process, std::optional<int64_t> count_given,
                         SamplingPlan& plan) const {
    processes::SampleRequest& request = plan.request;
    processes::NoiseOptions& noise = request.noise;
    std::optional<Pictures> pictures;
    if (const std::string& path = initial.empty() ? inpaint : initial; !path.empty())
        pictures = open_pictures(path, process);
    if (pictures && !count_given && !request.start.defined()) plan.count = pictures->count;

    noise.step_seed = step_seed;
    if (!interpolate.empty()) {
        const size_t comma = std::min(interpolate.find(','), interpolate.size());
        request.seed = seed_of(interpolate.substr(0, comma), interpolate);
        noise.other_seed = seed_of(interpolate.substr(std::min(comma + 1, interpolate.size())), interpolate);
        plan.count = noise.images = count_given.value_or(9);
        noise.image = request.image_offset;
        request.image_offset = 0;
        plan.columns = int(std::min<int64_t>(plan.count, 16));
    }
    if (variations) {
        noise.variations = *variations;
        noise.split_share = split_at.value_or(1);
        const int64_t images = count_given.value_or(pictures ? pictures->count : 1);
        const int64_t first = int64_t(request.image_offset) * noise.variations;
        plan.count = images * noise.variations;
        if (first + plan.count > std::numeric_limits<uint32_t>::max())
            throw Error(fmt::format("{} variations of image {}: expected fewer, or a smaller --index",
                                    noise.variations, request.image_offset));
        request.image_offset = uint32_t(first);
        plan.columns = std::min(noise.variations, 16);
    }
    if (!pictures) return;
    std::vector<int64_t> indices;
    for (int64_t i = 0; i < plan.count; ++i)
        indices.push_back(noise.image_of(request.image_offset + uint32_t(i)));
    const Tensor images = pictures->gather(process, indices);
    if (!initial.empty())
        request.initial = {images, strength.value_or(1)};
    else
        request.inpainting = {images, read_mask(mask, process), resamples.value_or(1), jump.value_or(10)};
}

void ImageOptions::expect_one_class(size_t classes) const {
    if (classes > 1 && (!interpolate.empty() || variations))
        throw Error("interpolations and variations are of one class: give --label one");
}

} // namespace heat::tools
