#include "cli/sink/secret_file.hpp"

#include "cli/output/command_text.hpp"
#include "cli/posix/replaceable.hpp"
#include "cli/sink/made_for.hpp"
#include "cli/sink/sink_error.hpp"
#include "cli/sink/write_out.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace relay::cli {
namespace {

/// Removes `name` only if it is our file: another process may have put a different file there.
void unlink_if_same(int folder, std::string const &name, FileIdentity const &identity) noexcept {
    if (is_file_at(folder, name, identity)) {
        ::unlinkat(folder, name.c_str(), 0);
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
            throw sink_error("cannot check " + path(), errno);
        }
        return;
    }
    if (!S_ISREG(status->st_mode)) {
        throw sink_refusal(path() + " is " + std::string(describe_file_type(status->st_mode)),
                           "a secret is written only to a regular file", "choose another name");
    }
    if (!m_replace) {
        if (is_file_at(folder, m_unfinished, identity_of(*status))) {
            return;
        }
        throw sink_refusal(
            path() + " exists", "an existing secret file is kept unless you add --replace",
            "choose another name, or add --replace (the old content stays until the change is committed)");
    }
    if (status->st_uid != ::geteuid()) {
        throw sink_refusal(path() + " belongs to another user (uid " + std::to_string(status->st_uid) + ")",
                           "the new file would be private to you, so its reader could no longer read it",
                           "run this as that user, or choose another name");
    }
    if (auto const obstacle = why_not_replaceable(folder, m_name)) {
        throw sink_refusal(path() + " " + obstacle->fault, obstacle->why, obstacle->next);
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
        throw sink_error("cannot create " + unfinished_path(), error_number,
                         error_number == EEXIST ? own_command({"recover", "--dir", m_folder->path}) : Advice());
    }
    struct stat status {};
    if (::fstat(m_fd.get(), &status) != 0) {
        throw sink_error("cannot check " + unfinished_path(), errno);
    }
    m_identity = identity_of(status);
    make_private(m_fd.get(), unfinished_path());
    // Before the file was locked, another run may have found it and taken it for one that a killed run left.
    if (::flock(m_fd.get(), LOCK_EX | LOCK_NB) != 0 || !is_file_at(folder, m_unfinished, m_identity)) {
        throw sink_refusal(unfinished_path() + " is in use by another run", "two runs write to the same place",
                           "run the same command again when the other run has ended");
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
            throw sink_refusal(path() + " exists", "it was created while this command ran", "choose another name");
        }
        // EXDEV and ENOSYS: overlays, FUSE, and sandboxes that filter system calls
        constexpr std::array no_links{EPERM, EOPNOTSUPP, ENOSYS, EXDEV, EMLINK};
        bool const without_links = std::find(no_links.begin(), no_links.end(), error_number) != no_links.end();
        throw sink_error("cannot create " + path(), error_number,
                         without_links ? "if the file system has no hard links, add --replace" : "");
    }
    if (!is_file_at(folder, m_name, m_identity)) {
        throw sink_refusal(unfinished_path() + " was replaced while it was being written",
                           "another process writes to the same folder", "choose a folder that only you use");
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
    return "the folder of " + path() + " could not be flushed to disk: " + std::strerror(error_number);
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
        keep();  // the key is live: its file must stay
        throw;
    }
    clear_made_for(m_fd.get());
    keep();
}

void SecretFile::finish_new() {
    auto const folder = m_folder->fd.get();
    // A process that waits for NAME may have moved it away already. Then make it again: too many copies are better than
    // none.
    if (!is_file_at(folder, m_name, m_identity) &&
        ::linkat(folder, m_unfinished.c_str(), folder, m_name.c_str(), 0) != 0) {
        throw live_but_misplaced(errno);
    }
    unlink_if_same(folder, m_unfinished, m_identity);
}

void SecretFile::finish_replacement() {
    auto const folder = m_folder->fd.get();
    if (!is_file_at(folder, m_unfinished, m_identity)) {
        // Another process removed or replaced NAME.new. The key is live, and this memory holds its only copy.
        m_fd.reset();
        try {
            create_unfinished();
            flush();
        } catch (Error const &error) {
            throw Error(ErrorKind::unknown,
                        "the new key is live, but " + unfinished_path() + " was removed: " + error.message(),
                        {.why = "another process writes to the same folder",
                         .next = "issue another key: the old key is accepted until its grace period ends",
                         .changed = Changed::yes});
        }
    }
    if (::renameat(folder, m_unfinished.c_str(), folder, m_name.c_str()) != 0) {
        throw live_but_misplaced(errno);
    }
}

/// Not ErrorKind::sink, which promises that nothing was changed.
Error SecretFile::live_but_misplaced(int error_number) const {
    return Error(ErrorKind::unknown,
                 "the new key is live, but cannot be moved to " + path() + ": " + std::strerror(error_number),
                 {.why = "the key is safe in " + unfinished_path(),
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
        // Remove NAME first: as long as NAME.new exists, a later run can see that NAME is ours.
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
