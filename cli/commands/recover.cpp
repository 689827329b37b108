#include "relay/identity/recover.hpp"
#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/recovery.hpp"
#include "cli/output/output.hpp"
#include "relay/model/error.hpp"

#include <algorithm>
#include <memory>

namespace relay::cli::commands {

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

/// Each question may wait 30 s for an answer: once nobody answered, the files that are left are not asked about.
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

/// A file that another run has in hand, or that this program did not make, is an error of the sink.
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
            "next: run the same command again when the database answers; until then the files are kept");
        return exit_status(ErrorKind::unknown);
    }
    return any_left(entries, Left::not_ours) ? ExitStatus::partial : ExitStatus::ok;
}

ExitStatus run(Options const &options, Context &context) {
    exactly_one({{"OP-ID", options.operation.has_value()}, {"--dir", options.folder.has_value()}});
    if (context.globals().dry_run) {
        throw Error(ErrorKind::usage, "recover has no dry run",
                    {.why = "an operation in flight can only be told about by barring it",
                     .next = "look without acting, with key verify < FILE"});
    }
    return options.operation ? recover_operation(*options.operation, context)
                             : recover_folder(*options.folder, context);
}

Runner declare(OptionSet &set) {
    auto options = std::make_shared<Options>();
    add_positional(set, {.names = "OP-ID", .description = "the operation that an error named: op_..."},
                   options->operation);
    add_value(
        set,
        {.names = "--dir", .type = "DIR", .description = "settle unfinished secret files (*.new, *.batch) in a folder"},
        options->folder);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const recover;
Command const recover{
    .path = "recover",
    .summary = "settle operations whose commit got lost",
    .doc =
        R"(When the connection breaks while a commit is under way, nobody can tell at once whether the change was made. relay-admin then asks the
database for 30 seconds; if that does not help, it ends with exit 9, keeps the secret file, and names the operation. This command settles
it later: either the operation is committed, or it is barred, so that it can never be committed any more. After that the answer is final.

With OP-ID it tells the verdict: "done" or "aborted". With --dir it looks at every unfinished secret file (FILE.new, FILE.batch) that a
killed run left in the folder: if its key is live, FILE is finished with it, or the batch appended to FILE; if it can never be, it is
removed. A file that another run has in hand, that was made for another database, or that this program did not make, is left alone. The same happens by itself when a command writes to the same FILE again.

Run twice, it says the same twice. An id that no operation has is barred and told as aborted.

Exit 0: settled (or nothing to settle). 7: some files were left alone, and stdout says why. 9: still not to be known; everything is kept,
run it again. 11: the database has no relay schema, so it is probably not the one where the operation ran.

EXAMPLES
  relay-admin recover op_9fq2mzx1b81k02ww7yzt3hcd
  relay-admin recover --dir /etc/relay-agent)",
    .declare = declare,
    .audience = Audience::audit,
    .effect = Effect::acts,
};

}  // namespace relay::cli::commands
