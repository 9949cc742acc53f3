#pragma once

#include "processes/diagonal_process.h"
#include "processes/heat_scheme.h"
#include "processes/operators/operator_solver.h"

namespace heat::processes {

/// What the network of the heat diffusion model sees: u_n, the state of the paper; v_n = A^{N−n} u_n, that of
/// the sampler; or u_n over its own deviation in each eigenvalue, which is v_n over its own.
enum class HeatInput { u, v, normalised };

/// "u", "v", "normalised"; reading an unknown one throws Error with the list.
const char* name_of(HeatInput input);
HeatInput heat_input_from_name(const std::string& name);

/// What A is a step of: the heat equation, or, for the paper's ablation, the same with a random operator in
/// the Laplacian's place (processes/operators/random_operator.h).
enum class HeatOperator { heat, random };

/// "heat", "random"; reading an unknown one throws Error with the list.
const char* name_of(HeatOperator kind);
HeatOperator heat_operator_from_name(const std::string& name);

struct HeatDiffusionSettings {
    std::vector<double> betas; ///< β_0 = 0, β_1..β_N (processes/schedule.h)
    HeatScheme scheme;
    HeatInput input = HeatInput::normalised;
    HeatOperator kind = HeatOperator::heat;
    /// How powers of A are applied. Spectral alone computes in the eigenbasis; the others are the paper's
    /// way, an operator on pixels each step, for input u or v and prediction ε. Random takes dense.
    SolverMethod solver = SolverMethod::spectral;
    double gain_floor = 0;        ///< eigenvalues of A below gain_floor^{1/N} are that; 0: none
    double condition_limit = 1e4; ///< of A^N, beyond which the settings are refused
    Prediction prediction = Prediction::epsilon;
    Variance variance = Variance::small;
    LossWeight loss_weight = {};
};

/// The heat diffusion model (Zhang & Jia; docs/math.md, "HDM"): u_n = √ᾱ_n A^n u_0 + √(1−ᾱ_n) A^{n−N} ε with
/// A one step of the discrete heat equation. It is DDPM on the blurred data A^N u_0 in v_n = A^{N−n} u_n, and
/// is computed so, in the basis of the boundary's transform: a_n = √ᾱ_n λ^N, s_n = √(1−ᾱ_n) for n >= 1; the
/// step to level 0 undoes A^N. K = 0 is DDPM in pixels, bit for bit. Prior N(0, 1), data in −1..1.
class HeatDiffusionModel : public DiagonalProcess {
public:
    /// Throws Error where A^N cannot be undone (processes/heat_scheme.h), and where the solver does not take
    /// the settings or the build lacks it.
    HeatDiffusionModel(ImageSize size, const HeatDiffusionSettings& settings, Device device);

    std::string name() const override { return "hdm"; }
    /// Adds alpha_bar_last, the heat, the range of A's eigenvalues, the modes lost and floored, and by how
    /// much the last step multiplies the network's error.
    std::vector<ReportEntry> report() const override;
    /// alpha_bar, beta, posterior_variance of v_n, log10_smallest_gain of A^n.
    std::vector<TableColumn> tables() const override;

private:
    struct Spectrum;
    static Spectrum spectrum_of(ImageSize size, const HeatDiffusionSettings& settings);
    HeatDiffusionModel(ImageSize size, const HeatDiffusionSettings& settings, const Spectrum& spectrum,
                       Device device);

    HeatDiffusionSettings settings_;
    Conditioning conditioning_;
};

} // namespace heat::processes
