#pragma once

#include "engine/io/image8.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace heat {

/// One point of a curve.
struct Scalar {
    std::string tag;
    float value = 0;
};

// Events of TensorBoard (tensorflow.Event, protocol buffers), each as the bytes of one record with its
// framing: length u64, masked CRC-32C of it, the event, masked CRC-32C of that, little-endian. `wall_time` is
// in seconds since 1970.

/// The event that every file begins with.
std::vector<uint8_t> version_record(double wall_time);
std::vector<uint8_t> scalars_record(double wall_time, int64_t step, std::span<const Scalar> scalars);
/// `png` is the file of an image of that size, grey (1 channel) or RGB (3).
std::vector<uint8_t> image_record(double wall_time, int64_t step, const std::string& tag, int height,
                                  int width, int channels, std::span<const uint8_t> png);

/// Bytes of `file` from its beginning that are whole, undamaged records with steps of at most `last_step`:
/// what a run that goes on from there keeps. 0 where the file does not begin like an event file.
uint64_t kept_event_bytes(std::span<const uint8_t> file, int64_t last_step);

/// A file of events that grows while a run goes on; TensorBoard reads it meanwhile. Each event is one write,
/// so that a killed program leaves at most one cut-off record, at the end. Every function throws Error naming
/// the path where the file cannot be read or written.
class EventFile {
public:
    explicit EventFile(std::filesystem::path path) : path_(std::move(path)) {}

    /// Cuts off what is past `last_step`, damaged or half written. A file that is not there stays so.
    void truncate(int64_t last_step) const;
    /// Both append an event of now, and make file and folder if needed. add_image also throws Error as
    /// check_image.
    void add_scalars(int64_t step, std::span<const Scalar> scalars) const;
    void add_image(int64_t step, const std::string& tag, const Image8& image) const;

private:
    void append(std::span<const uint8_t> record) const;

    std::filesystem::path path_;
};

} // namespace heat
