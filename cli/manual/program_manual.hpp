#pragma once

#include <span>
#include <string_view>

/// What is told of the program as a whole, besides its commands, its flags and its exit codes: for relay-admin(1) and
/// `relay-admin --help`.
namespace relay::cli {

/// A name with what is to be known of it; the text as a command's `doc`, without examples.
struct ManualEntry {
    std::string_view name;
    std::string_view text;
};

/// One line, as a command's summary.
std::string_view program_summary();
/// As a command's `doc`, EXAMPLES included.
std::string_view program_doc();
/// Further sections: "SECRETS", ...
std::span<ManualEntry const> program_sections();
std::span<ManualEntry const> environment_variables();
std::span<ManualEntry const> program_files();

}  // namespace relay::cli
