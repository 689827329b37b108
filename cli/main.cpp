#include "cli/app.hpp"
#include "cli/command_line/prescan.hpp"
#include "cli/completion/complete.hpp"
#include "cli/documents/error.hpp"
#include "cli/output/error_output.hpp"
#include "cli/posix/process_guard.hpp"
#include "cli/posix/signals.hpp"

#include <cstdlib>
#include <new>

#include <sodium.h>

namespace {

using namespace relay;
using namespace relay::cli;

char const *environment(char const *name) { return std::getenv(name); }

/// Writes an error to stderr, and returns the exit code. Until the words are parsed, `globals` are a guess from the raw
/// words.
int report(Error const &error, Globals const &globals) noexcept {
    report_error(error, globals);
    return static_cast<int>(exit_status(error.kind()));
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
    if (::sodium_init() < 0) {
        throw Error(ErrorKind::internal,
                    "the random number generator of this machine does not work; nothing was changed");
    }
    Context context(invocation.globals, invocation.effect);
    try {
        return static_cast<int>(invocation.run(context));
    } catch (Error const &raised) {
        Error const error = explained(raised, invocation);
        throw invocation.effect == Effect::reads ? error_of_reading(error) : error;
    }
}

/// Reports a failure inside the program. How far the command got is unknown. The text of the exception could contain
/// anything, so it is not shown.
int report_unexpected(Globals const &globals, char const *message) noexcept {
    try {
        return report(Error(ErrorKind::internal, message,
                            {.next = "check the state before you repeat the command, and please report this as a bug",
                             .changed = Changed::unknown}),
                      globals);
    } catch (...) {
        return static_cast<int>(ErrorKind::internal);
    }
}

}  // namespace

int main(int argc, char **argv) {
    occupy_standard_streams();
    forbid_core_dumps();
    install_signal_handlers();
    Globals globals;
    try {
        return run({argv + (argc > 0 ? 1 : 0), argv + argc}, globals);
    } catch (Error const &error) {
        return report(error, globals);
    } catch (Interrupted const &) {
        die_of_signal();
    } catch (std::bad_alloc const &) {
        return report_unexpected(globals, "out of memory");
    } catch (...) {
        return report_unexpected(globals, "internal error");
    }
}
