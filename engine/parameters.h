#pragma once

#include "engine/random.h"
#include "engine/variable.h"

#include <span>

namespace heat {

/// How a parameter begins.
struct Initialization {
    enum class Kind { zeros, ones, uniform } kind = Kind::zeros;
    float bound = 0.f; ///< uniform in (−bound, bound)

    static Initialization zeros() { return {}; }
    static Initialization ones() { return {Kind::ones, 0.f}; }
    /// PyTorch's default for convolutions and linear layers: bound = gain/sqrt(fan_in).
    static Initialization fan_in(int64_t fan_in, float gain = 1.f);
};

/// How the values lie in memory relative to files: convolutions are OHWI in memory and OIHW in files.
enum class FileLayout { same, convolution };

/// The parameters of a model, in one flat f32 array (each starting at a multiple of 16 elements), so that the
/// optimiser, EMA and clipping are one pass. Modules declare parameters first; memory comes with `allocate`.
class ParameterStore {
public:
    ParameterStore() = default;
    ParameterStore(const ParameterStore&) = delete; // parameters point at this store's version
    ParameterStore& operator=(const ParameterStore&) = delete;

    /// Declares a parameter of this memory shape. Throws Error for a name that exists.
    Parameter add(std::string name, Shape shape, Initialization initialization,
                  FileLayout layout = FileLayout::same);

    /// Takes memory and initialises; the values depend on the seed and each parameter's place in the order.
    void allocate(Device device, uint64_t seed);
    void allocate_gradients();

    /// Number of values, without the padding between them.
    int64_t parameter_count() const;
    size_t size() const { return entries_.size(); }
    const Parameter& parameter(size_t i) const { return entries_[i].parameter; }
    /// Shape as files have it (OIHW for convolutions).
    Shape file_shape(size_t i) const;

    /// The flat arrays, padding included.
    Tensor& values() { return values_; }
    Tensor& gradients() { return gradients_; }
    int64_t flat_size() const { return flat_size_; }
    /// Must be called after writing to values(): derived forms are made again.
    void values_changed() { updated_with(nullptr); }
    /// After writing to values() and, the same rounded, to `copy`, which bf16_to_update() gave.
    void updated_with(const bf16* copy) {
        ++version_;
        copy_is_current_ = copy_is_current_ && copy != nullptr;
    }
    /// Derived forms are made again though nothing changed, in a run that is captured; bf16_values() are not.
    void derive_again() { ++version_; }

    /// All values in bf16, padding included, laid out as values(): made at first use, and again after
    /// values_changed(). What is multiplied on a card, where an update writes them in its own pass.
    const bf16* bf16_values();
    /// Where an update writes the values in bf16 too; null unless somebody uses them on a card, and they are
    /// current, so that an update which is skipped leaves them right.
    bf16* bf16_to_update();

    /// One parameter's values out of a flat array of this store (values, gradients, moments, EMA), on any
    /// device, in file layout, and back. One parameter at a time: a model is never twice in memory.
    std::vector<float> to_file_layout(size_t i, const Tensor& flat) const;
    void from_file_layout(size_t i, std::span<const float> file_values, Tensor& flat) const;

private:
    struct Entry {
        Parameter parameter;
        Initialization initialization;
        FileLayout layout;
        int64_t offset;
    };
    void initialize(uint64_t seed);
    Tensor part(size_t i, const Tensor& flat) const;

    std::vector<Entry> entries_;
    int64_t flat_size_ = 0;
    Tensor values_, gradients_, copy_;
    bool copy_is_current_ = false;
    uint64_t version_ = 1;
};

} // namespace heat
