#include "cli/audit/head_file.hpp"
#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/documents/seal.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/input/input_file.hpp"
#include "cli/output/output.hpp"

#include <memory>

namespace relay::cli::audit_seal_command {

namespace {

constexpr std::size_t longest_key = 4096;

struct Options {
    std::optional<std::string> out{};
    std::optional<std::string> sign_key{};
};

std::optional<SigningKey> read_signing_key(Options const &options, Context &context) {
    if (!options.sign_key) {
        return std::nullopt;
    }
    return SigningKey::from_pem(
        read_secret(context, *options.sign_key, "--sign-key", longest_key, From::trusted_place).reveal());
}

ExitStatus run(Options const &options, Context &context) {
    std::optional<SigningKey> const key = read_signing_key(options, context);
    if (options.out) {
        require_place(head_file(*options.out));
    }
    SealReceipt const receipt = seal_audit(context.database(), context.write_options());
    HeadCopy copy;
    if (receipt.head && !context.globals().dry_run) {
        std::string const text = head_text(*receipt.head);
        copy.signature = key ? std::optional(key->sign(text)) : std::nullopt;
        if (options.out) {
            write_own_file(head_file(*options.out),
                           text + (copy.signature ? "signature " + *copy.signature + '\n' : ""));
            copy.file = options.out;
        }
    }
    Document document = seal_document(receipt, copy);
    stamp(document, context, receipt);
    context.output().show(document);
    if (!receipt.changed) {
        context.output().note("nothing to seal");
    }
    if (options.out && !receipt.head && !context.globals().dry_run) {
        context.output().note("there is no seal yet, so --out wrote no file");
    }
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_value(set, {.names = "--out", .type = "FILE", .description = "also write the head of the chain to FILE"},
              options->out);
    add_value(set, {.names = "--sign-key", .type = "FILE", .description = "sign the head with this Ed25519 key (PEM)"},
              options->sign_key);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "audit seal",
    .summary = "seal the events of the audit trail so far",
    .doc =
        R"(Seals every event that is committed and not sealed yet. A seal has the hashes of the events of its range, and the
hash of the seal before it. So the last hash, the head, proves every event before it: `audit verify` shows if one was
altered, removed or added later. Run it from a timer, and keep the head where a thief of the database cannot write.

Writers of events do not wait for a seal. Events of a transaction that is still open are in a
later seal, after it has ended. A month that `audit maintain` drops stays proven, because its seals are kept. To compare an
archive with them, see the form of an event in schema/README.md.

--out FILE writes the head to FILE, also if there was nothing to seal. Before the first seal, it writes no file.
It replaces an earlier head, and no other file. --sign-key FILE signs it with Ed25519. The key is PEM, as OpenSSL makes it: openssl
genpkey -algorithm ed25519 -out sign.pem. Anyone can check the signature with the public key: openssl pkey -in sign.pem
-pubout -out sign.pub.pem.

Each seal has the events of at most 5000 numbers and is one transaction. The next run continues where this one
stopped. --dry-run only counts. A seal names its actor and role, and adds no event. It stores no --ticket or --reason.
Sealing needs relay_provisioner or relay_responder.

Exit 0: sealed, or nothing to seal. 2: the key cannot be used. 4: the login may not seal. 5, 12: FILE cannot be
written; if events were sealed before that, run the command again. 8: another session is sealing.

EXAMPLES
  relay-admin audit seal
  # every hour, from a timer
  relay-admin audit seal --out head.txt --sign-key sign.pem
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::audit_seal_command
