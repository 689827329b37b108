#include "relay/identity/recover.hpp"
#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/recovery.hpp"
#include "cli/output/output.hpp"
#include "relay/model/error.hpp"

#include <algorithm>
#include <memory>

namespace relay::cli::recover_command {

namespace {

struct Options {
    std::optional<std::string> operation{};
    std::optional<std::string> folder{};
};

ExitStatus recover_operation(std::string const &text, Context &context) {
    OperationId const operation = OperationId::parse(text);
    Verdict const verdict = settle_named_operation(context.database(), operation);
    context.output().show(recovery_document(operation, verdict));
    return ExitStatus::ok;
}

/// Settles one file after the other. Each question may take 30 s, so after a first failure it asks about no other file.
class PatientOnce {
  public:
    explicit PatientOnce(db::Database &database) : m_database(database) {}

    Verdict operator()(std::string_view content, std::optional<std::string> const &made_for) {
        if (m_failure) {
            throw *m_failure;
        }
        try {
            return settle_content(m_database, content, made_for);
        } catch (Error const &error) {
            m_failure = error;
            throw;
        }
    }

  private:
    db::Database &m_database;
    std::optional<Error> m_failure{};
};

enum class Left { not_ours, in_doubt };

/// Returns whether any file was left for this reason. Files that are not ours to settle have a sink error.
bool any_left(std::vector<FolderEntry> const &entries, Left left) {
    return std::any_of(entries.begin(), entries.end(), [&](FolderEntry const &entry) {
        return entry.error && (entry.error->kind() == ErrorKind::sink) == (left == Left::not_ours);
    });
}

ExitStatus recover_folder(std::string const &path, Context &context) {
    PatientOnce judge(context.database());
    std::vector<FolderEntry> const entries = settle_folder(
        path,
        [&](std::string_view content, std::optional<std::string> const &made_for) { return judge(content, made_for); });
    context.output().show(recovery_document(entries));
    if (any_left(entries, Left::in_doubt)) {
        context.output().note(
            "next: when the database answers again, run the same command; the files are kept until then");
        return exit_status(ErrorKind::unknown);
    }
    return any_left(entries, Left::not_ours) ? ExitStatus::partial : ExitStatus::ok;
}

ExitStatus run(Options const &options, Context &context) {
    exactly_one({{"OP-ID", options.operation.has_value()}, {"--dir", options.folder.has_value()}});
    if (context.globals().dry_run) {
        throw Error(ErrorKind::usage, "recover does not support --dry-run",
                    {.why = "only barring an operation in flight shows what became of it",
                     .next = "to check a file without changing anything: key verify < FILE"});
    }
    return options.operation ? recover_operation(*options.operation, context)
                             : recover_folder(*options.folder, context);
}

Runner declare(OptionSet &set) {
    auto options = std::make_shared<Options>();
    add_positional(
        set,
        {.names = "OP-ID", .description = "the operation that the error names, such as op_9fq2mzx1b81k02ww7yzt3hcd"},
        options->operation);
    add_value(
        set, {.names = "--dir", .type = "DIR", .description = "settle unfinished secret files (*.new, *.batch) in DIR"},
        options->folder);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "recover",
    .summary = "settle operations whose commit was interrupted",
    .doc =
        R"(If the connection breaks during a commit, it is not known at first whether the change was made. relay-admin
then asks the database for up to 30 seconds. If that does not help, it exits 9, keeps the secret file, and names the
operation. This command settles the operation later: either it was committed, or it is barred, so that it can never be
committed. After that the answer is final.

With OP-ID the command prints the verdict: "done" or "aborted". With --dir it checks every unfinished secret file
(FILE.new, FILE.batch) that a killed run left in the directory. If the key in it is live, it completes FILE, or
appends the batch to FILE. If the key can never become live, it removes the unfinished file. It leaves a file alone
that another run is using, that was made for another database, or that is not relay-admin's. The same happens
automatically when a command writes to the same FILE again.

Running it twice gives the same answer twice. An id that belongs to no operation is barred and reported as aborted.

Exit 0: settled, or nothing to settle. 7: some files were left alone; stdout shows why. 9: the outcome is still
unknown; everything is kept; run it again. 11: the database has no relay schema, so it is probably not the one where
the operation ran.

EXAMPLES
  relay-admin recover op_9fq2mzx1b81k02ww7yzt3hcd
  relay-admin recover --dir /etc/relay-agent)",
    .declare = declare,
    .audience = Audience::other,
    .effect = Effect::acts,
};

}  // namespace relay::cli::recover_command
