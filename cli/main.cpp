#include "cli/app.hpp"
#include "cli/command_line/prescan.hpp"
#include "cli/command_line/withheld.hpp"
#include "cli/completion/complete.hpp"
#include "cli/documents/error.hpp"
#include "cli/output/error_output.hpp"
#include "cli/output/untold.hpp"
#include "cli/posix/process_guard.hpp"
#include "cli/posix/signals.hpp"
#include "relay/crypto/secret_buffer.hpp"
#include "relay/model/outcome.hpp"

#include <cstdlib>
#include <new>
#include <system_error>

namespace {

using namespace relay;
using namespace relay::cli;

char const *environment(char const *name) { return std::getenv(name); }

/// Writes an error to stderr, and returns the exit code. Until the words are parsed, `globals` are a guess from the raw
/// words.
int report(Error const &error, std::vector<std::string> const &words, Globals const &globals) noexcept {
    try {
        Error const true_error = without_secrets(add_what_is_committed(error), words);
        report_error(true_error, globals);
        return static_cast<int>(exit_status(true_error.kind()));
    } catch (...) {
        return report_exhausted();
    }
}

int run(std::vector<std::string> const &words, Globals &globals) {
    if (asks_for_completion(words)) {
        return complete(words);
    }
    if (asks_for_json(words, environment("RELAY_ADMIN_OUTPUT"))) {
        globals.format = OutputFormat::json;
    }
    Invocation const invocation = parse_command_line(words, command_table(), environment);
    globals = invocation.globals;
    prepare_last_reports(globals);
    start_crypto();
    Context context(invocation.globals, invocation.effect, invocation.line);
    try {
        return static_cast<int>(invocation.run(context));
    } catch (Error const &raised) {
        Error const error = explained(raised, invocation);
        throw invocation.effect == Effect::reads ? error_of_reading(error) : error_of_change(error);
    }
}

/// Reports a bug. The text of the exception could contain anything, so it is not shown.
int report_bug(Globals const &globals) noexcept {
    try {
        return report(
            Error(ErrorKind::internal, "internal error; nothing was changed", {.next = "please report this as a bug"}),
            {}, globals);
    } catch (...) {
        return report_exhausted();
    }
}

/// Runs the program, and turns everything that it throws into its exit code.
int guarded_run(int argc, char **argv, std::vector<std::string> &words) {
    Globals globals;
    try {
        words.assign(argv + (argc > 0 ? 1 : 0), argv + argc);
        return run(words, globals);
    } catch (Error const &error) {
        return report(error, words, globals);
    } catch (Interrupted const &) {
        if (outcome::so_far() != Changed::no) {
            return report_interrupted();
        }
        die_of_signal();
    } catch (ReaderGone const &) {
        return static_cast<int>(ExitStatus::ok);
    } catch (std::bad_alloc const &) {
        return report_exhausted();
    } catch (std::system_error const &) {  // no thread can be started
        return report_exhausted();
    } catch (...) {
        return report_bug(globals);
    }
}

}  // namespace

int main(int argc, char **argv) {
    occupy_standard_streams();
    forbid_core_dumps();
    install_signal_handlers(report_interrupted);
    std::vector<std::string> words;
    int const code = guarded_run(argc, argv, words);
    return asks_for_exec_condition(words) ? as_exec_condition(code) : code;
}
