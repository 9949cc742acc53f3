#include "kernels/diagonal_step.h"

#include "kernels/diagonal.h"
#include "kernels/error.h"
#include "kernels/memory.h"
#include "kernels/transform/choice.h"
#include "kernels/transform/image_step.h"

#include <algorithm>
#include <string>

namespace heat::kernels {
namespace {

int64_t elements(const DiagonalStep& s) {
    return s.images * s.height * s.width * s.channels;
}

int count_of_pixel_operands(const DiagonalStep& s) {
    return int(std::count_if(std::begin(s.operands), std::end(s.operands),
                             [](const DiagonalOperand& o) { return o.data && o.pixels; }));
}

/// Whether kernels/transform/image_step.h does it all.
bool fused(const Stream& stream, const DiagonalStep& s, TransformMethod method) {
    return !stream.on_cuda && !by_fftw_on_host(s.kind, s.height, s.width, method) &&
           !by_fftw_on_host(inverse_of(s.kind), s.height, s.width, method);
}

ImageStep<float> image_step(const DiagonalStep& s, TransformMethod method) {
    ImageStep<float> step;
    step.images = s.images;
    step.height = s.height;
    step.width = s.width;
    step.channels = s.channels;
    const auto line = [method](TransformKind kind, int n) {
        return line_transform<float>(kind, n, halved_on_host(kind, n, method));
    };
    step.columns = line(s.kind, s.height);
    step.rows = line(s.kind, s.width);
    step.inverse_columns = line(inverse_of(s.kind), s.height);
    step.inverse_rows = line(inverse_of(s.kind), s.width);
    for (const DiagonalOperand& o : s.operands)
        if (o.data) step.operands[step.operand_count++] = {o.data, o.table, o.pixels};
    step.table_rows = s.rows;
    step.table_width = s.table_width;
    step.sum = s.coefficients;
    for (const DiagonalResult& r : s.results)
        if (r.pixels) step.results[step.result_count++] = {r.pixels, r.table};
    return step;
}

/// The same by its parts, a pass over memory each.
class Parts {
public:
    Parts(const Stream& stream, const DiagonalStep& step, TransformMethod method)
        : stream_(stream), step_(step), method_(method) {}

    int64_t workspace_floats() const {
        return (count_of_pixel_operands(step_) + 1) * elements(step_) +
               std::max(transform_floats(step_.kind), transform_floats(inverse_of(step_.kind)));
    }

    void run(float* workspace) const {
        const int64_t all = elements(step_);
        float* scratch = workspace;
        float* next =
            workspace + std::max(transform_floats(step_.kind), transform_floats(inverse_of(step_.kind)));
        DiagonalTerm terms[DiagonalStep::most_operands];
        int count = 0;
        for (const DiagonalOperand& o : step_.operands) {
            if (!o.data) continue;
            terms[count] = {o.data, o.table};
            if (o.pixels) {
                transform_all(step_.kind, o.data, next, scratch);
                terms[count].data = next;
                next += all;
            }
            ++count;
        }
        float* sum = step_.coefficients ? step_.coefficients : next;
        // A fourth operand is added in a second pass; where the sum takes the place of an operand's data, it
        // must be that of the first.
        for (int k = 1; k < count; ++k)
            if (terms[k].data == sum) std::swap(terms[k], terms[0]);
        combine({terms[0], terms[1], terms[2]}, sum);
        if (count == 4) combine({{sum, nullptr}, terms[3], {}}, sum);
        for (const DiagonalResult& r : step_.results) {
            if (!r.pixels) continue;
            const float* scaled = sum;
            if (r.table) {
                combine({{sum, r.table}, {}, {}}, r.pixels);
                scaled = r.pixels;
            }
            transform_all(inverse_of(step_.kind), scaled, r.pixels, scratch);
        }
    }

private:
    int64_t transform_floats(TransformKind kind) const {
        return transform_workspace_elements(stream_, kind, step_.images, step_.height, step_.width,
                                            step_.channels, method_);
    }
    void transform_all(TransformKind kind, const float* x, float* y, float* scratch) const {
        transform(stream_, kind, x, y, step_.images, step_.height, step_.width, step_.channels, scratch,
                  method_);
    }
    void combine(const DiagonalTerm (&terms)[3], float* y) const {
        diagonal_combination(stream_, terms, step_.rows, step_.table_width, y, int(step_.images),
                             step_.height * step_.width, step_.channels);
    }

    const Stream& stream_;
    const DiagonalStep& step_;
    TransformMethod method_;
};

void check(const DiagonalStep& s) {
    if (s.images < 0 || s.height < 1 || s.width < 1 || s.channels < 1)
        throw Error("diagonal step: expected positive sizes, got " + std::to_string(s.images) +
                    " images of " + std::to_string(s.height) + "×" + std::to_string(s.width) + "×" +
                    std::to_string(s.channels));
    if (s.table_width != 1 && s.table_width != s.height * s.width)
        throw Error("diagonal step: expected tables of width 1 or " + std::to_string(s.height * s.width) +
                    ", got " + std::to_string(s.table_width));
    if (std::none_of(std::begin(s.operands), std::end(s.operands),
                     [](const DiagonalOperand& o) { return o.data; }))
        throw Error("a diagonal step needs one to four operands with data; all are null");
    if (!s.coefficients && std::none_of(std::begin(s.results), std::end(s.results),
                                        [](const DiagonalResult& r) { return r.pixels; }))
        throw Error("a diagonal step needs somewhere to put its coefficients or their pixels; all are null");
}

} // namespace

int64_t diagonal_step_workspace_floats(const Stream& stream, const DiagonalStep& step,
                                       TransformMethod method) {
    if (step.images == 0) return 0;
    return fused(stream, step, method) ? workspace_elements(image_step(step, method))
                                       : Parts(stream, step, method).workspace_floats();
}

void diagonal_step(const Stream& stream, const DiagonalStep& step, float* workspace, TransformMethod method) {
    check(step);
    if (step.images == 0) return;
    if (fused(stream, step, method))
        run(image_step(step, method), workspace);
    else
        Parts(stream, step, method).run(workspace);
}

} // namespace heat::kernels
