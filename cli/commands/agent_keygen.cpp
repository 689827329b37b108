#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/documents/fields.hpp"
#include "cli/output/output.hpp"
#include "cli/sink/options.hpp"
#include "cli/sink/secret_file.hpp"
#include "cli/sink/write_out.hpp"
#include "relay/crypto/signing.hpp"
#include "relay/identity/states.hpp"
#include "relay/model/error.hpp"

#include <unistd.h>

#include <memory>

namespace relay::cli::agent_keygen_command {

namespace {

/// Writes the PEM to the one place that `sink` names. Returns where it is, as commands that make keys say it.
std::string write_pem(SinkOptions const &sink, SecretBuffer pem, Output &output) {
    if (sink.secret_file) {
        std::string const &path = *sink.secret_file;
        std::size_t const slash = path.rfind('/');
        auto const folder = open_folder(slash == std::string::npos ? "." : path.substr(0, slash + 1));
        require_trusted(*folder);
        SecretFile file(folder, slash == std::string::npos ? path : path.substr(slash + 1), false);
        file.check();
        file.write(std::move(pem));
        file.finish();
        return "file:" + path;
    }
    if (sink.secret_stdout) {
        output.divert_to_stderr();
        write_to_stream(STDOUT_FILENO, pem.reveal(), "stdout");
        return "stdout";
    }
    if (sink.secret_fd) {
        std::string name = "fd:" + std::to_string(*sink.secret_fd);
        write_to_stream(static_cast<int>(*sink.secret_fd), pem.reveal(), name);
        return name;
    }
    if (!output.stdout_is_terminal()) {
        throw Error(ErrorKind::usage, "this command creates a secret, but standard output is not a terminal",
                    {.next = "give a FILE or fd:N, or stdout if the secret is for the reader of this pipe"});
    }
    write_to_stream(STDOUT_FILENO, pem.reveal(), "terminal");
    return "terminal";
}

ExitStatus run(std::optional<std::string> const &place, Context &context) {
    SinkOptions const sink = parse_compact_sink(*place);
    SigningKey const key = SigningKey::generate();
    Document document{.kind = "KeyPair", .id_key = "public_key"};
    std::string const delivered_to = write_pem(sink, key.pem(), context.output());
    document.data = {
        {"algorithm", "Algorithm", KeyAlgorithm::ed25519},
        {"public_key", "Public key", key.verifying_key().text()},
        machine_only("secret", Value()),
        {"delivered_to", "Private key", delivered_to},
    };
    document.actor = context.attribution().actor.text();
    document.trace_id = context.attribution().trace_id;
    context.output().show(document);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const place = std::make_shared<std::optional<std::string>>();
    add_positional(set,
                   {.names = "SINK",
                    .type = "FILE",
                    .description = "where the private key goes: a new file, stdout, terminal or fd:N",
                    .required = true},
                   *place);
    return [place](Context &context) { return run(*place, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "agent keygen",
    .summary = "make a key pair with which an agent can sign",
    .doc =
        R"(Makes an Ed25519 key pair. The private key is written in PEM to the place that you give. That is a new file with mode 0600,
stdout, terminal or fd:N. The public key is printed: give it to `agent create --public-key` or `rotate-key --public-key`.

Nothing is written to the database. If the agent can make its own pair, for instance with openssl, let it do so. Then the private
key never leaves its machine.

Exit 0: made. 2: stdout is not a terminal, and the place is terminal. 12: the private key could not be written.

EXAMPLES
  relay-admin agent keygen signer.pem
  relay-admin agent keygen signer.pem -o id | relay-admin rotate-key billing-bot --public-key -
)",
    .declare = declare,
};

}  // namespace relay::cli::agent_keygen_command
