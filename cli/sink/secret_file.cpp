#include "cli/sink/secret_file.hpp"

#include "cli/output/command_text.hpp"
#include "cli/sink/made_for.hpp"
#include "cli/sink/sink_error.hpp"
#include "cli/sink/write_out.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace relay::cli {
namespace {

constexpr mode_t private_mode = S_IRUSR | S_IWUSR;
constexpr mode_t permission_bits = 07777;

/// Nothing is removed but what is ours: another process may have put its own file under the name meanwhile.
void unlink_if_same(int folder, std::string const &name, FileIdentity const &identity) noexcept {
    if (is_file_at(folder, name, identity)) {
        ::unlinkat(folder, name.c_str(), 0);
    }
}

/// umask 0777 makes a file of mode 0000, umask 0 changes nothing: the mode is set, then looked at, since some file systems have none.
void make_private(int fd, std::string const &path) {
    struct stat status {};
    if (::fchmod(fd, private_mode) != 0 || ::fstat(fd, &status) != 0) {
        throw sink_error("cannot make " + path + " private", errno);
    }
    if ((status.st_mode & permission_bits) != private_mode || status.st_uid != ::geteuid()) {
        throw sink_refusal("the file system of " + path + " cannot keep a file private",
                           "it gives every file the same owner and mode", "name a place on another file system");
    }
}

}  // namespace

SecretFile::SecretFile(std::shared_ptr<Folder const> folder, std::string name, bool replace)
    : m_folder(std::move(folder)), m_name(std::move(name)), m_unfinished(unfinished_name(m_name)), m_replace(replace) {}

void SecretFile::check() const {
    auto const folder = m_folder->fd.get();
    auto const status = status_at(folder, m_name);
    if (!status) {
        if (errno != ENOENT) {
            throw sink_error("cannot look at " + path(), errno);
        }
        return;
    }
    if (!S_ISREG(status->st_mode)) {
        throw sink_refusal(path() + " is " + std::string(describe_file_type(status->st_mode)),
                           "a secret is only written to a regular file of its own", "choose another name");
    }
    if (!m_replace) {
        if (is_file_at(folder, m_unfinished, identity_of(*status))) {
            return;
        }
        throw sink_refusal(
            path() + " exists", "a secret file is never overwritten without leave",
            "choose another name, or add --replace (its old content stays until the change is committed)");
    }
    if (status->st_uid != ::geteuid()) {
        throw sink_refusal(path() + " belongs to another user (uid " + std::to_string(status->st_uid) + ")",
                           "the file that replaces it would be yours alone, and its reader would be locked out",
                           "run this as that user, or choose another name");
    }
}

void SecretFile::write(SecretBuffer content, std::string database_id) {
    try {
        draft(std::move(content), std::move(database_id));
        flush();
        put_into_place();
        if (!sync_folder(m_folder->fd.get())) {
            throw sink_error("cannot flush the folder of " + path(), errno);
        }
    } catch (...) {
        undo();
        throw;
    }
}

void SecretFile::draft(SecretBuffer content, std::string database_id) {
    check();
    m_content.emplace(std::move(content));
    m_database_id = std::move(database_id);
    create_unfinished();
}

void SecretFile::flush() const { flush_written(m_fd.get(), unfinished_path()); }

void SecretFile::confirm_flushed() const { cli::confirm_flushed(m_fd.get(), unfinished_path()); }

void SecretFile::create_unfinished() {
    auto const folder = m_folder->fd.get();
    auto const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    m_fd = FileDescriptor(::openat(folder, m_unfinished.c_str(), flags, private_mode));
    if (!m_fd.is_open()) {
        auto const error_number = errno;
        throw sink_error("cannot make " + unfinished_path(), error_number,
                         error_number == EEXIST ? own_command({"recover", "--dir", m_folder->path}) : Advice());
    }
    struct stat status {};
    if (::fstat(m_fd.get(), &status) != 0) {
        throw sink_error("cannot look at " + unfinished_path(), errno);
    }
    m_identity = identity_of(status);
    make_private(m_fd.get(), unfinished_path());
    // Another run may have found the file in the instant before it was locked, and taken it for one that was left behind.
    if (::flock(m_fd.get(), LOCK_EX | LOCK_NB) != 0 || !is_file_at(folder, m_unfinished, m_identity)) {
        throw sink_refusal(unfinished_path() + " is in use by another run", "two runs write to the same place",
                           "run the same command again when the other has ended");
    }
    set_made_for(m_fd.get(), m_database_id);
    write_unflushed(m_fd.get(), m_content->reveal(), unfinished_path());
}

void SecretFile::put_into_place() {
    if (m_replace) {
        return;
    }
    auto const folder = m_folder->fd.get();
    if (::linkat(folder, m_unfinished.c_str(), folder, m_name.c_str(), 0) != 0) {
        auto const error_number = errno;
        if (error_number == EEXIST) {
            throw sink_refusal(path() + " exists", "it was made while this command ran", "choose another name");
        }
        auto const without_links = error_number == EPERM || error_number == EOPNOTSUPP;
        throw sink_error("cannot make " + path(), error_number,
                         without_links ? "if the file system has no hard links, add --replace" : "");
    }
    if (!is_file_at(folder, m_name, m_identity)) {
        throw sink_refusal(unfinished_path() + " was exchanged while it was written",
                           "another process writes to the same folder", "name a folder of your own");
    }
}

std::optional<std::string> SecretFile::finish() {
    if (!is_written()) {
        return std::nullopt;
    }
    finish_unflushed();
    if (sync_folder(m_folder->fd.get())) {
        return std::nullopt;
    }
    auto const error_number = errno;
    return "the folder of " + path() + " could not be flushed to the disk: " + std::strerror(error_number);
}

void SecretFile::finish_unflushed() {
    if (!is_written()) {
        return;
    }
    try {
        if (m_replace) {
            finish_replacement();
        } else {
            finish_new();
        }
    } catch (...) {
        keep();  // the key is live: nothing may be taken back any more
        throw;
    }
    clear_made_for(m_fd.get());
    keep();
}

void SecretFile::finish_new() {
    auto const folder = m_folder->fd.get();
    // Whoever waits for NAME may have moved it away already; then it is made once more rather than lost.
    if (!is_file_at(folder, m_name, m_identity) &&
        ::linkat(folder, m_unfinished.c_str(), folder, m_name.c_str(), 0) != 0) {
        throw live_but_misplaced(errno);
    }
    unlink_if_same(folder, m_unfinished, m_identity);
}

void SecretFile::finish_replacement() {
    auto const folder = m_folder->fd.get();
    if (!is_file_at(folder, m_unfinished, m_identity)) {
        // Removed or exchanged under our hands: the key is live, and this memory is its only copy.
        m_fd.reset();
        try {
            create_unfinished();
            flush();
        } catch (Error const &error) {
            throw Error(ErrorKind::unknown,
                        "the new key is live, but " + unfinished_path() + " was taken away: " + error.message(),
                        {.why = "another process writes to the same folder",
                         .next = "issue another key: the old one is accepted until its grace ends",
                         .changed = Changed::yes});
        }
    }
    if (::renameat(folder, m_unfinished.c_str(), folder, m_name.c_str()) != 0) {
        throw live_but_misplaced(errno);
    }
}

/// Not ErrorKind::sink: that promises that nothing was changed.
Error SecretFile::live_but_misplaced(int error_number) const {
    return Error(ErrorKind::unknown,
                 "the new key is live, but could not be moved to " + path() + ": " + std::strerror(error_number),
                 {.why = "the key is whole in " + unfinished_path(),
                  .next = use_tool("mv", unfinished_path(), path()),
                  .changed = Changed::yes});
}

void SecretFile::undo() noexcept {
    if (is_written()) {
        undo_unflushed();
        sync_folder(m_folder->fd.get());
    }
    keep();
}

void SecretFile::undo_unflushed() noexcept {
    if (is_written()) {
        // NAME goes first: as long as NAME.new is there, a later run can tell that NAME was ours.
        auto const folder = m_folder->fd.get();
        if (!m_replace) {
            unlink_if_same(folder, m_name, m_identity);
        }
        unlink_if_same(folder, m_unfinished, m_identity);
    }
    keep();
}

void SecretFile::keep() noexcept {
    m_content.reset();
    m_fd.reset();
}

}  // namespace relay::cli
