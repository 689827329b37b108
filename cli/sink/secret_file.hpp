#pragma once

#include "cli/posix/files.hpp"
#include "cli/posix/trust.hpp"
#include "relay/crypto/secret_buffer.hpp"
#include "relay/model/error.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

/// An open folder, and its path as the user wrote it.
struct Folder {
    FileDescriptor fd;
    std::string path;

    /// Returns `path`/`name`, as the user would write it.
    std::string path_of(std::string const &name) const;
};

/// Opens a folder. Throws Error (sink).
std::shared_ptr<Folder const> open_folder(std::string const &path);
/// Throws Error (sink) unless files can be created, renamed and removed in the folder now.
void require_writable(Folder const &folder);
/// Throws Error (sink) if another user could do this harm in the folder.
void require_trusted(Folder const &folder, Harm harm = Harm::replace);

/// Returns the name of the unfinished file for `name`.
std::string unfinished_name(std::string_view name);
constexpr std::string_view unfinished_suffix = ".new";
/// Returns the name of the batch that will be appended to `name`.
std::string batch_name(std::string_view name);
constexpr std::string_view batch_suffix = ".batch";

/// One secret in one file, by a protocol that survives a kill at any moment.
///
/// New file: NAME.new is written and flushed, then linked to NAME (which fails if NAME exists); after the commit
/// NAME.new is removed. While both names are the same file, the operation is in progress. Replacement: NAME.new is
/// renamed to NAME after the commit. A run locks NAME.new (flock) while it works on it, so that no other run settles it
/// meanwhile.
class SecretFile {
  public:
    /// `name` is relative to the folder, without a slash.
    SecretFile(std::shared_ptr<Folder const> folder, std::string name, bool replace);

    /// Checks NAME without changing it. Throws Error (sink) if NAME is in the way: it exists and may not be replaced
    /// (unless a killed run left it in progress), is not a regular file, belongs to another user, or cannot be replaced
    /// by a rename (cli/posix/replaceable.hpp).
    void check() const;
    /// Writes the content durably, and records in NAME.new which database it is for (cli/sink/made_for.hpp). On
    /// failure, removes everything and throws Error (sink).
    void write(SecretBuffer content, std::string database_id = {});
    /// Puts the secret into NAME, after the commit. Returns a warning, if any. Throws Error (unknown, changed yes) if
    /// the secret is not in NAME now.
    std::optional<std::string> finish();
    /// Removes what was made, after a rollback.
    void undo() noexcept;

    /// Writes all of the content to NAME.new and locks it, but does not flush. The steps of write() for many files of
    /// one folder that share their flushes (cli/sink/secret_files.hpp). Each throws Error (sink); then the caller must
    /// call undo().
    void draft(SecretBuffer content, std::string database_id);
    /// Flushes NAME.new.
    void flush() const;
    /// Checks that the content reached the disk, after the whole file system was flushed.
    void confirm_flushed() const;
    /// Gives a new file its name. The caller must flush the folder.
    void put_into_place();
    /// finish() and undo() without the flush of the folder.
    void finish_unflushed();
    void undo_unflushed() noexcept;
    /// Keeps all files and releases the lock, after an unknown outcome.
    void keep() noexcept;

    std::string path() const { return m_folder->path_of(m_name); }
    std::string unfinished_path() const { return m_folder->path_of(m_unfinished); }
    bool is_written() const { return m_fd.is_open(); }

  private:
    void create_unfinished();
    void finish_new();
    void finish_replacement();
    Error live_but_misplaced(int error_number) const;

    std::shared_ptr<Folder const> m_folder;
    std::string m_name;
    std::string m_unfinished;
    bool m_replace;
    FileDescriptor m_fd{};  ///< NAME.new, locked; open from write() to the verdict
    FileIdentity m_identity{};
    std::optional<SecretBuffer> m_content{};
    std::string m_database_id{};
};

}  // namespace relay::cli
