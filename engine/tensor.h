#pragma once

#include "engine/allocator.h"
#include "kernels/dtype.h"
#include "kernels/error.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

namespace heat {

/// Extents, outermost first. Images are N×H×W×C.
class Shape {
public:
    Shape() = default;
    Shape(std::initializer_list<int64_t> extents) : extents_(extents) {}
    explicit Shape(std::vector<int64_t> extents) : extents_(std::move(extents)) {}

    int rank() const { return int(extents_.size()); }
    int64_t operator[](int i) const { return extents_[size_t(i)]; }
    int64_t back() const { return extents_.back(); }
    /// Product of all extents; 1 for rank 0.
    int64_t count() const;
    const std::vector<int64_t>& extents() const { return extents_; }
    bool operator==(const Shape&) const = default;
    /// "2×3×4".
    std::string text() const;

private:
    std::vector<int64_t> extents_;
};

/// A contiguous array on a device. Copies share the storage; no op writes its input, so sharing is safe. Only
/// optimiser and solver buffers are written in place.
class Tensor {
public:
    Tensor() = default;
    /// Uninitialised memory. Throws Error for a negative extent.
    Tensor(Shape shape, Dtype dtype, Device device);

    static Tensor zeros(Shape shape, Dtype dtype, Device device);
    static Tensor full(Shape shape, float value, Device device);
    /// f32 from host values; throws Error if their number is not shape.count().
    static Tensor from_host(Shape shape, const std::vector<float>& values, Device device);
    static Tensor from_host(Shape shape, const std::vector<int32_t>& values, Device device);

    bool defined() const { return storage_ != nullptr; }
    const Shape& shape() const { return shape_; }
    int64_t count() const { return shape_.count(); }
    Dtype dtype() const { return dtype_; }
    Device device() const { return device_; }
    size_t bytes() const { return size_t(count()) * size_of(dtype_); }
    const kernels::Stream& stream() const { return stream_of(device_); }

    /// Typed access to device memory; throws Error if T is not the tensor's type.
    template <class T>
    T* data();
    template <class T>
    const T* data() const;
    void* raw() { return data_; }
    const void* raw() const { return data_; }

    /// The same storage under another shape of equal count; throws Error otherwise.
    Tensor reshape(Shape shape) const;
    /// `count` elements from `first`, flat, sharing the storage. Throws Error outside the bounds.
    Tensor slice(int64_t first, int64_t count) const;
    /// Images `first`..`first+count` of the leading extent, sharing the storage.
    Tensor images(int64_t first, int64_t count) const;

    /// Host copies. to_host of a bf16 tensor converts to f32.
    std::vector<float> to_host() const;
    /// Copies values of equal shape, dtype and any device into this storage.
    void copy_from(const Tensor& other);
    void copy_from_host(const float* values, int64_t count);
    Tensor to(Device device) const;
    /// Converts between f32 and bf16; the same storage where the type already fits.
    Tensor to(Dtype dtype) const;
    void set_to_zero();

private:
    Shape shape_;
    Dtype dtype_ = Dtype::f32;
    Device device_ = Device::cpu;
    Storage storage_;
    std::byte* data_ = nullptr;
};

/// Calls f with a value of the C++ type behind an activation's dtype: f(float{}) or f(bf16{}). Throws Error
/// for i32.
template <class F>
void with_activation_type(Dtype dtype, F f) {
    if (dtype == Dtype::f32)
        f(float{});
    else if (dtype == Dtype::bf16)
        f(bf16{});
    else
        throw Error("activations are f32 or bf16, got i32");
}

/// Throws Error "<op>: expected …" unless the shapes are equal.
void expect_shape(const char* op, const Tensor& tensor, const Shape& expected);
void expect_same(const char* op, const Tensor& a, const Tensor& b);

} // namespace heat
