#pragma once

#include "relay/model/error.hpp"

#include <string_view>

/// What this process has committed so far, for the moment in which nothing else can be asked: an error outside of every
/// transaction, a signal, or no memory left. Only `Database` and use cases of several transactions write it. No function here
/// allocates or throws.
namespace relay::outcome {

/// Call before COMMIT is sent. `operation` settles it if its answer is lost; empty if nothing does.
void commit_sent(std::string_view operation) noexcept;
/// Call when that COMMIT is known to have succeeded, or to have been rolled back.
void committed() noexcept;
void rolled_back() noexcept;
/// Call with true before the first of several transactions that are one change together, with false after the last.
void expect_more(bool more) noexcept;

/// Returns what this process has changed: no; yes; partly, if transactions of the same change were still to come;
/// unknown, if a COMMIT was sent and its outcome has not been found out.
Changed so_far() noexcept;
/// Returns the operation whose outcome is unknown; empty if there is none.
std::string_view in_doubt() noexcept;

}  // namespace relay::outcome
