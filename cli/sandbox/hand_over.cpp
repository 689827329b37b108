#include "cli/sandbox/hand_over.hpp"

#include "cli/sandbox/cluster.hpp"
#include "cli/sandbox/files.hpp"
#include "cli/sandbox/socket_folder.hpp"
#include "relay/model/text.hpp"

#include <unistd.h>
#include <cctype>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace relay::cli::sandbox {

namespace {

/// Removes libpq variables of the caller: a PGPORT, PGSERVICE or PGREQUIREPEER would lead to another server, or to
/// none.
void forget_libpq_settings() {
    std::vector<std::string> names;
    for (char **entry = environ; *entry != nullptr; ++entry) {
        std::string_view const text = *entry;
        if (text.starts_with("PG") && text.size() > 2 && std::isupper(static_cast<unsigned char>(text[2])) != 0) {
            names.emplace_back(text.substr(0, text.find('=')));
        }
    }
    for (auto const &name : names) {
        unsetenv(name.c_str());
    }
}

}  // namespace

void hand_over(std::vector<std::string> const &command, std::string const &dsn) {
    forget_libpq_settings();
    setenv("PGHOST", socket_folder(find_layout()).c_str(), 1);
    setenv("PGDATABASE", database_name, 1);
    setenv("PGUSER", database_name, 1);
    setenv("RELAY_ADMIN_DSN", dsn.c_str(), 1);
    std::vector<char *> argv;
    for (auto const &word : command) {
        argv.push_back(const_cast<char *>(word.c_str()));
    }
    argv.push_back(nullptr);
    std::fflush(nullptr);
    auto const before = std::signal(SIGPIPE, SIG_DFL);  // we ignore SIGPIPE, and exec would keep that
    execvp(argv[0], argv.data());
    Error const reason = file_error("");
    std::signal(SIGPIPE, before);
    throw Error(ErrorKind::usage, "cannot run " + escape_for_terminal(command.front()), {.why = reason.hint().why});
}

}  // namespace relay::cli::sandbox
