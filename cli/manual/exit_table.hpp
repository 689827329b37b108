#pragma once

#include <string>
#include <vector>

namespace relay::cli {

/// A row of the table of exit codes.
struct ExitCode {
    int code;
    std::string name;  ///< as in the errors of JSON mode: "not_found"; "ok" for 0, the signal's name for the last ones
    std::string meaning;  ///< what happened, and what a script does
};

/// Every code that leaves the program, in order: the one source of help and manual.
std::vector<ExitCode> exit_table();

}  // namespace relay::cli
