#pragma once

#include <CLI/CLI.hpp>

namespace heat::tools {

// Each adds one subcommand to the program: its options, its examples and what it does (tools/<name>.cpp).
void add_train_command(CLI::App& app);
void add_sample_command(CLI::App& app);
void add_likelihood_command(CLI::App& app);
void add_predict_command(CLI::App& app);
void add_classify_command(CLI::App& app);
void add_process_command(CLI::App& app);
void add_data_command(CLI::App& app);
void add_import_command(CLI::App& app);
void add_export_command(CLI::App& app);
void add_info_command(CLI::App& app);
void add_bench_command(CLI::App& app);
void add_operator_command(CLI::App& app);
// These two describe the whole program, whatever else is added.
void add_completion_command(CLI::App& app);
void add_man_command(CLI::App& app);

} // namespace heat::tools
