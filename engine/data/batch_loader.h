#pragma once

#include "engine/data/batch.h"
#include "engine/data/batch_order.h"
#include "engine/data/labels.h"
#include "engine/upload.h"

#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace heat {

/// The images of batch `index`, for example BatchSampler::indices. Called by one thread at a time.
using BatchOrder = std::function<std::vector<uint32_t>(uint64_t index)>;
BatchOrder batch_order(BatchSampler sampler);

/// Makes batches ahead of their use, on threads of its own, so that the step that takes them finds them
/// ready. A batch depends on its index alone; asking for the one after the last is fast, asking for another
/// begins anew from there. One thread may ask.
class BatchLoader {
public:
    /// The images are used as long as the loader lives. options.step is set to the batch's index. One thread
    /// copies images that lie in memory; `decoders` threads work on as many batches where images are decoded
    /// on demand.
    BatchLoader(const ImageSource& images, BatchOrder order, const BatchOptions& options, int decoders = 1);
    /// Finishes the batches under way and discards them.
    ~BatchLoader();
    BatchLoader(const BatchLoader&) = delete;
    BatchLoader& operator=(const BatchLoader&) = delete;

    /// Batch `index` as f32 N×H×W×C. On a card its copy has been under way since it was made, from pinned
    /// memory and beside what the card computes; nothing waits for the card but the making of later batches,
    /// of which as many are under way as run ahead. Throws what its making threw.
    Tensor batch(uint64_t index, Device device) { return labelled_batch(index, device).images; }
    /// The same with the images' labels, which come the same way; undefined where the set has none.
    LabelledBatch labelled_batch(uint64_t index, Device device);

    /// Seconds that batch() has waited in all for batches that were not ready, and how many batches it gave;
    /// what waited for a card that was behind, and the first after each new beginning, which nothing could
    /// make ahead, is left out.
    double seconds_waited() const { return seconds_waited_; }
    uint64_t batches_given() const { return batches_given_; }

private:
    struct Made {
        std::unique_ptr<UploadSlot> slot;
        std::unique_ptr<UploadSlot> labels; ///< null where the set has none
        std::exception_ptr failure;
    };
    void work();
    Made make(uint64_t index, const std::vector<uint32_t>& indices, Made slots) const;
    Made spare_slots();
    void recycle(Made made);
    void begin_at(uint64_t index, Device device);

    const ImageSource& images_;
    BatchOrder order_;
    BatchOptions options_;
    uint64_t ahead_;

    std::mutex mutex_; ///< of all below but the figures
    std::condition_variable wanted_changed_, made_changed_;
    uint64_t wanted_ = 0;     ///< the batch that is asked for next
    uint64_t next_ = 0;       ///< the batch that is made next
    uint64_t generation_ = 0; ///< of beginnings; what an earlier one has under way is of no use
    bool begun_ = false, stopping_ = false;
    Device device_ = Device::cpu; ///< of the batches that are made now
    std::map<uint64_t, Made> made_;
    std::vector<Made> spare_; ///< whose slots are used again

    double seconds_waited_ = 0;
    uint64_t batches_given_ = 0;
    std::vector<std::jthread> threads_;
};

} // namespace heat
