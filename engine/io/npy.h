#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace heat {

/// The element types that are read and written, little-endian: '<f4', '<f8', '|u1', '<i8' of NumPy.
enum class NpyDtype { f32, f64, u8, i64 };

/// Bytes of one element.
size_t npy_element_size(NpyDtype dtype);

/// An array as a .npy file holds it, in C order.
struct NpyArray {
    std::vector<int64_t> shape; ///< empty: a scalar
    NpyDtype dtype = NpyDtype::f32;
    std::vector<uint8_t> bytes; ///< little-endian
};

/// The same over memory that somebody else owns and must keep alive for the call it is given to.
struct NpyView {
    std::vector<int64_t> shape;
    NpyDtype dtype = NpyDtype::f32;
    std::span<const uint8_t> bytes;

    NpyView() = default;
    NpyView(std::vector<int64_t> view_shape, NpyDtype view_dtype, std::span<const uint8_t> view_bytes);
    NpyView(std::vector<int64_t> view_shape, std::span<const float> values);
    NpyView(
        const NpyArray& array); // NOLINT(google-explicit-constructor): an array is meant to serve as a view
};

/// Magic, version and dictionary of a version 1.0 file, padded so that the data begin at a multiple of 64
/// bytes. Throws Error when the shape is negative or does not fit the number of bytes.
std::vector<uint8_t> npy_header(const NpyView& array);

/// Writes aside and renames (see AtomicFile). Throws Error as npy_header, or naming the path.
void write_npy(const std::filesystem::path& path, const NpyView& array);

/// Decodes the content of a .npy file, version 1, 2 or 3; `name` stands in the messages. Throws Error for
/// another dtype, for big-endian or Fortran order, for a malformed header, and when the data are cut off or
/// too long.
NpyArray decode_npy(std::span<const uint8_t> file, const std::string& name);
NpyArray read_npy(const std::filesystem::path& path);

/// The elements as f32 (from f64 and i64 rounded to nearest, u8 as 0…255).
std::vector<float> npy_to_f32(const NpyArray& array);

} // namespace heat
