#include "engine/tensor.h"

#include "engine/io/number_list.h"
#include "engine/profiler.h"
#include "kernels/elementwise.h"
#include "kernels/error.h"
#include "kernels/memory.h"

#include <fmt/format.h>

#include <type_traits>

namespace heat {
namespace {

/// A copy or conversion of t into something of `written` bytes.
OpWork copy_work(const Tensor& t, size_t written) {
    return {double(t.bytes() + written), 0, t.shape().text(), t.dtype()};
}

} // namespace

int64_t Shape::count() const {
    int64_t n = 1;
    for (int64_t extent : extents_) n *= extent;
    return n;
}

std::string Shape::text() const {
    if (extents_.empty()) return "scalar";
    return number_list(extents_, "×");
}

Tensor::Tensor(Shape shape, Dtype dtype, Device device)
    : shape_(std::move(shape)), dtype_(dtype), device_(device) {
    for (int64_t extent : shape_.extents())
        if (extent < 0)
            throw Error(fmt::format("tensor of shape {}: extents must not be negative", shape_.text()));
    storage_ = allocate(device, std::max<size_t>(bytes(), 1));
    data_ = storage_.get();
}

Tensor Tensor::zeros(Shape shape, Dtype dtype, Device device) {
    Tensor t(std::move(shape), dtype, device);
    t.set_to_zero();
    return t;
}

Tensor Tensor::full(Shape shape, float value, Device device) {
    Tensor t(std::move(shape), Dtype::f32, device);
    kernels::fill(t.stream(), t.data<float>(), value, t.count());
    return t;
}

Tensor Tensor::from_host(Shape shape, const std::vector<float>& values, Device device) {
    Tensor t(std::move(shape), Dtype::f32, device);
    t.copy_from_host(values.data(), int64_t(values.size()));
    return t;
}

Tensor Tensor::from_host(Shape shape, const std::vector<int32_t>& values, Device device) {
    Tensor t(std::move(shape), Dtype::i32, device);
    if (int64_t(values.size()) != t.count())
        throw Error(fmt::format("tensor of shape {} takes {} values, got {}", t.shape().text(), t.count(),
                                values.size()));
    const ProfileScope scope("upload", device, [&] { return copy_work(t, t.bytes()); });
    kernels::copy_memory(t.stream(), t.raw(), values.data(), t.bytes(), kernels::CopyKind::host_to_device);
    return t;
}

namespace {
template <class T>
constexpr Dtype dtype_of() {
    if constexpr (std::is_same_v<T, float>)
        return Dtype::f32;
    else if constexpr (std::is_same_v<T, bf16>)
        return Dtype::bf16;
    else
        return Dtype::i32;
}
} // namespace

template <class T>
T* Tensor::data() {
    if (dtype_ != dtype_of<T>())
        throw Error(fmt::format("tensor holds {}, asked for {}", name_of(dtype_), name_of(dtype_of<T>())));
    return reinterpret_cast<T*>(data_);
}
template <class T>
const T* Tensor::data() const {
    return const_cast<Tensor*>(this)->data<T>();
}
template float* Tensor::data();
template bf16* Tensor::data();
template int32_t* Tensor::data();
template const float* Tensor::data() const;
template const bf16* Tensor::data() const;
template const int32_t* Tensor::data() const;

Tensor Tensor::reshape(Shape shape) const {
    if (shape.count() != count())
        throw Error(fmt::format("reshape of {} to {}: {} elements are not {}", shape_.text(), shape.text(),
                                count(), shape.count()));
    Tensor t = *this;
    t.shape_ = std::move(shape);
    return t;
}

Tensor Tensor::slice(int64_t first, int64_t count) const {
    if (first < 0 || count < 0 || first + count > this->count())
        throw Error(fmt::format("slice {}..{} lies outside a tensor of {} elements", first, first + count,
                                this->count()));
    Tensor t = *this;
    t.shape_ = Shape{count};
    t.data_ += size_t(first) * size_of(dtype_);
    return t;
}

Tensor Tensor::images(int64_t first, int64_t count) const {
    if (shape_.rank() == 0 || first < 0 || first + count > shape_[0])
        throw Error(fmt::format("images {}..{} lie outside a tensor of shape {}", first, first + count,
                                shape_.text()));
    std::vector<int64_t> extents = shape_.extents();
    const int64_t each = shape_[0] ? this->count() / shape_[0] : 0;
    extents[0] = count;
    return slice(first * each, count * each).reshape(Shape(std::move(extents)));
}

std::vector<float> Tensor::to_host() const {
    if (dtype_ == Dtype::bf16) return to(Dtype::f32).to_host();
    if (dtype_ != Dtype::f32)
        throw Error(fmt::format("to_host gives f32 values; this tensor holds {}", name_of(dtype_)));
    const ProfileScope scope("download", device_, [&] { return copy_work(*this, bytes()); });
    std::vector<float> values(static_cast<size_t>(count()));
    kernels::copy_memory(stream(), values.data(), data_, bytes(), kernels::CopyKind::device_to_host);
    return values;
}

void Tensor::copy_from_host(const float* values, int64_t n) {
    if (n != count() || dtype_ != Dtype::f32)
        throw Error(fmt::format("{} tensor of shape {} takes {} f32 values, got {}", name_of(dtype_),
                                shape_.text(), count(), n));
    const ProfileScope scope("upload", device_, [&] { return copy_work(*this, bytes()); });
    kernels::copy_memory(stream(), data_, values, bytes(), kernels::CopyKind::host_to_device);
}

void Tensor::copy_from(const Tensor& other) {
    expect_shape("copy", other, shape_);
    if (other.dtype_ != dtype_)
        throw Error(fmt::format("copy of {} into {}: cast first", name_of(other.dtype_), name_of(dtype_)));
    using Kind = kernels::CopyKind;
    const Device device = device_ == Device::cuda ? device_ : other.device_;
    const Kind kind = device_ == other.device_  ? Kind::device_to_device
                      : device_ == Device::cuda ? Kind::host_to_device
                                                : Kind::device_to_host;
    const ProfileScope scope("copy", device, [&] { return copy_work(*this, bytes()); });
    kernels::copy_memory(stream_of(device), data_, other.data_, bytes(), kind);
}

Tensor Tensor::to(Device device) const {
    if (device == device_) return *this;
    Tensor t(shape_, dtype_, device);
    t.copy_from(*this);
    return t;
}

Tensor Tensor::to(Dtype dtype) const {
    if (dtype == dtype_) return *this;
    Tensor t(shape_, dtype, device_);
    const ProfileScope scope("cast", device_, [&] { return copy_work(*this, t.bytes()); });
    if (dtype == Dtype::bf16)
        kernels::cast(stream(), data<float>(), t.data<bf16>(), count());
    else
        kernels::cast(stream(), data<bf16>(), t.data<float>(), count());
    return t;
}

void Tensor::set_to_zero() {
    const ProfileScope scope("zero", device_, [&] { return copy_work(*this, 0); });
    kernels::set_memory_to_zero(stream(), data_, bytes());
}

void expect_shape(const char* op, const Tensor& tensor, const Shape& expected) {
    if (tensor.shape() != expected)
        throw Error(fmt::format("{}: expected shape {}, got {}", op, expected.text(), tensor.shape().text()));
}

void expect_same(const char* op, const Tensor& a, const Tensor& b) {
    expect_shape(op, b, a.shape());
    if (a.dtype() != b.dtype())
        throw Error(fmt::format("{}: mixed types {} and {}; cast one of them", op, name_of(a.dtype()),
                                name_of(b.dtype())));
    if (a.device() != b.device())
        throw Error(
            fmt::format("{}: tensors are on {} and {}", op, name_of(a.device()), name_of(b.device())));
}

} // namespace heat
