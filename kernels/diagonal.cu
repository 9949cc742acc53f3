#include "kernels/diagonal.h"
#include "kernels/parallel.h"

namespace heat::kernels {

namespace {

constexpr int points_per_chunk = 2048;

/// One team per (image, chunk of points). The terms that are present come first. `Ones`: some have no table.
template <int Count, bool Ones>
struct DiagonalCombination {
    DiagonalTerm terms[Count];
    const int32_t* rows;
    int width;
    float* y;
    int points, channels, chunks;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int image = team.index() / chunks, first = team.index() % chunks * points_per_chunk;
        const int count = points - first < points_per_chunk ? points - first : points_per_chunk;
        const int depth = channels;
        const int64_t offset = (int64_t(image) * points + first) * depth;
        const int64_t row = int64_t(rows ? rows[image] : 0) * width;
        float* out = y + offset;
        const float *data[Count], *table[Count];
        for (int k = 0; k < Count; ++k) {
            data[k] = terms[k].data + offset;
            table[k] = Ones && !terms[k].table ? nullptr : terms[k].table + row + (width == 1 ? 0 : first);
        }
        if (width == 1) {
            float coefficient[Count];
            for (int k = 0; k < Count; ++k) coefficient[k] = table[k] ? *table[k] : 1.f;
            team.for_each(count * depth, [=](int i) {
                float sum = coefficient[0] * data[0][i];
                for (int k = 1; k < Count; ++k) sum += coefficient[k] * data[k][i];
                out[i] = sum;
            });
        } else if (depth == 1) {
            team.for_each(count, [=](int i) { out[i] = combined(data, table, i, i); });
        } else if (depth == 3) { // a flat loop, since one of three steps would not fill a vector
            team.for_each(3 * count, [=](int i) { out[i] = combined(data, table, i / 3, i); });
        } else {
            team.rows(count, depth,
                      [=](int p, int c) { out[p * depth + c] = combined(data, table, p, p * depth + c); });
        }
    }

private:
    HEAT_HD static float combined(const float* const* data, const float* const* table, int point, int i) {
        const auto factor = [=](int k) { return Ones && !table[k] ? 1.f : table[k][point]; };
        float sum = factor(0) * data[0][i];
        for (int k = 1; k < Count; ++k) sum += factor(k) * data[k][i];
        return sum;
    }
};

template <int Count, bool Ones>
void launch_typed(const Stream& stream, const DiagonalTerm* terms, const int32_t* rows, int width, float* y,
                  int images, int points, int channels) {
    const int chunks = (points + points_per_chunk - 1) / points_per_chunk;
    DiagonalCombination<Count, Ones> f{{}, rows, width, y, points, channels, chunks};
    for (int k = 0; k < Count; ++k) f.terms[k] = terms[k];
    parallel_teams(stream, images * chunks, f);
}

template <int Count>
void launch(const Stream& stream, const DiagonalTerm* terms, const int32_t* rows, int width, float* y,
            int images, int points, int channels) {
    bool ones = false;
    for (int k = 0; k < Count; ++k) ones = ones || !terms[k].table;
    if (ones)
        launch_typed<Count, true>(stream, terms, rows, width, y, images, points, channels);
    else
        launch_typed<Count, false>(stream, terms, rows, width, y, images, points, channels);
}

} // namespace

void diagonal_combination(const Stream& stream, const DiagonalTerm (&terms)[3], const int32_t* rows,
                          int width, float* y, int images, int points, int channels) {
    DiagonalTerm present[3];
    int count = 0;
    for (const DiagonalTerm& term : terms)
        if (term.data) present[count++] = term;
    switch (count) {
    case 1:
        return launch<1>(stream, present, rows, width, y, images, points, channels);
    case 2:
        return launch<2>(stream, present, rows, width, y, images, points, channels);
    case 3:
        return launch<3>(stream, present, rows, width, y, images, points, channels);
    default:
        throw Error("a diagonal combination needs one to three terms with data; all three are null");
    }
}

} // namespace heat::kernels
