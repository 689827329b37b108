#pragma once

#include <span>
#include <string_view>

/// The texts about the program as a whole, for relay-admin(1) and `relay-admin --help`; commands, flags and exit codes
/// have their own.
namespace relay::cli {

/// A name and its text, in the form of a command's `doc` without examples.
struct ManualEntry {
    std::string_view name;
    std::string_view text;
};

/// Returns one line, like a command's summary.
std::string_view program_summary();
/// Returns a text like a command's `doc`, with EXAMPLES.
std::string_view program_doc();
/// Returns further sections: "SECRETS", ...
std::span<ManualEntry const> program_sections();
std::span<ManualEntry const> environment_variables();
std::span<ManualEntry const> program_files();

}  // namespace relay::cli
