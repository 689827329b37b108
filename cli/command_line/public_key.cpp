#include "cli/command_line/public_key.hpp"

#include "cli/command_line/options.hpp"
#include "cli/input/input_file.hpp"
#include "relay/model/error.hpp"

namespace relay::cli {

namespace {

constexpr std::size_t longest_text = 16'384;

}  // namespace

void declare_public_key(OptionSet &set, std::optional<std::string> &path) {
    add_value(set,
              {.names = "--public-key",
               .type = "FILE",
               .description = "the Ed25519 public key with which it signs; - is stdin"},
              path);
}

VerifyingKey read_public_key(Context & /*context*/, std::string const &path, SinkOptions const &sink) {
    if (sink.any()) {
        throw Error(ErrorKind::usage, "--public-key and a flag for a secret cannot be used together",
                    {.why = "the agent keeps its private key; there is no secret to deliver"});
    }
    std::string const text = read_trusted(path, "--public-key", longest_text);
    try {
        return VerifyingKey::parse(text);
    } catch (Error const &error) {
        throw Error(error.kind(), "--public-key: " + error.message(), error.hint());
    }
}

}  // namespace relay::cli
