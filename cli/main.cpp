#include "cli/app.hpp"
#include "cli/command_line/prescan.hpp"
#include "cli/completion/complete.hpp"
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

/// How to tell of an error: guessed from the raw words until they are parsed.
struct ErrorStyle {
    bool json = false;
    bool verbose = false;
    ColorChoice color = ColorChoice::automatic;

    void follow(Globals const &globals) {
        json = globals.format == OutputFormat::json || globals.format == OutputFormat::jsonl;
        verbose = globals.verbose;
        color = globals.color;
    }
    int report(Error const &error) const noexcept {
        report_error(error, json, stderr_has_color(color), verbose);
        return static_cast<int>(exit_status(error.kind()));
    }
};

int run(std::vector<std::string> const &words, ErrorStyle &style) {
    if (asks_for_completion(words)) {
        return complete(words);
    }
    style.json = asks_for_json(words, environment("RELAY_ADMIN_OUTPUT"));
    Invocation const invocation = parse_command_line(words, command_table(), environment);
    style.follow(invocation.globals);
    if (::sodium_init() < 0) {
        throw Error(ErrorKind::internal, "the random number generator of this machine does not work");
    }
    Context context(invocation.globals, invocation.effect);
    return static_cast<int>(invocation.run(context));
}

/// Nobody knows how far a failure of ours has got. Its text could hold anything, so it is not shown.
int report_unexpected(ErrorStyle const &style, char const *message) noexcept {
    try {
        return style.report(Error(ErrorKind::internal, message,
                                  {.next = "look at the state before you repeat the command, and please report this",
                                   .changed = Changed::unknown}));
    } catch (...) {
        return static_cast<int>(ErrorKind::internal);
    }
}

}  // namespace

int main(int argc, char **argv) {
    occupy_standard_streams();
    forbid_core_dumps();
    install_signal_handlers();
    ErrorStyle style;
    try {
        return run({argv + (argc > 0 ? 1 : 0), argv + argc}, style);
    } catch (Error const &error) {
        return style.report(error);
    } catch (Interrupted const &) {
        die_of_signal();
    } catch (std::bad_alloc const &) {
        return report_unexpected(style, "out of memory");
    } catch (...) {
        return report_unexpected(style, "internal error");
    }
}
