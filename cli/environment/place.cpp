#include "cli/environment/place.hpp"

#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/output/output.hpp"
#include "cli/sink/command/delivery_command.hpp"
#include "cli/sink/database_judge.hpp"
#include "cli/sink/leftover.hpp"
#include "cli/sink/secret_place.hpp"
#include "cli/sink/write_out.hpp"
#include "relay/model/error.hpp"

#include <unistd.h>
#include <algorithm>
#include <limits>
#include <span>

namespace relay::cli {

namespace {

constexpr std::string_view group = "Secret";
constexpr std::chrono::seconds default_timeout{60};
constexpr std::chrono::seconds longest_timeout = std::chrono::minutes(10);

std::string fd_name(std::int64_t fd) { return "file descriptor " + std::to_string(fd); }

/// What a killed run left may be a key that is live, so the database is asked; but not about an environment, which can be made
/// again.
Judge judge_of(Context &context) {
    return [ask = database_judge(context)](std::string_view content, std::optional<std::string> const &made_for) {
        return content.find("TENANT_ID") == std::string_view::npos ? ask(content, made_for) : Verdict::aborted;
    };
}

void put_into_file(Context &context, EnvironmentPlace const &place, SecretBuffer text) {
    std::string const name = secret_file_name(*place.secret_file);
    auto const folder = open_secret_folder(*place.secret_file);
    settle_in(*folder, name, judge_of(context));
    SecretFile file(folder, name, place.replace);
    file.write(std::move(text));
    try {
        if (auto const warning = file.finish()) {
            context.output().warn(*warning);
        }
    } catch (Error const &error) {  // it speaks of a key
        throw Error(ErrorKind::sink, file.unfinished_path() + " cannot be moved to " + file.path(),
                    {.why = error.hint().why, .next = "run the same command again"});
    }
}

/// The parts of the values that each format writes as they are, if they are long enough to be recognized.
std::vector<std::string_view> words_of(std::vector<Variable> const &secret) {
    constexpr std::string_view escaped = "'\"\\$` ";
    constexpr std::size_t shortest = 4;
    std::vector<std::string_view> words;
    for (Variable const &variable : secret) {
        for (std::string_view rest = variable.value; !rest.empty();) {
            std::string_view const word = rest.substr(0, rest.find_first_of(escaped));
            if (word.size() >= shortest) {
                words.push_back(word);
            }
            rest.remove_prefix(std::min(word.size() + 1, rest.size()));
        }
    }
    return words;
}

void run_command(Context &context, EnvironmentPlace const &place, AgentContext const &agent,
                 std::vector<Variable> const &secret, SecretBuffer text) {
    DeliveryCommand command{.text = *place.deliver, .limit = place.deliver_timeout.value_or(default_timeout)};
    command.deadline = std::chrono::steady_clock::now() + command.limit;
    command.said = [&context](AgentId const &, std::string const &line) { context.output().note(line); };
    DeliveryCall call{.agent_id = agent.agent_id,
                      .variables = {"RELAY_AGENT_ID=" + agent.agent_id.text(), "RELAY_ORG_ID=" + agent.org_id.text()},
                      .content = std::move(text),
                      .words = words_of(secret)};
    if (auto const complaint = run_deliveries(command, std::span(&call, 1)).front()) {
        throw Error(ErrorKind::sink, *complaint, {.next = "run the same command again"});
    }
}

}  // namespace

void declare_place(OptionSet &set, EnvironmentPlace &place) {
    add_value(set,
              {.names = "--secret-file",
               .type = "FILE",
               .description = "write it to a new file of mode 0600",
               .group = group},
              place.secret_file);
    add_flag(set, {.names = "--replace", .description = "replace an existing file", .group = group}, place.replace);
    add_integer(set,
                {.names = "--secret-fd",
                 .type = "N",
                 .description = "write it to an inherited file descriptor",
                 .group = group},
                {.min = 0, .max = std::numeric_limits<int>::max()}, place.secret_fd);
    add_flag(set, {.names = "--secret-stdout", .description = "write it to stdout", .group = group},
             place.secret_stdout);
    add_value(set,
              {.names = "--deliver",
               .type = "CMD",
               .description = "run CMD with sh, with it on its stdin, for a store that is not a file",
               .group = group},
              place.deliver);
    add_duration(
        set, {.names = "--deliver-timeout", .description = "end CMD after this time (default: 60s)", .group = group},
        place.deliver_timeout);
}

void check_place(EnvironmentPlace const &place) {
    at_most_one({{"--secret-file", place.secret_file.has_value()},
                 {"--secret-fd", place.secret_fd.has_value()},
                 {"--secret-stdout", place.secret_stdout},
                 {"--deliver", place.deliver.has_value()}});
    require_partner("--replace", place.replace, "--secret-file", place.secret_file.has_value());
    require_partner("--deliver-timeout", place.deliver_timeout.has_value(), "--deliver", place.deliver.has_value());
    if (place.deliver_timeout &&
        (*place.deliver_timeout < std::chrono::seconds(1) || *place.deliver_timeout > longest_timeout)) {
        throw Error(ErrorKind::usage, "--deliver-timeout must be between 1s and 10m");
    }
    if (place.secret_file) {
        std::string const name = secret_file_name(*place.secret_file);
        SecretFile(open_secret_folder(*place.secret_file), name, place.replace).check();
    } else if (place.secret_fd) {
        require_usable_stream(static_cast<int>(*place.secret_fd), fd_name(*place.secret_fd));
    } else if (place.secret_stdout) {
        require_usable_stream(STDOUT_FILENO, "standard output");
    }
}

std::string put_into_place(Context &context, EnvironmentPlace const &place, AgentContext const &agent,
                           std::vector<Variable> const &secret, SecretBuffer text) {
    if (place.secret_file) {
        put_into_file(context, place, std::move(text));
        return "file:" + *place.secret_file;
    }
    if (place.deliver) {
        run_command(context, place, agent, secret, std::move(text));
        return "command";
    }
    int const fd = place.secret_fd ? static_cast<int>(*place.secret_fd) : STDOUT_FILENO;
    write_to_stream(fd, text.reveal(), place.secret_fd ? fd_name(fd) : "standard output");
    return place.secret_fd ? "fd:" + std::to_string(fd) : "stdout";
}

}  // namespace relay::cli
