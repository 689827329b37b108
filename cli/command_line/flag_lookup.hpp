#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

/// Questions to declared options over CLI11's public getters: for the pre-scan, the help text, completions and man pages.
namespace relay::cli {

struct FoundFlag {
    CLI::Option const *option = nullptr;
    bool is_global = false;
};

/// The flag `--name`: the command's own (`leaf`, may be null), else the program's.
FoundFlag find_long(CLI::App const *leaf, CLI::App const &root, std::string_view name);
FoundFlag find_short(CLI::App const *leaf, CLI::App const &root, char letter);
/// Flags that somebody who wrote `spelled` may have meant, with their hyphens.
std::vector<std::string> similar_flags(CLI::App const *leaf, CLI::App const &root, std::string const &spelled);

bool takes_value(CLI::Option const &option);
bool takes_many(CLI::Option const &option);
bool is_positional(CLI::Option const &option);
/// "--org": the first long name, else the short one.
std::string canonical_name(CLI::Option const &option);
/// "AGENT"
std::string positional_name(CLI::Option const &option);
std::vector<CLI::Option const *> positionals_of(CLI::App const &app);

}  // namespace relay::cli
