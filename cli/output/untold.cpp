#include "cli/output/untold.hpp"

#include "cli/documents/error.hpp"
#include "cli/exit_status.hpp"
#include "cli/output/error_output.hpp"
#include "cli/output/render_json.hpp"
#include "cli/posix/write_all.hpp"
#include "relay/model/ids.hpp"
#include "relay/model/outcome.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <unistd.h>

namespace relay::cli {

namespace {

constexpr char const *check_first = "check the state before you repeat the command";

/// In a prepared report, this is where the operation that is in doubt will be written. It has the same length.
constexpr std::string_view some_operation = "op_000000000000000000000000";

std::string_view what_is_committed(Changed changed) {
    switch (changed) {
        case Changed::no: return "nothing was changed";
        case Changed::yes: return "the change itself is committed";
        case Changed::partly: return "a part of the change is committed, the rest is not made";
        case Changed::unknown: break;
    }
    return "whether the change is committed is not known";
}

ErrorKind kind_when(Changed changed) {
    return changed == Changed::no        ? ErrorKind::unavailable
           : changed == Changed::unknown ? ErrorKind::unknown
                                         : ErrorKind::untold;
}

/// What ends the program before its result is written.
struct Cause {
    std::string_view words;
    std::string_view when;  ///< when to run the command again
};
constexpr Cause no_memory{"out of memory", " when this machine has more memory"};
constexpr Cause interrupt{"interrupted", ""};

Advice next_when(Cause const &cause, Changed changed, bool has_operation) {
    std::string const when(cause.when);
    switch (changed) {
        case Changed::no: return "try again" + when;
        case Changed::yes: return check_first;
        case Changed::partly: return "run the same command again" + when + ": it does the rest";
        case Changed::unknown: break;
    }
    return has_operation ? advise(Act::recover, some_operation) : check_first;
}

/// The reports, written beforehand: by Changed, and the last one for a change in doubt that no operation settles.
using Reports = std::array<std::string, 5>;
Reports exhausted_reports;
Reports interrupted_reports;

std::string written(Globals const &globals, Cause const &cause, Changed changed, bool has_operation) {
    Error const error(kind_when(changed), std::string(cause.words) + "; " + std::string(what_is_committed(changed)),
                      {.next = next_when(cause, changed, has_operation), .changed = changed});
    return is_json(globals.format) ? error_json(error, globals)
                                   : error_text(error, globals, stderr_has_color(globals.color));
}

void name_operation(std::string &report, std::string_view operation) noexcept {
    auto const place = std::search(report.begin(), report.end(), some_operation.begin(), some_operation.end());
    if (place != report.end()) {
        std::copy(operation.begin(), operation.end(), place);
    }
}

void prepare(Reports &reports, Globals const &globals, Cause const &cause) {
    for (Changed const changed : {Changed::no, Changed::yes, Changed::partly, Changed::unknown}) {
        reports.at(static_cast<std::size_t>(changed)) = written(globals, cause, changed, true);
    }
    reports.back() = written(globals, cause, Changed::unknown, false);
}

/// Writes the report that fits what is committed. Returns the exit code.
int write_report(Reports &reports, std::string_view unprepared) noexcept {
    Changed const changed = outcome::so_far();
    std::string_view const operation = outcome::in_doubt();
    bool const nameless = changed == Changed::unknown && operation.size() != some_operation.size();
    std::string &report = nameless ? reports.back() : reports[static_cast<std::size_t>(changed)];
    if (report.empty()) {
        write_all(STDERR_FILENO, unprepared);
    } else {
        if (!operation.empty()) {
            name_operation(report, operation);
        }
        write_all(STDERR_FILENO, report);
    }
    return static_cast<int>(exit_status(kind_when(changed)));
}

}  // namespace

void fail_to_write(std::string const &stream, int error_number, Changed changed) {
    Changed const committed = outcome::so_far();
    bool const is_part = changed == Changed::partly && committed == Changed::yes;
    changed = committed == Changed::no || is_part ? changed : committed;
    if (changed == Changed::no && error_number == EPIPE) {
        throw ReaderGone();
    }
    Advice next = changed == Changed::no ? Advice("try again with an output that can be written") : check_first;
    throw Error(kind_when(changed),
                "cannot write the result to " + stream + ": " + std::strerror(error_number) + "; " +
                    std::string(what_is_committed(changed)),
                {.next = std::move(next), .changed = changed});
}

Error add_what_is_committed(Error const &error) {
    Changed const committed = outcome::so_far();
    if (committed == Changed::no || error.hint().changed != Changed::no) {
        return error;
    }
    Hint hint = error.hint();
    hint.changed = committed;
    bool const promises_retry = error.kind() == ErrorKind::unavailable || error.kind() == ErrorKind::internal;
    if (promises_retry) {
        hint.next = Advice(check_first).also(std::move(hint.next));
    }
    return {promises_retry ? kind_when(committed) : error.kind(),
            what_failed(error) + "; " + std::string(what_is_committed(committed)), std::move(hint)};
}

void prepare_last_reports(Globals const &globals) {
    prepare(exhausted_reports, globals, no_memory);
    prepare(interrupted_reports, globals, interrupt);
}

int report_exhausted() noexcept {
    return write_report(exhausted_reports, "relay-admin: error: out of memory; nothing was changed\n");
}

int report_interrupted() noexcept { return write_report(interrupted_reports, "relay-admin: error: interrupted\n"); }

}  // namespace relay::cli
