#include "cli/completion/complete.hpp"

#include "cli/completion/offers.hpp"
#include "cli/completion/shell_words.hpp"
#include "cli/context.hpp"
#include "cli/posix/write_all.hpp"
#include "relay/completion/candidates.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

namespace relay::cli {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// People wait up to 400 ms after pressing Tab; this includes the start of the program and the work of the shell.
constexpr auto patience = 320ms;
/// The limit for calls of libpq that block and cannot be interrupted: looking up host names, reading its files.
constexpr auto last_moment = 370ms;

constexpr std::string_view for_words = "__complete";
constexpr std::string_view for_bash = "__complete_bash";

void leave(int /*signal*/) { _exit(0); }

void leave_by_the_last_moment() {
    struct sigaction action {};
    action.sa_handler = leave;
    sigaction(SIGALRM, &action, nullptr);
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &alarm, nullptr);
    itimerval timer{};
    timer.it_value.tv_usec = std::chrono::microseconds(last_moment).count();
    setitimer(ITIMER_REAL, &timer, nullptr);
}

/// Redirects stderr: libpq writes warnings there, for example about a .pgpass that others can read, and the shell owns
/// the terminal.
void keep_quiet() {
    for (int const stream : {STDIN_FILENO, STDERR_FILENO}) {
        int const nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (nothing >= 0) {
            dup2(nothing, stream);
            close(nothing);
        }
    }
}

Globals globals_of(TypedLine const &line) {
    auto const value = [&](std::string_view flag) {
        std::string const *found = line.value_of(flag);
        return found != nullptr ? std::optional(*found) : std::nullopt;
    };
    auto const path = [&](std::string_view flag) {
        auto found = value(flag);
        char const *const home = std::getenv("HOME");  // the shell has not expanded this line yet
        return found && found->starts_with("~/") && home != nullptr ? home + found->substr(1) : found;
    };
    Globals globals{.dsn = value("--dsn"), .dsn_file = path("--dsn-file"), .service = value("--service")};
    for (TypedLine::Flag const &flag : line.flags) {
        globals.sandbox = globals.sandbox || flag.option->canonical_name() == "--sandbox";
    }
    return globals;
}

FindIds ids_from_database(TypedLine const &line, Clock::time_point deadline) {
    return [&line, deadline](CandidateQuery const &query) -> std::vector<Candidate> {
        try {
            auto settings = settings_without_starting(globals_of(line));
            if (!settings) {
                return {};
            }
            settings->application_name = "relay-admin completion";
            return find_candidates(*settings, query, deadline);
        } catch (Error const &) {
            return {};  // no error message at Tab: running the command will show it
        }
    };
}

bool is_clean(std::vector<std::string> const &words) {
    for (std::string const &word : words) {
        if (!is_clean_utf8(word)) {
            return false;
        }
    }
    return true;
}

/// Returns the words after the program's name, and a prefix that every offer must have.
struct Asked {
    std::vector<std::string> words{};
    std::string kept{};
};

Asked read_question(std::vector<std::string> const &words) {
    if (words.front() == for_words) {
        return {{words.begin() + 1, words.end()}, ""};
    }
    std::vector<std::string> line = split_bash_line(words.size() > 1 ? words[1] : "");
    line.erase(line.begin());
    std::string const breaks = words.size() > 2 ? words[2] : "=";
    std::string const typed = line.empty() ? "" : line.back();
    bool const keeps = typed.starts_with("--") && breaks.find('=') == breaks.npos;
    return {std::move(line), keeps ? typed.substr(0, typed.find('=') + 1) : ""};
}

std::string answer(Offers const &offers, std::string const &kept) {
    std::string text;
    for (Offer const &offer : offers.words) {
        text += kept + offer.word;
        text += offer.meaning.empty() ? "" : '\t' + escape_for_terminal(offer.meaning);
        text += '\n';
    }
    switch (offers.shell) {
        case ShellPart::nothing: break;
        case ShellPart::files: text += ":files\n"; break;
        case ShellPart::folders: text += ":folders\n"; break;
        case ShellPart::program: text += ":program " + std::to_string(offers.program_words) + '\n'; break;
    }
    return text;
}

}  // namespace

bool asks_for_completion(std::vector<std::string> const &words) {
    return !words.empty() && (words.front() == for_words || words.front() == for_bash);
}

int complete(std::vector<std::string> const &words) {
    auto const deadline = Clock::now() + patience;
    leave_by_the_last_moment();
    keep_quiet();
    if (!is_clean(words)) {
        return 0;
    }
    ProgramModel const program = describe_program(command_table());
    Asked const asked = read_question(words);
    TypedLine const line = read_typed_line(asked.words, program);
    std::string const text = answer(offers_for(line, program, ids_from_database(line, deadline)), asked.kept);
    itimerval const never{};
    setitimer(ITIMER_REAL, &never, nullptr);  // half a word would be worse than none
    write_all(STDOUT_FILENO, text);
    return 0;
}

}  // namespace relay::cli
