#pragma once

#include "cli/posix/files.hpp"
#include "cli/sink/format.hpp"
#include "cli/sink/secret_file.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace relay::cli {

/// A file of secrets to which batches are appended, by a protocol that survives a kill at any moment.
///
/// A batch is written to NAME.batch and flushed. After the commit it is appended to NAME, NAME is flushed, and
/// NAME.batch is removed. So NAME contains only live keys. A run locks NAME.batch (flock) while it works on it. A run
/// that finds a NAME.batch asks the database whether its transaction was committed, and then appends what is missing
/// (`append_missing`) or removes the file. Runs that write to the same NAME take turns, batch by batch.
class BatchFile {
  public:
    /// How long a run waits for the batch of another one.
    static constexpr std::chrono::milliseconds patience{5'000};

    /// `name` is relative to the folder, without a slash; `first_words` is how such a file begins.
    BatchFile(std::shared_ptr<Folder const> folder, std::string name,
              std::string_view first_words = first_words_of_lines(SecretFormat::json))
        : m_folder(std::move(folder)), m_name(std::move(name)), m_first_words(first_words) {}

    /// Checks NAME without changing it. Returns true if NAME exists with keys of earlier runs. Throws Error (sink) if
    /// NAME is not a private regular file of this user, or does not begin as a file of keys does.
    bool check() const;
    /// Writes the batch durably to NAME.batch, and records in it which database it is for (cli/sink/made_for.hpp). On
    /// failure, or if another run keeps a NAME.batch for too long, removes its own and throws Error (sink).
    void write(std::string_view content, std::string const &database_id = {});
    /// Appends the batch to NAME, after the commit. Throws Error (unknown, changed yes) if that fails: the keys are
    /// then complete in NAME.batch.
    void finish(std::string_view content);
    /// Removes NAME.batch, after a rollback.
    void undo() noexcept;
    /// Keeps NAME.batch and releases its lock, after an unknown outcome.
    void keep() noexcept { m_fd.reset(); }

  private:
    void require_room(std::size_t size) const;

    std::shared_ptr<Folder const> m_folder;
    std::string m_name;
    std::string_view m_first_words;
    FileDescriptor m_fd{};
    FileIdentity m_identity{};
};

/// Appends to NAME what is missing of `content` there: all of it, or the rest if an earlier run was killed in the
/// middle; then flushes. Creates NAME if necessary. Throws Error (sink).
void append_missing(Folder const &folder, std::string const &name, std::string_view content);

}  // namespace relay::cli
