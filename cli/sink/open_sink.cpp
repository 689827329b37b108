#include "cli/sink/sink.hpp"

#include "cli/command_line/options.hpp"
#include "cli/environment/names.hpp"
#include "cli/output/output.hpp"
#include "cli/sink/command/command_sink.hpp"
#include "cli/sink/directory_sink.hpp"
#include "cli/sink/file_sink.hpp"
#include "cli/sink/k8s.hpp"
#include "cli/sink/stream_sink.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <vector>

namespace relay::cli {
namespace {

/// Replaces the compact form with the flags that it means.
SinkOptions expand(SinkOptions const &options) {
    if (!options.compact) {
        return options;
    }
    auto const place = parse_compact_sink(*options.compact);
    auto expanded = options;
    expanded.compact.reset();
    expanded.secret_file = place.secret_file;
    expanded.secret_fd = place.secret_fd;
    expanded.secret_stdout = place.secret_stdout;
    expanded.terminal = place.terminal;
    return expanded;
}

void require_one_place(SinkOptions const &options) {
    std::vector<std::string> given;
    auto const add = [&given](bool is_given, char const *flag) {
        if (is_given) {
            given.emplace_back(flag);
        }
    };
    add(options.secret_file.has_value(), "--secret-file");
    add(options.secrets_dir.has_value(), "--secrets-dir");
    add(options.secret_fd.has_value(), "--secret-fd");
    add(options.secret_stdout, "--secret-stdout");
    add(options.terminal, "terminal");
    add(options.deliver.has_value(), "--deliver");
    if (given.size() > 1) {
        throw Error(ErrorKind::usage, given[0] + " and " + given[1] + " exclude each other",
                    {.why = "a secret is written to exactly one place", .next = "keep one of them"});
    }
}

void require_fitting_flags(SinkOptions const &options, SecretFormat format, bool has_seal_keys) {
    auto const has_names = format == SecretFormat::env || format == SecretFormat::k8s;
    require_partner("--replace", options.replace, "--secret-file or --secrets-dir",
                    options.secret_file || options.secrets_dir);
    require_partner("--deliver-timeout", options.deliver_timeout.has_value(), "--deliver", options.deliver.has_value());
    require_partner("--settle", options.settle.has_value(), "--deliver", options.deliver.has_value());
    require_partner("--read-back", options.read_back.has_value(), "--deliver", options.deliver.has_value());
    require_partner("--after", options.after.has_value(), "--deliver", options.deliver.has_value());
    require_partner("--env-prefix", options.env_prefix.has_value(), "--secret-format env or k8s", has_names);
    require_partner("--k8s-name", options.k8s_name.has_value(), "--secret-format k8s", format == SecretFormat::k8s);
    require_partner("--k8s-namespace", options.k8s_namespace.has_value(), "--secret-format k8s",
                    format == SecretFormat::k8s);
    require_partner("--seal-key", options.seal_key.has_value(), "--secret-format sealed",
                    format == SecretFormat::sealed);
    if (format == SecretFormat::sealed && !options.seal_key && !has_seal_keys) {
        throw Error(ErrorKind::usage, "--secret-format sealed needs --seal-key FILE",
                    {.next = "get it with gh api repos/OWNER/REPO/actions/secrets/public-key > pk.json, then add "
                             "--seal-key pk.json"});
    }
    if (options.seal_key && has_seal_keys) {
        throw Error(
            ErrorKind::usage, "--seal-key and --seal-keys exclude each other",
            {.why = "--seal-key seals all secrets with one key, --seal-keys seals each with the key of its owner",
             .next = "keep one of them"});
    }
    if (options.k8s_name && options.secrets_dir) {
        throw Error(ErrorKind::usage, "--k8s-name and --secrets-dir exclude each other",
                    {.why = "every Secret in the folder would have the same name", .next = "omit --k8s-name"});
    }
}

std::unique_ptr<Sink> open_terminal(SinkOptions const &options, Rendering rendering, Output &output) {
    if (!output.stdout_is_terminal()) {
        auto const next = options.terminal
                              ? "give a FILE or fd:N, or stdout if the secret is for the reader of this pipe"
                              : "add --secret-file FILE, --secret-fd N, or --secret-stdout if the secret is for the "
                                "reader of this pipe";
        throw Error(ErrorKind::usage, "this command creates a secret, but standard output is not a terminal",
                    {.why = "the secret could end up in a CI log or a file", .next = next});
    }
    return std::make_unique<StreamSink>(StreamSink::Kind::terminal, STDOUT_FILENO, std::move(rendering), output);
}

std::unique_ptr<Sink> open_inherited(int fd, Rendering rendering, Output &output) {
    if (fd <= STDERR_FILENO) {
        throw Error(ErrorKind::usage, "file descriptor " + std::to_string(fd) + " cannot be used for a secret",
                    {.why = "0, 1 and 2 are the standard streams, and stderr ends up in logs",
                     .next = "open another one, as in --secret-fd 3 3>secret, or use --secret-stdout"});
    }
    // An inherited descriptor cannot be close-on-exec: one that is was opened by this program itself.
    auto const flags = ::fcntl(fd, F_GETFD);
    if (flags >= 0 && (flags & FD_CLOEXEC) != 0) {
        throw Error(ErrorKind::sink, "file descriptor " + std::to_string(fd) + " is not open; nothing was changed",
                    {.next = "open it for this command, as in --secret-fd 3 3>secret"});
    }
    auto sink = std::make_unique<StreamSink>(StreamSink::Kind::inherited, fd, std::move(rendering), output);
    // A server that this command starts must not keep the stream open: the reader waits for its end.
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    return sink;
}

std::unique_ptr<Sink> open_file(SinkOptions const &options, Rendering rendering, Output &output) {
    auto sink = std::make_unique<FileSink>(*options.secret_file, options.replace, std::move(rendering), output);
    if (options.existing_file == ExistingFile::refuse_at_once) {
        sink->check();
    }
    return sink;
}

void require_text(std::optional<std::string> const &value, std::string const &flag) {
    if (value && value->empty()) {
        throw Error(ErrorKind::usage, flag + " must not be empty");
    }
}

}  // namespace

Rendering make_rendering(SinkOptions const &options, std::shared_ptr<SealKeys const> seal_keys) {
    Rendering rendering;
    rendering.format = options.secret_format ? parse_secret_format(*options.secret_format) : SecretFormat::raw;
    require_fitting_flags(options, rendering.format, seal_keys != nullptr);
    if (options.env_prefix) {
        if (!options.env_prefix->empty() && !is_variable_prefix(*options.env_prefix)) {
            throw Error(ErrorKind::usage, "'" + *options.env_prefix + "' cannot be a prefix of environment variables",
                        {.why = "use at most 64 letters, digits and _, and no digit first",
                         .next = "for example --env-prefix RELAY_"});
        }
        rendering.env_prefix = *options.env_prefix;
    }
    if (options.k8s_name && !is_k8s_name(*options.k8s_name)) {
        throw Error(
            ErrorKind::usage, "'" + *options.k8s_name + "' is not a valid name of a Kubernetes Secret",
            {.why = "a name has only lower-case letters, digits, - and ., and begins and ends with a letter or digit"});
    }
    if (options.k8s_namespace && !is_k8s_namespace(*options.k8s_namespace)) {
        throw Error(ErrorKind::usage, "'" + *options.k8s_namespace + "' is not a valid Kubernetes namespace",
                    {.why = "a namespace has at most 63 lower-case letters, digits and -, and begins and ends with a "
                            "letter or digit"});
    }
    rendering.k8s_name = options.k8s_name;
    rendering.k8s_namespace = options.k8s_namespace;
    if (options.seal_key) {
        rendering.seal_key = read_seal_key(*options.seal_key);
    }
    rendering.seal_keys = std::move(seal_keys);
    return rendering;
}

std::unique_ptr<Sink> open_sink(SinkOptions const &given, Output &output) {
    auto const options = expand(given);
    require_one_place(options);
    require_text(options.secret_file, "--secret-file");
    require_text(options.secrets_dir, "--secrets-dir");
    require_text(options.seal_key, "--seal-key");
    require_text(options.deliver, "--deliver");
    require_text(options.read_back, "--read-back");
    require_text(options.after, "--after");
    auto rendering = make_rendering(options);
    if (options.secret_file) {
        return open_file(options, std::move(rendering), output);
    }
    if (options.secrets_dir) {
        return std::make_unique<DirectorySink>(*options.secrets_dir, options.replace, std::move(rendering), output);
    }
    if (options.deliver) {
        return std::make_unique<CommandSink>(options, std::move(rendering), output);
    }
    if (options.secret_fd) {
        return open_inherited(static_cast<int>(*options.secret_fd), std::move(rendering), output);
    }
    if (!options.secret_stdout) {
        return open_terminal(options, std::move(rendering), output);
    }
    auto sink =
        std::make_unique<StreamSink>(StreamSink::Kind::standard_output, STDOUT_FILENO, std::move(rendering), output);
    output.divert_to_stderr();
    return sink;
}

}  // namespace relay::cli
