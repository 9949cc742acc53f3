#include "engine/data/fitted_images.h"

#include "engine/data/for_each_index.h"
#include "engine/data/resize.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>

namespace heat {
namespace {

/// Fits each image when it is asked for.
class FittedImages final : public ImageSource {
public:
    FittedImages(std::unique_ptr<ImageSource> images, const ImageFit& fit, const std::string& what_is_done)
        : images_(std::move(images)), fit_(fit) {
        info_ = images_->info();
        info_.description += what_is_done;
    }

    DecodedImage decode(uint32_t index) const override {
        DecodedImage decoded = images_->decode(index);
        decoded.image = fitted(std::move(decoded.image), fit_, images_->name(index));
        return decoded;
    }
    std::string name(uint32_t index) const override { return images_->name(index); }

private:
    std::unique_ptr<ImageSource> images_;
    ImageFit fit_;
};

} // namespace

Image8 fitted(Image8 image, const ImageFit& fit, const std::string& name) {
    if (!fit.resize && (image.height != fit.height || image.width != fit.width))
        throw Error(fmt::format("{}: expected an image of {}x{} (data.height, data.width), got {}x{}, and "
                                "data.resize is \"none\"; \"crop\" scales and crops it",
                                name, fit.height, fit.width, image.height, image.width));
    // Fewer channels first: less to resize.
    if (fit.channels < image.channels) image = with_channels(std::move(image), fit.channels);
    image = resize_and_crop(image, fit.height, fit.width);
    return with_channels(std::move(image), fit.channels);
}

std::unique_ptr<ImageSource> fit_images(std::unique_ptr<ImageSource> images, const ImageFit& fit,
                                        const LoadOptions& options) {
    if (const auto* memory = dynamic_cast<const MemoryImages*>(images.get())) {
        const Dataset& d = memory->dataset();
        if (d.height == fit.height && d.width == fit.width && d.channels == fit.channels) return images;
    }
    const auto count = uint32_t(images->count());
    const uint64_t each = uint64_t(fit.height) * uint64_t(fit.width) * uint64_t(fit.channels);
    const bool in_memory = each * count <= options.memory_limit;
    std::string what_is_done =
        fmt::format(", as {}x{} {}", fit.height, fit.width, fit.channels == 1 ? "grey" : "RGB");
    if (!in_memory)
        what_is_done += fmt::format(", decoded anew each time: {} MiB pass data.memory_limit, {} MiB",
                                    each * count >> 20, options.memory_limit >> 20);
    auto on_demand = std::make_unique<FittedImages>(std::move(images), fit, what_is_done);
    if (!in_memory) return on_demand;
    const ImageSetInfo& info = on_demand->info();
    Dataset dataset;
    dataset.count = int(count);
    dataset.height = fit.height;
    dataset.width = fit.width;
    dataset.channels = fit.channels;
    dataset.pixels.resize(each * count);
    for_each_index(
        count, options.threads,
        [&](uint32_t i) {
            const Image8 image = on_demand->decode(i).image;
            std::copy(image.pixels.begin(), image.pixels.end(),
                      dataset.pixels.begin() + std::ptrdiff_t(each * i));
        },
        options.report);
    return std::make_unique<MemoryImages>(std::move(dataset), info);
}

} // namespace heat
