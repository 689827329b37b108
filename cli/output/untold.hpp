#pragma once

#include "cli/context.hpp"
#include "relay/model/error.hpp"

#include <exception>
#include <string>

/// What to report if the work is done but its result cannot be shown: the output is broken, or no memory is left.
namespace relay::cli {

/// Thrown if the reader of stdout is gone and nothing was changed: the program ends with 0 and says nothing.
class ReaderGone : public std::exception {
  public:
    char const *what() const noexcept override { return "the reader of stdout is gone"; }
};

/// Throws what a failed write of a result means: untold if `changed` (or this process has committed a change); else
/// ReaderGone if the reader of `stream` closed the pipe; else unavailable.
[[noreturn]] void fail_to_write(std::string const &stream, int error_number, Changed changed);

/// Returns `error` as a process that has committed a change must report it: with `changed` as it is, without "nothing
/// was changed", and as untold if it would otherwise promise that a retry is safe.
Error add_what_is_committed(Error const &error);

/// Writes the reports of the functions below while there is memory for them.
void prepare_last_reports(Globals const &globals);
/// Reports that no memory (or no other resource of this machine) is left, and whether the change is committed. Returns
/// the exit code. Needs no memory.
int report_exhausted() noexcept;
/// Reports that a signal ended the command after its change was committed. Returns the exit code. Async-signal-safe.
int report_interrupted() noexcept;

}  // namespace relay::cli
