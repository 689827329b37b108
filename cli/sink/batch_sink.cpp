#include "cli/sink/batch_sink.hpp"

#include "cli/command_line/options.hpp"
#include "cli/output/output.hpp"
#include "cli/sink/batch/command_batches.hpp"
#include "cli/sink/batch_file.hpp"
#include "cli/sink/directory_sink.hpp"
#include "cli/sink/format.hpp"
#include "cli/sink/leftover.hpp"
#include "relay/crypto/random_ids.hpp"

#include <sys/resource.h>
#include <algorithm>
#include <climits>

namespace relay::cli {
namespace {

constexpr std::size_t most_files = 1000;
constexpr rlim_t other_files = 64;  ///< the connection, the folder, and files that were open at the start
constexpr std::size_t most_lines = 10'000;
constexpr std::size_t first_room = 256 * 1024;

/// Returns how many files one batch may have. Each is open and locked until the verdict. Raises the limit of open
/// files, which is 1024 on most systems.
std::size_t room_for_files() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 1;
    }
    rlim_t const wanted = most_files + other_files;
    if (limit.rlim_cur < wanted) {
        rlimit const more{.rlim_cur = std::min(wanted, limit.rlim_max), .rlim_max = limit.rlim_max};
        if (::setrlimit(RLIMIT_NOFILE, &more) == 0) {
            limit = more;
        }
    }
    return limit.rlim_cur > other_files ? std::min<std::size_t>(most_files, limit.rlim_cur - other_files) : 1;
}

/// --secrets-dir.
class FolderBatches final : public BatchSink {
  public:
    FolderBatches(SinkOptions const &options, GroupBy group_by, Rendering rendering, Output &output)
        : m_sink(std::make_unique<DirectorySink>(*options.secrets_dir, options.replace, rendering, output, group_by)),
          m_rendering(std::move(rendering)),
          m_most(group_by == GroupBy::none ? room_for_files() : std::max<std::size_t>(1, room_for_files() / 2)) {}

    void settle(Judge const &judge) override { m_sink->settle(judge); }
    void announce(std::vector<Recipient> const &recipients) override {
        for (Recipient const &recipient : recipients) {
            m_sink->announce(recipient.agent, recipient.org, recipient.owner);
        }
    }
    std::optional<std::string> why_not(Recipient const &recipient) const override {
        auto reason = why_not_rendered(m_rendering, recipient);
        return reason ? reason : m_sink->why_not(recipient.agent, recipient.org, recipient.owner);
    }
    void add(NewKey const &issued) override { m_operations.push_back(m_sink->prepare(issued)); }
    std::optional<std::string> find(Recipient const &recipient) const override {
        return m_sink->find(recipient.agent, recipient.org, recipient.owner);
    }
    std::vector<OperationId> operations() const override { return m_operations; }
    std::size_t most_at_once() const override { return m_most; }
    void made_for(std::string const &database_id) override { m_sink->made_for(database_id); }
    void deliver() override { m_sink->deliver(); }
    void committed() override {
        m_operations.clear();
        m_sink->committed();
    }
    void rolled_back() noexcept override {
        m_operations.clear();
        m_sink->rolled_back();
    }
    void left_unknown() noexcept override {
        m_operations.clear();
        m_sink->left_unknown();
    }
    std::string destination() const override { return m_sink->destination(); }

  private:
    std::unique_ptr<DirectorySink> m_sink;
    Rendering m_rendering;
    std::size_t m_most;  ///< with --group-by, each file may need an open folder, too
    std::vector<OperationId> m_operations{};
};

/// --secret-file: JSON lines, with plain or sealed keys.
class LineBatches final : public BatchSink {
  public:
    LineBatches(std::string path, std::shared_ptr<Folder const> folder, std::string name, Rendering rendering,
                Output &output)
        : m_path(std::move(path)),
          m_name(std::move(name)),
          m_folder(std::move(folder)),
          m_rendering(std::move(rendering)),
          m_file(m_folder, m_name, first_words_of_lines(m_rendering.format)),
          m_output(output) {
        require_trusted(*m_folder);
        require_writable(*m_folder);
        if (m_file.check()) {
            m_output.note("appending to the keys in " + m_path);
        }
    }

    void settle(Judge const &judge) override {
        auto const settled = settle_in(*m_folder, m_name, judge, Unfinished::batch);
        if (settled != Settled::nothing) {
            m_output.note(describe_settled(*m_folder, m_name, settled, Unfinished::batch));
        }
    }

    std::optional<std::string> why_not(Recipient const &recipient) const override {
        return why_not_rendered(m_rendering, recipient);
    }

    void add(NewKey const &issued) override {
        if (m_rendering.format == SecretFormat::sealed) {
            append(render_sealed_line(m_rendering, issued).reveal());
            return;
        }
        auto const pieces = json_pieces(issued);
        for (std::string_view const piece : pieces) {
            append(piece);
        }
    }

    std::vector<OperationId> operations() const override { return {operation_id_for(content())}; }
    std::size_t most_at_once() const override { return most_lines; }
    void made_for(std::string const &database_id) override { m_database_id = database_id; }
    void deliver() override { m_file.write(content(), m_database_id); }
    void committed() override {
        m_file.finish(content());
        forget();
    }
    void rolled_back() noexcept override {
        m_file.undo();
        forget();
    }
    void left_unknown() noexcept override {
        m_file.keep();
        forget();
    }
    std::string destination() const override { return "file:" + m_path; }

  private:
    std::string_view content() const { return m_buffer.reveal().substr(0, m_size); }

    void append(std::string_view piece) {
        if (m_size + piece.size() > m_buffer.size()) {
            SecretBuffer larger(std::max(m_buffer.size() * 2, m_size + piece.size()));
            std::copy_n(m_buffer.reveal().begin(), m_size, larger.writable().begin());
            m_buffer = std::move(larger);
        }
        std::copy(piece.begin(), piece.end(), m_buffer.writable().begin() + static_cast<std::ptrdiff_t>(m_size));
        m_size += piece.size();
    }

    void forget() noexcept {
        auto const bytes = m_buffer.writable();
        std::fill(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(m_size), '\0');
        m_size = 0;
    }

    std::string m_path;
    std::string m_name;
    std::shared_ptr<Folder const> m_folder;
    Rendering m_rendering;
    BatchFile m_file;
    Output &m_output;
    SecretBuffer m_buffer{first_room};
    std::size_t m_size = 0;
    std::string m_database_id{};
};

/// Splits a path into its folder and its last part.
std::pair<std::string, std::string> split(std::string const &path) {
    auto const slash = path.rfind('/');
    auto name = path.substr(slash == path.npos ? 0 : slash + 1);
    if (name.empty() || name == "." || name == ".." || name == "-" || name.ends_with(unfinished_suffix) ||
        name.ends_with(batch_suffix) || name.size() + batch_suffix.size() > NAME_MAX) {
        throw Error(ErrorKind::usage, "--secret-file: '" + path + "' is not a name for a file of keys",
                    {.why = "names that end in .new or .batch are reserved for unfinished files"});
    }
    return {slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash), name};
}

std::unique_ptr<BatchSink> open_lines(SinkOptions const &options, Rendering rendering, Output &output) {
    if (first_words_of_lines(rendering.format).empty()) {
        throw Error(ErrorKind::usage, "several keys in one --secret-file must be JSON lines",
                    {.next = "add --secret-format json or sealed, or use --secrets-dir DIR"});
    }
    if (options.replace) {
        throw Error(ErrorKind::usage, "--replace and JSON lines exclude each other",
                    {.why = "new keys are appended to the file; it is never replaced"});
    }
    auto const [folder, name] = split(*options.secret_file);
    return std::make_unique<LineBatches>(*options.secret_file, open_folder(folder), name, std::move(rendering), output);
}

std::unique_ptr<BatchSink> open_command(BatchSinkOptions const &options, Rendering rendering, Output &output) {
    if (options.sink.k8s_name) {
        throw Error(ErrorKind::usage, "--k8s-name and --deliver exclude each other",
                    {.why = "every Secret would have the same name", .next = "omit --k8s-name"});
    }
    return std::make_unique<CommandBatches>(options.sink, static_cast<std::size_t>(options.deliver_jobs.value_or(1)),
                                            std::move(rendering), output);
}

/// Checks that the options name exactly one place for many secrets, and have no flags for another one.
void require_one_place(BatchSinkOptions const &options) {
    auto const &sink = options.sink;
    if (sink.secret_fd || sink.secret_stdout || (!sink.secret_file && !sink.secrets_dir && !options.sink.deliver)) {
        throw Error(ErrorKind::usage, "say where to write the keys",
                    {.why = "this command may issue several keys, and writes them to exactly one place",
                     .next = "add --secrets-dir DIR, or --secret-file FILE --secret-format json (one line per key), or "
                             "--deliver CMD"});
    }
    at_most_one({{"--secrets-dir", sink.secrets_dir.has_value()},
                 {"--secret-file", sink.secret_file.has_value()},
                 {"--deliver", options.sink.deliver.has_value()}});
    require_partner("--group-by", options.group_by.has_value(), "--secrets-dir", sink.secrets_dir.has_value());
    require_partner("--deliver-timeout", options.sink.deliver_timeout.has_value(), "--deliver",
                    options.sink.deliver.has_value());
    require_partner("--deliver-jobs", options.deliver_jobs.has_value(), "--deliver", options.sink.deliver.has_value());
    require_partner("--seal-keys", options.seal_keys.has_value(), "--secret-format sealed",
                    sink.secret_format == "sealed");
}

}  // namespace

std::unique_ptr<BatchSink> open_batch_sink(BatchSinkOptions const &options, Output &output) {
    require_one_place(options);
    std::shared_ptr<SealKeys const> seal_keys;
    if (options.seal_keys) {
        seal_keys = std::make_shared<SealKeys const>(SealKeys::read(*options.seal_keys));
    }
    Rendering rendering = make_rendering(options.sink, std::move(seal_keys));
    if (options.sink.secrets_dir) {
        auto const group_by = from_optional_text<GroupBy>(options.group_by).value_or(GroupBy::none);
        return std::make_unique<FolderBatches>(options.sink, group_by, std::move(rendering), output);
    }
    return options.sink.deliver ? open_command(options, std::move(rendering), output)
                                : open_lines(options.sink, std::move(rendering), output);
}

}  // namespace relay::cli
