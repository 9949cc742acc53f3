#pragma once

#include "processes/process.h"

#include <functional>
#include <string>

namespace heat::tools {

/// Images that a command is given, made to fit a run's as its data are.
struct Pictures {
    int64_t count = 0;
    std::string path;
    /// Writes image i, H×W×C in the data range.
    std::function<void(int64_t i, float* values)> read;

    /// f32 N×H×W×C on the process's device: image indices[k] mod count in place k.
    Tensor gather(const processes::Process& process, const std::vector<int64_t>& indices) const;
};

/// A PNG or JPEG file, whatever open_images opens (engine/data: a folder or zip file of such, IDX, CIFAR-10),
/// or a NumPy array (.npy), N×C×H×W of the run's size: bytes, or numbers in the process's data range. Throws
/// Error naming what cannot be read or does not fit.
Pictures open_pictures(const std::string& path, const processes::Process& process);

/// Which pixels an image file says are to be filled, those brighter than half: f32 1×H×W×1, 1 and 0. Throws
/// Error for another size than the process's.
Tensor read_mask(const std::string& path, const processes::Process& process);

} // namespace heat::tools
