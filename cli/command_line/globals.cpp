#include "cli/command_line/globals.hpp"

#include "cli/command_line/options.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <array>
#include <charconv>

namespace relay::cli {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds least_timeout = 100ms;
constexpr std::chrono::milliseconds most_timeout = 10min;

struct NamedFormat {
    char const *name;
    OutputFormat format;
};
constexpr std::array formats{NamedFormat{"table", OutputFormat::table}, NamedFormat{"json", OutputFormat::json},
                             NamedFormat{"jsonl", OutputFormat::jsonl}, NamedFormat{"csv", OutputFormat::csv},
                             NamedFormat{"id", OutputFormat::id},       NamedFormat{"env", OutputFormat::env}};

OutputFormat parse_format(std::string const &origin, std::string const &text) {
    std::vector<std::string> names;
    std::string list;
    for (NamedFormat const &known : formats) {
        if (text == known.name) {
            return known.format;
        }
        names.emplace_back(known.name);
        list += (list.empty() ? "" : ", ") + names.back();
    }
    throw Error(ErrorKind::usage, origin + " is " + quote_for_message(text) + ", but must be one of " + list,
                {.suggestions = closest(text, names)});
}

/// A value and where it came from.
template <typename T>
struct Resolved {
    T value;
    std::string origin;
};

Resolved<OutputFormat> resolve_format(GlobalOptions const &options, Environment const &environment) {
    if (options.output) {
        OutputFormat const format = parse_format("--output", *options.output);
        if (options.json && format != OutputFormat::json) {
            throw Error(ErrorKind::usage, "--json and --output " + *options.output + " cannot be used together");
        }
        return {format, "--output"};
    }
    if (options.json) {
        return {OutputFormat::json, "--json"};
    }
    std::string const variable = "RELAY_ADMIN_OUTPUT";
    char const *const set = environment(variable.c_str());
    if (set == nullptr || *set == '\0') {
        return {Globals().format, Globals().format_origin};
    }
    return {parse_format(variable, set), variable};
}

Resolved<std::chrono::milliseconds> resolve_timeout(GlobalOptions const &options, Environment const &environment) {
    if (options.timeout) {
        return {parse_timeout("--timeout", *options.timeout), "--timeout"};
    }
    std::string const variable = "RELAY_ADMIN_TIMEOUT";
    char const *const set = environment(variable.c_str());
    if (set == nullptr || *set == '\0') {
        return {Globals().timeout, Globals().timeout_origin};
    }
    return {parse_timeout(variable, set), variable};
}

ColorChoice color_choice(std::optional<std::string> const &text) {
    if (!text || *text == "auto") {
        return ColorChoice::automatic;
    }
    return *text == "always" ? ColorChoice::always : ColorChoice::never;
}

void declare_connection(OptionSet &set, GlobalOptions &options) {
    constexpr std::string_view group = "Database";
    add_value(set,
              {.names = "-d,--dsn",
               .type = "CONNINFO",
               .description = "database to use, as keywords or as a URI, without a password (default: RELAY_ADMIN_DSN, "
                              "then PG* variables)",
               .group = group},
              options.dsn);
    add_value(
        set,
        {.names = "--dsn-file",
         .type = "FILE",
         .description = "read the connection string from FILE; if it has a password, only you may be able to read it",
         .group = group},
        options.dsn_file);
    add_value(
        set,
        {.names = "--service", .type = "NAME", .description = "section of libpq's service file to use", .group = group},
        options.service);
    add_flag(set,
             {.names = "--sandbox",
              .description = "use the private PostgreSQL of `sandbox`; starts it if necessary",
              .group = group},
             options.sandbox);
    add_value(set,
              {.names = "--timeout",
               .type = "DURATION",
               .description = "longest wait for the connection and for each transaction, 100ms to 10m (default: 10s)",
               .group = group},
              options.timeout);
}

void declare_output(OptionSet &set, GlobalOptions &options) {
    constexpr std::string_view group = "Output";
    // Not add_choice: the same words may come from RELAY_ADMIN_OUTPUT, and one place checks both.
    add_value(set,
              {.names = "-o,--output",
               .type = "table|json|jsonl|csv|id|env",
               .description = "format of the output on stdout (default: table)",
               .group = group},
              options.output);
    add_flag(set, {.names = "--json", .description = "same as --output json", .group = group}, options.json);
    add_flag(set, {.names = "-q,--quiet", .description = "print only warnings and errors on stderr", .group = group},
             options.quiet);
    add_flag(set, {.names = "-v,--verbose", .description = "print more on stderr", .group = group}, options.verbose);
    add_choice(set, {.names = "--color", .description = "use color on stderr (default: auto)", .group = group},
               {"auto", "always", "never"}, options.color);
    add_flag(set, {.names = "--no-pager", .description = "never show long output in a pager", .group = group},
             options.no_pager);
}

void declare_writes(OptionSet &set, GlobalOptions &options) {
    constexpr std::string_view group = "Changes";
    add_flag(set,
             {.names = "-n,--dry-run",
              .description = "run the whole transaction, show the result, and roll back",
              .group = group},
             options.dry_run);
    add_flag(set, {.names = "-y,--yes", .description = "answer yes to all yes/no questions", .group = group},
             options.yes);
    add_flag(set,
             {.names = "--no-input", .description = "never ask; fail if a question would be necessary", .group = group},
             options.no_input);
    add_value(set, {.names = "--reason", .type = "TEXT", .description = "reason, for the audit trail", .group = group},
              options.reason);
    add_value(set, {.names = "--ticket", .type = "ID", .description = "ticket, for the audit trail", .group = group},
              options.ticket);
    add_value(
        set,
        {.names = "--actor",
         .type = "NAME",
         .description = "who makes the change, for the audit trail (default: the CI run, SUDO_USER, or the login name)",
         .group = group},
        options.actor);
}

}  // namespace

void declare_globals(OptionSet &set, GlobalOptions &options) {
    declare_connection(set, options);
    declare_output(set, options);
    declare_writes(set, options);
    add_flag(set, {.names = "-h,--help", .description = "show help and exit", .group = "Help"}, options.help);
    add_flag(set, {.names = "-V,--version", .description = "show the version and exit", .group = "Help"},
             options.version);
}

std::string_view format_name(OutputFormat format) {
    for (NamedFormat const &known : formats) {
        if (known.format == format) {
            return known.name;
        }
    }
    return "";
}

std::chrono::milliseconds parse_timeout(std::string const &origin, std::string const &text) {
    std::chrono::milliseconds timeout{};
    std::string_view const digits =
        std::string_view(text).substr(0, text.size() - std::min<std::size_t>(text.size(), 2));
    if (text.ends_with("ms") && digits.find_first_not_of("0123456789") == digits.npos && !digits.empty()) {
        std::int64_t count = 0;
        auto const [stop, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
        timeout = failure == std::errc() ? std::chrono::milliseconds(count) : std::chrono::milliseconds::max();
    } else {
        try {
            timeout = parse_duration(text);
        } catch (Error const &error) {
            throw Error(error.kind(), origin + ": " + error.message(), error.hint());
        }
    }
    if (timeout < least_timeout || timeout > most_timeout) {
        throw Error(ErrorKind::usage, origin + " is " + quote_for_message(text) + ", but must be 100ms to 10m");
    }
    return timeout;
}

Globals resolve_globals(GlobalOptions const &options, Environment const &environment) {
    at_most_one({{"--dsn", options.dsn.has_value()},
                 {"--dsn-file", options.dsn_file.has_value()},
                 {"--service", options.service.has_value()},
                 {"--sandbox", options.sandbox}});
    at_most_one({{"--quiet", options.quiet}, {"--verbose", options.verbose}});
    auto const format = resolve_format(options, environment);
    auto const timeout = resolve_timeout(options, environment);
    return {
        .dsn = options.dsn,
        .dsn_file = options.dsn_file,
        .service = options.service,
        .sandbox = options.sandbox,
        .format = format.value,
        .format_origin = format.origin,
        .quiet = options.quiet,
        .verbose = options.verbose,
        .color = color_choice(options.color),
        .no_pager = options.no_pager,
        .timeout = timeout.value,
        .timeout_origin = timeout.origin,
        .yes = options.yes,
        .no_input = options.no_input,
        .dry_run = options.dry_run,
        .reason = options.reason,
        .ticket = options.ticket,
        .actor = options.actor,
    };
}

}  // namespace relay::cli
