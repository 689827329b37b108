#include "cli/audit/head_file.hpp"
#include "cli/audit/verify_archive.hpp"
#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/seal.hpp"
#include "cli/input/input_file.hpp"
#include "cli/output/advice_text.hpp"
#include "cli/output/output.hpp"

#include <memory>

namespace relay::cli::audit_verify_command {

namespace {

constexpr std::size_t longest_file = 4096;

struct Options {
    std::optional<std::string> head{};
    std::optional<std::string> public_key{};
    std::vector<std::string> archive{};
    bool partial = false;
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
    require_partner("--partial", options.partial, "--archive", !options.archive.empty());
    require_partner("--public-key", options.public_key.has_value(), "--head", options.head.has_value());
    HeadFile file;
    if (options.head) {
        file = parse_head(read_trusted(*options.head, "--head", longest_file), input_name(*options.head));
    }
    std::optional<bool> const signature_valid = check_signature(options, file);
    bool const use_head = options.head && signature_valid != false;  // a forged one proves nothing
    auto const head = use_head ? std::optional(file.head) : std::nullopt;
    AuditVerification found = options.archive.empty()
                                  ? verify_audit(context.database(), {.head = head})
                                  : verify_archive_files(context.database(), options.archive, head, options.partial);
    if (signature_valid == false && (!found.fault || found.fault->what == "not_sealed")) {
        found.fault = AuditFault{.what = "signature_invalid",
                                 .text = input_name(*options.head) + " does not have the signature of this key"};
    }
    browse(context, verification_document(found, signature_valid, options.archive), found.at, found.db_role);
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
    add_values(set,
               {.names = "--archive",
                .type = "FILE",
                .description = "check this export of events instead of those in the database"},
               options->archive);
    add_flag(set,
             {.names = "--partial", .description = "accept an archive that does not have all events of its months"},
             options->partial);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
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

With --archive FILE, the command checks an export instead of the events in the database: JSON lines or CSV, as
`audit export` wrote it. So an archive proves itself after its months were dropped. An archive can be in several files.
If it has an event of a month, it must have all sealed events of that month. With --partial, it need not. FILE - is
stdin. The command names the line of the first event that was altered or added, or the event that is missing. Each
text and number must be as it was exported: a program that writes the file anew may change one. The memory does not
depend on the archive; a large one also needs room in TMPDIR.

Exit 0: every sealed event is as it was. 2: FILE is not a head, not a public key, or not an export. 10: an event, a
seal or the head differs; or nothing has a seal.

EXAMPLES
  relay-admin audit verify
  relay-admin audit verify --head head.txt --public-key sign.pub.pem
  relay-admin audit verify --archive 2026-10.jsonl
)",
    .declare = declare,
};

}  // namespace relay::cli::audit_verify_command
