#include "engine/data/labels.h"

#include "engine/profiler.h"
#include "kernels/labels.h"

#include <fmt/format.h>

namespace heat {

void expect_labels(const std::vector<int>& labels, int classes, const std::string& data) {
    if (labels.empty())
        throw Error(fmt::format("{}: these images have no labels, and network.classes is {}: name a labelled "
                                "set, or leave network.classes out",
                                data, classes));
    const auto [low, high] = std::minmax_element(labels.begin(), labels.end());
    if (*low < 0 || *high >= classes)
        throw Error(fmt::format("{}: labels {} to {}, and network.classes is {}: expected at least {}", data,
                                *low, *high, classes, *high + 1));
}

Tensor with_label_dropout(const Tensor& labels, double rate, int32_t null_class, const RandomState& random,
                          uint32_t image_offset) {
    Tensor kept(labels.shape(), Dtype::i32, labels.device());
    const ProfileScope scope("drop labels", labels.device(), [&] {
        return OpWork{8.0 * double(labels.count()), double(labels.count()), labels.shape().text()};
    });
    kernels::drop_labels(kept.stream(), labels.data<int32_t>(), kept.data<int32_t>(), labels.count(),
                         float(rate), null_class, random.device_words(), image_offset);
    return kept;
}

} // namespace heat
