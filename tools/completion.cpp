#include "tools/commands.h"
#include "tools/configuration.h"
#include "tools/shell_completion.h"

#include <fmt/format.h>

namespace heat::tools {

void add_completion_command(CLI::App& app) {
    auto shell = std::make_shared<std::string>();
    CLI::App* command = app.add_subcommand("completion", "Print the completion script of a shell");
    command->add_option("shell", *shell, "The shell")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    command->footer("Examples:\n"
                    "  engine completion bash > ~/.local/share/bash-completion/completions/engine\n"
                    "  engine completion zsh > ~/.zfunc/_engine\n"
                    "  engine completion fish > ~/.config/fish/completions/engine.fish\n"
                    "  source <(engine completion bash)");
    command->callback([shell, &app] {
        const Command root = describe_commands(app);
        const std::vector<std::string> keys = configuration_keys();
        fmt::print("{}", *shell == "bash"  ? bash_completion(root, keys)
                         : *shell == "zsh" ? zsh_completion(root, keys)
                                           : fish_completion(root, keys));
    });
}

} // namespace heat::tools
