#pragma once

#include <string>
#include <vector>

namespace relay::cli {

/// A row of the table of exit codes.
struct ExitCode {
    int code;
    std::string name;  ///< as in JSON errors: "not_found"; "ok" for 0, and the name of the signal for the last ones
    std::string meaning;  ///< what happened
    std::string next;  ///< what to do: for people, in `explain`
};

/// Returns every exit code of the program, in order: the single source for help, manual and `explain`.
std::vector<ExitCode> exit_table();

}  // namespace relay::cli
