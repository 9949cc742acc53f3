#include "engine/io/safetensors.h"
#include "kernels/transform.h"
#include "tests/reference/transform.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstring>

using namespace heat;
using kernels::TransformKind;
using kernels::TransformMethod;

namespace {

template <class T>
std::vector<T> read(const SafetensorsFile& file, const std::string& name) {
    const SafetensorsEntry& entry = file.at(name);
    REQUIRE(entry.dtype == (sizeof(T) == 8 ? "F64" : "F32"));
    std::vector<T> values(entry.bytes.size() / sizeof(T));
    std::memcpy(values.data(), entry.bytes.data(), entry.bytes.size());
    return values;
}

/// The image, `channels` times interleaved; channel c is multiplied by c + 1.
template <class T>
std::vector<T> interleaved(const std::vector<T>& plane, int channels) {
    std::vector<T> values;
    for (const T value : plane)
        for (int c = 0; c < channels; ++c) values.push_back(value * T(c + 1));
    return values;
}

template <class T>
double error_of(TransformKind kind, TransformMethod method, const std::vector<T>& image,
                const std::vector<double>& expected, int height, int width, int channels) {
    const std::vector<T> x = interleaved(image, channels);
    std::vector<T> y(x.size()),
        workspace(
            size_t(kernels::transform_workspace_elements<T>({}, kind, 1, height, width, channels, method)));
    kernels::transform({}, kind, x.data(), y.data(), 1, height, width, channels, workspace.data(), method);
    const std::vector<double> all = interleaved(expected, channels);
    double largest = 0;
    for (const double value : all) largest = std::max(largest, std::abs(value));
    return reference::largest_error(std::vector<double>(y.begin(), y.end()), all) / largest;
}

} // namespace

TEST_SUITE_BEGIN("processes");

TEST_CASE("transforms against scipy: every kind, method, type and number of channels") {
    const SafetensorsFile file(HEAT_SOURCE_DIR "/tests/golden/transforms.safetensors");
    const std::pair<const char*, TransformKind> kinds[] = {{"dct1", TransformKind::dct1},
                                                           {"dct2", TransformKind::dct2},
                                                           {"dct3", TransformKind::dct3},
                                                           {"dst1", TransformKind::dst1}};
    const std::pair<int, int> sizes[] = {{1, 1},  {1, 7},   {7, 1},   {2, 2},  {2, 3},
                                         {5, 11}, {13, 17}, {28, 28}, {31, 32}};
    for (const auto& [height, width] : sizes)
        for (const auto& [name, kind] : kinds) {
            const std::string size = fmt::format("{}x{}", height, width);
            CAPTURE(size);
            CAPTURE(name);
            const auto image = read<float>(file, size + ".image");
            const std::vector<double> exact(image.begin(), image.end());
            const auto expected = read<double>(file, size + "." + name);
            double largest = 0;
            for (const double value : expected) largest = std::max(largest, std::abs(value));
            CHECK(reference::largest_error(reference::transform(kind, exact, height, width, 1), expected) <
                  1e-13 * largest);
            for (const TransformMethod method :
                 {TransformMethod::automatic, TransformMethod::matrix, TransformMethod::fft})
                for (const int channels : {1, 3, 4}) {
                    CAPTURE(int(method));
                    CAPTURE(channels);
                    CHECK(error_of<float>(kind, method, image, expected, height, width, channels) < 1e-6);
                    CHECK(error_of<double>(kind, method, exact, expected, height, width, channels) < 1e-13);
                }
        }
}

TEST_SUITE_END();
