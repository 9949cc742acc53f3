#include "engine/data/fitted_images.h"
#include "engine/data/resize.h"
#include "engine/data/survey.h"
#include "tests/data/images_support.h"
#include "tests/data/support.h"
#include "tests/io/golden_images.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>

using namespace heat;
using namespace heat::test;
namespace fs = std::filesystem;

#if defined(HEAT_WITH_PNG)

namespace {

/// Six pictures of different sizes and kinds.
void write_pictures(const fs::path& folder) {
    for (int i = 0; i < 6; ++i)
        write_below(folder, "c" + std::to_string(i % 2) + "/" + std::to_string(i) + ".png",
                    make_png(8 + i, 12 - i, i % 3 == 0 ? 1 : 3, i));
}

} // namespace

TEST_SUITE("data") {

    TEST_CASE("fitted images: from memory and on demand alike, whatever the threads") {
        const TemporaryFolder folder;
        write_pictures(folder.path());
        for (const int channels : {1, 3}) {
            const ImageFit fit{8, 8, channels};
            const uint64_t bytes = uint64_t(6) * 64 * uint64_t(channels);
            const auto original = open_images(folder.path());
            for (const auto& [limit, threads] : {std::pair{bytes, 1}, {bytes, 4}, {bytes - 1, 1}}) {
                const auto images = fit_images(open_images(folder.path()), fit, {limit, threads, {}});
                CHECK(images->in_memory() == (limit == bytes));
                CHECK(images->info().labels == original->info().labels);
                CHECK(contains(images->info().description, channels == 1 ? "as 8x8 grey" : "as 8x8 RGB"));
                CHECK(contains(images->info().description, "decoded anew each time") == (limit < bytes));
                for (uint32_t i = 0; i < 6; ++i) {
                    const Image8 from = original->decode(i).image;
                    const Image8 expected = channels == 1 ? resize_and_crop(with_channels(from, 1), 8, 8)
                                                          : with_channels(resize_and_crop(from, 8, 8), 3);
                    CHECK(largest_difference(images->decode(i).image, expected) == 0);
                }
            }
        }
    }

    TEST_CASE("fitted images: other sizes are refused where asked, the first bad file is named") {
        const TemporaryFolder folder;
        write_pictures(folder.path());
        ImageFit fit{8, 12, 3, false};
        const std::string other = error_of([&] { fit_images(open_images(folder.path()), fit, {}); });
        CHECK(contains(other, "c0/2.png: expected an image of 8x12"));
        CHECK(contains(other, "got 10x10"));
        write_below(folder.path(), "c1/0.png", to_bytes("x"));
        write_below(folder.path(), "c1/9.png", to_bytes("x"));
        fit.resize = true;
        for (const int threads : {1, 4})
            CHECK(contains(error_of([&] {
                               fit_images(open_images(folder.path()), fit, {1 << 20, threads, {}});
                           }),
                           "c1/0.png: expected a PNG or JPEG image, got 1 bytes"));
        const auto images = fit_images(open_images(folder.path()), fit, {0, 1, {}});
        CHECK(contains(error_of([&] { images->decode(3); }), "c1/0.png"));
    }

    TEST_CASE("fitted images: IDX data of the right size stay as they are, others are fitted") {
        const TemporaryFolder folder;
        write_bytes(folder / "x", make_idx_images(5, 6, 4));
        auto images = open_images(folder / "x");
        const ImageSource* before = images.get();
        images = fit_images(std::move(images), {6, 4, 1}, {});
        CHECK(images.get() == before);
        const Image8 original = images->decode(2).image;
        images = fit_images(std::move(images), {3, 3, 3}, {});
        CHECK(largest_difference(images->decode(2).image,
                                 with_channels(resize_and_crop(original, 3, 3), 3)) == 0);
        CHECK(contains(error_of([&] {
                           fit_images(open_images(folder / "x"), {6, 6, 1, false}, {});
                       }),
                       "image 0 of "));
    }

    TEST_CASE("survey: sizes, kinds, sums and unreadable files") {
        const TemporaryFolder folder;
        write_pictures(folder.path());
        for (const char* name : {"rgba8.png", "grey16.png"})
            write_below(folder.path(), name, golden_image_file(name));
        write_below(folder.path(), "z.png", to_bytes("no image"));
        const auto images = open_images(folder.path());
        const ImageSurvey survey = survey_images(*images, 3);
        CHECK(survey.channels == 3);
        CHECK(survey.sizes.size() == 7); // rgba8.png is 9x11 like one of the pictures
        CHECK(survey.sizes.at({8, 12}) == 1);
        CHECK(survey.sizes.at({9, 11}) == 2);
        CHECK(survey.kinds ==
              std::map<std::string, int>{{"16-bit grey", 1}, {"RGB", 4}, {"RGBA", 1}, {"grey", 2}});
        REQUIRE(survey.unreadable.size() == 1);
        CHECK(survey.unreadable[0].first == 8);
        CHECK(contains(survey.unreadable[0].second, "z.png"));
        double sum = 0, squares = 0, count = 0;
        uint64_t bytes = 0;
        for (uint32_t i = 0; i < 8; ++i) {
            const Image8 image = images->decode(i).image;
            bytes += image.pixels.size();
            for (size_t p = 2 % size_t(image.channels); p < image.pixels.size();
                 p += size_t(image.channels), ++count) {
                sum += image.pixels[p];
                squares += double(image.pixels[p]) * image.pixels[p];
            }
        }
        CHECK(survey.bytes == bytes);
        CHECK(survey.mean[2] == doctest::Approx(sum / count));
        CHECK(survey.standard_deviation[2] ==
              doctest::Approx(std::sqrt(squares / count - sum / count * (sum / count))));
        CHECK(survey_images(*images, 1).mean[2] == survey.mean[2]);
    }

#if defined(HEAT_WITH_JPEG) && defined(HEAT_WITH_LIBZIP)
    TEST_CASE("fitted images: real photographs") {
        const char* data = std::getenv("HEAT_ENGINE_DATA");
        if (data == nullptr) {
            MESSAGE(
                "skipped: set HEAT_ENGINE_DATA to a folder with natural64/ to run this on real photographs");
            return;
        }
        const auto large = open_images(fs::path(data) / "natural64/imagenette-val-224x224-sample.zip");
        CHECK(large->count() == 500);
        CHECK(large->info().class_names.size() == 10);
        CHECK(large->info().class_names[9] == "n03888257_parachute");
        const ImageSurvey survey = survey_images(*large, 2);
        CHECK(survey.kinds == std::map<std::string, int>{{"RGB", 491}, {"grey", 9}});
        CHECK(survey.sizes.size() == 1);
        CHECK(survey.unreadable.empty());
        // The small ones were made from the large ones, by another filter and JPEG once more.
        const auto small = fit_images(open_images(fs::path(data) / "natural64/imagenette-val-64x64.zip"),
                                      {64, 64, 3}, {uint64_t{1} << 30, 2, {}});
        CHECK(small->count() == 3925);
        for (uint32_t i = 0; i < 50; i += 7) { // the first class begins with the same files
            const Image8 reduced = fitted(large->decode(i).image, {64, 64, 3}, "");
            const Image8 other = small->decode(i).image;
            double error = 0;
            for (size_t p = 0; p < reduced.pixels.size(); ++p)
                error += std::pow(double(reduced.pixels[p]) - other.pixels[p], 2);
            CHECK(std::sqrt(error / double(reduced.pixels.size())) < 12);
        }
    }
#endif

} // TEST_SUITE

#endif
