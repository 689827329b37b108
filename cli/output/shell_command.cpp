#include "cli/output/shell_command.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <string_view>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace relay::cli {

namespace {

std::vector<std::string> environment_with(std::vector<std::string> const &variables) {
    auto const is_replaced = [&](std::string_view entry) {
        return std::any_of(variables.begin(), variables.end(), [&](std::string const &own) {
            return entry.starts_with(std::string_view(own).substr(0, own.find('=') + 1));
        });
    };
    std::vector<std::string> all = variables;
    for (char **entry = environ; *entry != nullptr; ++entry) {
        if (!is_replaced(*entry)) {
            all.emplace_back(*entry);
        }
    }
    return all;
}

/// What posix_spawn is told, and gives back at the end.
class SpawnPlan {
  public:
    explicit SpawnPlan(ShellCommand const &command) {
        posix_spawn_file_actions_init(&m_actions);
        posix_spawnattr_init(&m_attributes);
        posix_spawn_file_actions_adddup2(&m_actions, command.input, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&m_actions, command.output, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&m_actions, command.errors, STDERR_FILENO);
        sigset_t reset;
        ::sigemptyset(&reset);
        ::sigaddset(&reset, SIGPIPE);  // we ignore it, and what is ignored would stay so
        posix_spawnattr_setsigdefault(&m_attributes, &reset);
        posix_spawnattr_setpgroup(&m_attributes, 0);
        posix_spawnattr_setflags(&m_attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    }
    ~SpawnPlan() {
        posix_spawnattr_destroy(&m_attributes);
        posix_spawn_file_actions_destroy(&m_actions);
    }
    SpawnPlan(SpawnPlan const &) = delete;
    SpawnPlan &operator=(SpawnPlan const &) = delete;

    posix_spawn_file_actions_t const *actions() const { return &m_actions; }
    posix_spawnattr_t const *attributes() const { return &m_attributes; }

  private:
    posix_spawn_file_actions_t m_actions{};
    posix_spawnattr_t m_attributes{};
};

}  // namespace

int start_shell(ShellCommand const &command, pid_t &process) {
    std::vector<std::string> environment = environment_with(command.variables);
    std::vector<char *> pointers;
    std::transform(environment.begin(), environment.end(), std::back_inserter(pointers),
                   [](std::string &entry) { return entry.data(); });
    pointers.push_back(nullptr);
    std::string text = command.text;
    std::string shell = "sh";
    std::string flag = "-c";
    std::array<char *, 4> argv{shell.data(), flag.data(), text.data(), nullptr};
    SpawnPlan const plan(command);
    return ::posix_spawn(&process, "/bin/sh", plan.actions(), plan.attributes(), argv.data(), pointers.data());
}

std::optional<std::string> complaint_of(int wait_status) {
    if (WIFSIGNALED(wait_status)) {
        return "it was ended by signal " + std::to_string(WTERMSIG(wait_status));
    }
    if (WEXITSTATUS(wait_status) != 0) {
        return "it ended with exit code " + std::to_string(WEXITSTATUS(wait_status));
    }
    return std::nullopt;
}

}  // namespace relay::cli
