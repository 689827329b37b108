#include "cli/sink/file_sink.hpp"

#include "cli/output/output.hpp"
#include "cli/sink/leftover.hpp"
#include "relay/crypto/random_ids.hpp"

#include <climits>

namespace relay::cli {
namespace {

/// Returns the last part of a path, checked; all before it is the folder.
std::string file_name_of(std::string const &path) {
    auto name = path.substr(path.rfind('/') + 1);
    if (path == "-") {
        throw Error(ErrorKind::usage, "--secret-file needs a file name",
                    {.next = "use --secret-stdout for standard output, or write ./- for a file of that name"});
    }
    if (name.empty() || name == "." || name == "..") {
        throw Error(ErrorKind::usage, "'" + path + "' is a folder, not a file for a secret",
                    {.next = "add a file name to it, or use --secrets-dir"});
    }
    if (name.ends_with(unfinished_suffix)) {
        throw Error(ErrorKind::usage, "a secret file cannot be called " + name,
                    {.why = "names that end in .new are reserved for unfinished files", .next = "choose another name"});
    }
    if (name.size() + unfinished_suffix.size() > NAME_MAX) {
        throw Error(ErrorKind::usage, "the file name in '" + path + "' is too long", {.next = "choose a shorter name"});
    }
    return name;
}

std::string folder_path_of(std::string const &path) {
    auto const slash = path.rfind('/');
    if (slash == std::string::npos) {
        return ".";
    }
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

FileSink::FileSink(std::string path, bool replace, Rendering rendering, Output &output)
    : m_path(std::move(path)),
      m_name(file_name_of(m_path)),
      m_folder(open_folder(folder_path_of(m_path))),
      m_file(m_folder, m_name, replace),
      m_rendering(std::move(rendering)),
      m_output(output) {
    require_trusted(*m_folder);
    require_writable(*m_folder);
}

void FileSink::settle(Judge const &judge) {
    auto const settled = settle_in(*m_folder, m_name, judge);
    if (settled != Settled::nothing) {
        m_output.note(describe_settled(*m_folder, m_name, settled));
    }
}

OperationId FileSink::prepare(NewKey const &issued) {
    m_content = render_secret(m_rendering, issued, Medium::program);
    return operation_id_for(m_content->reveal());
}

void FileSink::deliver() {
    if (!m_content) {
        throw Error(ErrorKind::internal, "a secret cannot be delivered before it is prepared");
    }
    auto content = std::move(*m_content);
    m_content.reset();
    m_file.write(std::move(content), m_database_id);
}

void FileSink::committed() {
    if (auto const warning = m_file.finish()) {
        m_output.warn(*warning);
    }
}

void FileSink::rolled_back() noexcept {
    m_content.reset();
    m_file.undo();
}

void FileSink::left_unknown() noexcept {
    m_content.reset();
    m_file.keep();
}

}  // namespace relay::cli
