#include "cli/audit/head_file.hpp"
#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/seal.hpp"
#include "cli/input/input_file.hpp"
#include "cli/output/advice_text.hpp"
#include "cli/output/output.hpp"

#include <memory>

namespace relay::cli::commands {

namespace {

constexpr std::size_t longest_file = 4096;

struct Options {
    std::optional<std::string> head{};
    std::optional<std::string> public_key{};
};

/// Returns whether the signature of the head is that of the key; none without a key.
std::optional<bool> check_signature(Options const &options, HeadFile const &file) {
    if (!options.public_key) {
        return std::nullopt;
    }
    VerifyingKey const key = VerifyingKey::from_pem(read_trusted(*options.public_key, "--public-key", longest_file));
    return file.signature && key.verifies(head_text(file.head), *file.signature);
}

ExitStatus run(Options const &options, Context &context) {
    require_partner("--public-key", options.public_key.has_value(), "--head", options.head.has_value());
    HeadFile file;
    if (options.head) {
        file = parse_head(read_trusted(*options.head, "--head", longest_file), input_name(*options.head));
    }
    std::optional<bool> const signature_valid = check_signature(options, file);
    bool const use_head = options.head && signature_valid != false;  // a forged one proves nothing
    AuditVerification found =
        verify_audit(context.database(), {.head = use_head ? std::optional(file.head) : std::nullopt});
    if (signature_valid == false && (!found.fault || found.fault->what == "not_sealed")) {
        found.fault = AuditFault{.what = "signature_invalid",
                                 .text = input_name(*options.head) + " does not have the signature of this key"};
    }
    browse(context, verification_document(found, signature_valid), found.at, found.db_role);
    if (!found.fault && !options.head) {
        context.output().note("without --head, nothing shows whether the end of the chain was removed");
    }
    if (found.fault && found.fault->what == "not_sealed") {
        for (std::string const &line : advice_lines(advise(Act::seal_audit), context.globals())) {
            context.output().note("  next: " + line);
        }
    }
    return found.fault ? ExitStatus::check_no : ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_value(
        set, {.names = "--head", .type = "FILE", .description = "also compare with a head that audit seal has written"},
        options->head);
    add_value(set,
              {.names = "--public-key", .type = "FILE", .description = "check that the head has this key's signature"},
              options->public_key);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const audit_verify;
Command const audit_verify{
    .path = "audit verify",
    .summary = "check that no sealed event was altered",
    .doc =
        R"(Compares each sealed event with its seal, and each seal with the one before it. It names the first event that was
altered, removed, or added later, and counts all of them. The program computes the hashes itself,
so altered functions in the database hide nothing.

An event that was never sealed is not proven: "Not proven" says how many there are, and since when. Someone who can
write everything in the database could also write the chain anew, or remove its end. --head FILE shows both. FILE is a
head that `audit seal` wrote before. The command then names the seals and the range of events that are missing. With
--public-key, the head must have a valid signature of that key (PEM). Without one, the head is not compared.

Events of months that `audit maintain` dropped are counted separately, with the months. They count as dropped only if
relay.retention_drops and an event audit_month_dropped agree about the month. No more of
them count than it had then. Reading all rows takes about a minute for 5 million. It also works on a standby.

Exit 0: every sealed event is as it was. 2: FILE is not a head, or not a public key. 10: the trail differs
from its seals or from the head; or it has no seal.

EXAMPLES
  relay-admin audit verify
  relay-admin audit verify --head head.txt --public-key sign.pub.pem
)",
    .declare = declare,
};

}  // namespace relay::cli::commands
