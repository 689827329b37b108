#pragma once

#include "cli/sink/secret_file.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace relay::cli {

struct NamedSecret {
    std::string name;  ///< of the file, without a slash
    SecretBuffer content;
};

/// Secrets in files of one folder, each by the protocol of SecretFile, made durable together: every NAME.new is on the disk before the first gets
/// its name, and every name before write() ends. Of many files the whole file system is flushed once (syncfs): a flush of each costs five times
/// as much, while for a few the dirty pages of others would be waited for.
/// Each file stays open until the verdict, since it is locked.
class SecretFiles {
  public:
    SecretFiles(std::shared_ptr<Folder const> folder, bool replace) : m_folder(std::move(folder)), m_replace(replace) {}

    /// As SecretFile::write. On failure takes back all of them and throws Error (sink).
    void write(std::vector<NamedSecret> secrets, std::string const &database_id);

    /// write() in its steps, for several folders that share a flush: draft() of all, then of each flush(), or, after a syncfs, confirm_flushed(), then
    /// put_into_place(). Each throws Error (sink); then undo() is the caller's.
    void draft(std::vector<NamedSecret> secrets, std::string const &database_id);
    void flush() const;
    void confirm_flushed() const;
    void put_into_place();
    /// From so many files on one syncfs is cheaper than a flush each, with some dirty pages of others included (measured on ext4).
    static constexpr std::size_t many = 16;

    /// As SecretFile::finish. One that cannot be put in place does not stop the others; the first such Error is thrown at the end.
    std::optional<std::string> finish();
    void undo() noexcept;
    void keep() noexcept { m_files.clear(); }

  private:
    std::shared_ptr<Folder const> m_folder;
    bool m_replace;
    std::vector<SecretFile> m_files{};
};

}  // namespace relay::cli
